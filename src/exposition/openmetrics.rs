//! Metric families as OpenMetrics text.

use crate::catalogue::{Kind, Measurement};

/// The last line of a page.
pub(super) const END: &str = "# EOF\n";

/// The metric that tells when values were measured.
pub(super) const TIMES: &str = "withings_measurement_timestamp_seconds";

/// A metric family without its samples.
pub(super) struct Family<'a> {
    name: &'a str,
    kind: &'static str,
    /// What follows the family's name in the names of its samples.
    suffix: &'static str,
    unit: Option<&'a str>,
    help: &'a str,
}

/// A label, ready to be written: `name="value"`.
pub(super) struct Label(String);

/// A page or a part of one.
#[derive(Default)]
pub(super) struct Writer {
    text: String,
}

/// The samples of one family.
pub(super) struct Samples<'a> {
    text: &'a mut String,
    name: &'a str,
    suffix: &'static str,
}

/// The value of a sample, finite.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

/// `name` is without the suffix of a counter or an info and ends with `unit`; `help` is one line without backslash and quotation
/// mark, so that it needs no escaping.
impl<'a> Family<'a> {
    pub(super) fn counter(name: &'a str, unit: Option<&'a str>, help: &'a str) -> Self {
        Self { name, kind: "counter", suffix: "_total", unit, help }
    }

    pub(super) fn gauge(name: &'a str, unit: Option<&'a str>, help: &'a str) -> Self {
        Self { name, kind: "gauge", suffix: "", unit, help }
    }

    pub(super) fn info(name: &'a str, help: &'a str) -> Self {
        Self { name, kind: "info", suffix: "_info", unit: None, help }
    }

    pub(super) fn state_set(name: &'a str, help: &'a str) -> Self {
        Self { name, kind: "stateset", suffix: "", unit: None, help }
    }

    /// The family of a measurement, whose metric and HELP these are.
    pub(super) fn of(measurement: Measurement, metric: &'a str, help: &'a str) -> Self {
        match measurement.kind() {
            Kind::Gauge => Self::gauge(metric, measurement.unit.suffix_of(metric), help),
            Kind::StateSet(_) => Self::state_set(metric, help),
            Kind::Info => {
                let name = metric.strip_suffix("_info").expect("the catalogue's test: an info's key ends so");
                Self::info(name, help)
            }
        }
    }

    /// The family of the times at which values were measured.
    pub(super) fn times() -> Family<'static> {
        Family::gauge(TIMES, Some("seconds"), "When the value was measured, Unix time.")
    }

    /// The lines before the samples.
    pub(super) fn head(&self) -> String {
        let Self { name, kind, unit, help, .. } = self;
        debug_assert!(!help.contains(['\n', '\\', '"']), "{help}");
        let unit = unit.map(|unit| format!("# UNIT {name} {unit}\n")).unwrap_or_default();
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{unit}")
    }
}

impl Writer {
    /// Goes on where `text`, whole families, ends.
    pub(super) fn after(text: String) -> Self {
        Self { text }
    }

    /// Writes a family with the samples that `samples` gives; nothing at all if it gives none.
    pub(super) fn family(&mut self, family: &Family<'_>, samples: impl FnOnce(&mut Samples<'_>)) {
        let start = self.text.len();
        self.text.push_str(&family.head());
        let empty = self.text.len();
        samples(&mut Samples { text: &mut self.text, name: family.name, suffix: family.suffix });
        if self.text.len() == empty {
            self.text.truncate(start);
        }
    }

    /// The text so far, whole families.
    pub(super) fn part(self) -> String {
        self.text
    }

    /// The text, ended.
    pub(super) fn end(mut self) -> String {
        self.text.push_str(END);
        self.text
    }
}

impl Samples<'_> {
    /// Adds a sample.
    pub(super) fn add<'l>(&mut self, labels: impl IntoIterator<Item = &'l Label>, value: impl Into<Number>) {
        self.text.push_str(self.name);
        self.text.push_str(self.suffix);
        let mut before = '{';
        for label in labels {
            self.text.push(before);
            self.text.push_str(label.text());
            before = ',';
        }
        self.text.push_str(if before == ',' { "} " } else { " " });
        value.into().write(self.text);
        self.text.push('\n');
    }
}

/// The standard library's formatting of numbers took half of the time of a page.
impl Number {
    /// Writes the shortest text that reads back as the same.
    fn write(self, text: &mut String) {
        match self {
            Self::Whole(value) => text.push_str(itoa::Buffer::new().format(value)),
            Self::Real(value) => {
                let mut buffer = zmij::Buffer::new();
                let number = buffer.format_finite(value);
                text.push_str(number.strip_suffix(".0").unwrap_or(number));
            }
        }
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl Label {
    /// The label `name` with `value`, which may be any text.
    pub(super) fn new(name: &str, value: &str) -> Self {
        let mut text = format!("{name}=\"");
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
        Self(text)
    }

    /// The label as it is written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_value(value: f64, expected: &str) {
        let mut page = Writer::default();
        page.family(&Family::gauge("a", None, "A."), |samples| samples.add([], value));
        assert_eq!(page.part(), format!("# HELP a A.\n# TYPE a gauge\na {expected}\n"));
    }

    fn check_label(value: &str, expected: &str) {
        assert_eq!(Label::new("profile", value).0, format!("profile=\"{expected}\""));
    }

    #[test]
    fn a_family_says_what_it_is() {
        let mut page = Writer::default();
        let (deep, rem) = (Label::new("state", "deep"), Label::new("state", "rem"));
        page.family(&Family::state_set("state", "State."), |samples| {
            samples.add([&Label::new("profile", "Bob"), &deep], true);
            samples.add([&Label::new("profile", "Bob"), &rem], false);
        });
        page.family(&Family::counter("cpu_seconds", Some("seconds"), "CPU."), |samples| samples.add([], 2.5));
        let expected = "# HELP state State.\n# TYPE state stateset\nstate{profile=\"Bob\",state=\"deep\"} 1\n\
                        state{profile=\"Bob\",state=\"rem\"} 0\n# HELP cpu_seconds CPU.\n# TYPE cpu_seconds counter\n\
                        # UNIT cpu_seconds seconds\ncpu_seconds_total 2.5\n# EOF\n";
        assert_eq!(page.end(), expected);
    }

    #[test]
    fn a_family_without_samples_is_left_out_whole() {
        let mut page = Writer::after("before 1\n".to_owned());
        page.family(&Family::gauge("a_seconds", Some("seconds"), "A."), |_| {});
        assert_eq!(page.part(), "before 1\n");
    }

    #[test]
    fn numbers_are_short_and_exact() {
        check_value(72.345, "72.345");
        check_value(70.0, "70");
        check_value(-0.5, "-0.5");
        check_value(0.1 + 0.2, "0.30000000000000004");
        check_value(1_700_000_000.0, "1700000000");
        check_value(0.0, "0");
        check_value(2.5e-7, "2.5e-7");
        check_value(-1e300, "-1e+300");
    }

    #[test]
    fn a_label_may_have_any_value() {
        check_label("Alice", "Alice");
        check_label(r#"Zoë "Z" \ O'Neil"#, r#"Zoë \"Z\" \\ O'Neil"#);
        check_label("two\nlines", "two\\nlines");
        check_label("../x", "../x");
        check_label(&"ß".repeat(200), &"ß".repeat(200));
    }
}
