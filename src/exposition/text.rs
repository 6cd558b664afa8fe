//! OpenMetrics text → the Prometheus text format 0.0.4, in one pass. Samples stay as they are, but for exemplars; what is
//! said about a family differs.

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

/// What is known of the present family. It is written when all of its metadata was read: the name on HELP depends on the
/// type, which may come after it.
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
