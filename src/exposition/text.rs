//! OpenMetrics text → the Prometheus text format 0.0.4, in one pass. Samples stay as they are, but for exemplars; what
//! is said about a family differs.

/// Translates whole families of OpenMetrics text.
pub(super) fn from_openmetrics(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut head = Head::default();
    for line in openmetrics.lines() {
        if let Some(metadata) = line.strip_prefix("# ") {
            head.read(metadata, &mut text);
        } else {
            head.write(&mut text);
            text.extend([if head.exemplars { without_exemplar(line) } else { line }, "\n"]);
        }
    }
    head.write(&mut text);
    text
}

/// What is known of the present family. It is written when all of its metadata was read: the name on HELP depends on
/// the type, which may come after it.
#[derive(Default)]
struct Head<'a> {
    name: &'a str,
    help: Option<&'a str>,
    kind: Option<&'a str>,
    suffix: &'static str,
    exemplars: bool,
}

impl<'a> Head<'a> {
    fn read(&mut self, metadata: &'a str, text: &mut String) {
        let mut words = metadata.splitn(3, ' ');
        let (Some(keyword), Some(name)) = (words.next(), words.next()) else { return };
        if name != self.name {
            self.write(text);
            *self = Self { name, ..Self::default() };
        }
        match keyword {
            "HELP" => self.help = words.next(),
            "TYPE" => self.type_is(words.next().unwrap_or_default()),
            _ => {}
        }
    }

    fn type_is(&mut self, kind: &'a str) {
        let (kind, suffix) = match kind {
            "counter" => ("counter", "_total"),
            "info" => ("gauge", "_info"),
            "stateset" => ("gauge", ""),
            "unknown" => ("untyped", ""),
            as_it_is => (as_it_is, ""),
        };
        self.exemplars = matches!(kind, "counter" | "histogram");
        (self.kind, self.suffix) = (Some(kind), suffix);
    }

    /// Writes what was not yet written.
    fn write(&mut self, text: &mut String) {
        for (keyword, value) in [("# HELP ", self.help.take()), ("# TYPE ", self.kind.take())] {
            if let Some(value) = value {
                text.extend([keyword, self.name, self.suffix, " ", value, "\n"]);
            }
        }
    }
}

/// The sample without ` # {…} …` behind it. A label's value may have the same characters in it.
fn without_exemplar(sample: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let exemplar = sample.bytes().position(|byte| {
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = byte == b'\\' && !escaped;
        byte == b'#' && !quoted
    });
    exemplar.map_or(sample, |at| sample[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(openmetrics: &str, expected: &str) {
        assert_eq!(from_openmetrics(openmetrics), expected);
    }

    #[test]
    fn types_that_the_format_lacks_are_replaced() {
        check("# HELP a A.\n# TYPE a gauge\na 1\n", "# HELP a A.\n# TYPE a gauge\na 1\n");
        check("# HELP a A.\n# TYPE a stateset\na{a=\"x\"} 1\n", "# HELP a A.\n# TYPE a gauge\na{a=\"x\"} 1\n");
        check("# HELP a A.\n# TYPE a unknown\na 1\n", "# HELP a A.\n# TYPE a untyped\na 1\n");
        check(
            "# HELP a A.\n# TYPE a info\na_info{b=\"c\"} 1\n",
            "# HELP a_info A.\n# TYPE a_info gauge\na_info{b=\"c\"} 1\n",
        );
    }

    #[test]
    fn a_counter_is_announced_under_the_name_of_its_sample() {
        let expected = "# HELP a_total A counter.\n# TYPE a_total counter\na_total 1\n";
        check("# HELP a A counter.\n# TYPE a counter\na_total 1\n", expected);
        check("# TYPE a counter\n# HELP a A counter.\na_total 1\n", expected);
        check("# TYPE a counter\na_total 1\n", "# TYPE a_total counter\na_total 1\n");
    }

    #[test]
    fn units_and_the_end_are_left_out() {
        check(
            "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds A.\na_seconds 1\n# EOF\n",
            "# HELP a_seconds A.\n# TYPE a_seconds gauge\na_seconds 1\n",
        );
        check("# EOF\n", "");
    }

    #[test]
    fn a_family_without_samples_does_not_rub_off_on_the_next() {
        check(
            "# HELP a A.\n# TYPE a counter\n# HELP b B.\n# TYPE b gauge\nb 1\n# EOF\n",
            "# HELP a_total A.\n# TYPE a_total counter\n# HELP b B.\n# TYPE b gauge\nb 1\n",
        );
        check("# HELP a A.\n# TYPE a counter\n# EOF\n", "# HELP a_total A.\n# TYPE a_total counter\n");
    }

    #[test]
    fn exemplars_are_dropped_and_labels_that_look_like_one_are_not() {
        check("# TYPE a counter\na_total 1 # {trace=\"#1\"} 0.5 1.5\n", "# TYPE a_total counter\na_total 1\n");
        check(
            "# TYPE a histogram\na_bucket{b=\"\\\"# {\\\\\",le=\"+Inf\"} 1 # {} 1\n",
            "# TYPE a histogram\na_bucket{b=\"\\\"# {\\\\\",le=\"+Inf\"} 1\n",
        );
        let label = "# TYPE a counter\na_total{b=\" # {}\"} 1\n";
        check(label, &label.replace("TYPE a", "TYPE a_total"));
    }
}
