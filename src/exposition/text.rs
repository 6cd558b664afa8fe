//! Samples → text: OpenMetrics 1.0, or the Prometheus text format 0.0.4. They differ in what is said about a family.

use std::io::{self, Write};
use std::ptr;

use super::family::{Family, FamilyKind};
use super::samples::Sample;
use super::{Format, SampleWriter};

/// A page or a history, written as its samples come.
pub struct TextWriter<W> {
    format: Format,
    out: W,
    /// The family that was begun last.
    family: Option<&'static Family>,
}

impl<W: Write> SampleWriter for TextWriter<W> {
    fn write(&mut self, sample: &Sample<'_>) -> io::Result<()> {
        if !self.family.is_some_and(|family| ptr::eq(family, sample.family)) {
            self.family = Some(sample.family);
            self.begin(sample.family)?;
        }
        let out = &mut self.out;
        out.write_all(sample.family.name.as_bytes())?;
        out.write_all(sample.family.suffix().as_bytes())?;
        let mut before: &[u8] = b"{";
        for (name, value) in sample.labels() {
            out.write_all(before)?;
            out.write_all(name.as_bytes())?;
            out.write_all(b"=\"")?;
            write_escaped(out, value)?;
            before = b"\",";
        }
        out.write_all(if before == b"{" { b" " } else { b"\"} " })?;
        write_number(out, sample.value)?;
        if let Some(at) = sample.at {
            write!(out, " {at}")?;
        }
        out.write_all(b"\n")
    }

    fn end(mut self) -> io::Result<()> {
        match self.format {
            Format::OpenMetrics => self.out.write_all(b"# EOF\n")?,
            Format::Text => {}
        }
        self.out.flush()
    }
}

impl<W: Write> TextWriter<W> {
    /// An empty text, to be written to `out`, which should be buffered.
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out, family: None }
    }

    /// Writes whole families that are text of the same format already.
    pub(super) fn append(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    fn begin(&mut self, family: &Family) -> io::Result<()> {
        let Family { name, kind, unit, help, .. } = family;
        debug_assert!(!help.contains(['\n', '\\', '"']), "{help}");
        match self.format {
            Format::OpenMetrics => {
                let kind = match kind {
                    FamilyKind::Counter => "counter",
                    FamilyKind::Gauge => "gauge",
                    FamilyKind::Info => "info",
                    FamilyKind::StateSet => "stateset",
                };
                write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n")?;
                unit.map_or(Ok(()), |unit| writeln!(self.out, "# UNIT {name} {unit}"))
            }
            Format::Text => {
                // The format has no other types, and names a family as its samples are named.
                let kind = if *kind == FamilyKind::Counter { "counter" } else { "gauge" };
                let suffix = family.suffix();
                write!(self.out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n")
            }
        }
    }
}

/// Both formats escape the same characters.
fn write_escaped(out: &mut impl Write, value: &str) -> io::Result<()> {
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        out.write_all(&rest[..at])?;
        out.write_all(match rest[at] {
            b'\\' => b"\\\\",
            b'"' => b"\\\"",
            _ => b"\\n",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)
}

/// Writes the shortest text that reads back as the same. The standard library's formatting of numbers took half of the time
/// of a page.
fn write_number(out: &mut impl Write, value: f64) -> io::Result<()> {
    let mut buffer = zmij::Buffer::new();
    let number = buffer.format_finite(value);
    out.write_all(number.strip_suffix(".0").unwrap_or(number).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    static COUNTER: Family = Family::counter("cpu_seconds", Some("seconds"), "CPU.");
    static GAUGE: Family = Family::gauge("a", None, "A.");

    fn written(format: Format, samples: &[Sample<'_>]) -> String {
        let mut text = Vec::new();
        let mut writer = TextWriter::new(format, &mut text);
        for sample in samples {
            writer.write(sample).unwrap();
        }
        writer.end().unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_counter_and_its_unit_are_said_as_each_format_has_them() {
        let samples = [Sample::new(&COUNTER, 2.5), Sample::new(&GAUGE, 1.0).of_history(-7, &[])];
        assert_eq!(
            written(Format::OpenMetrics, &samples),
            "# HELP cpu_seconds CPU.\n# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\ncpu_seconds_total 2.5\n\
             # HELP a A.\n# TYPE a gauge\na 1 -7\n# EOF\n"
        );
        assert_eq!(
            written(Format::Text, &samples),
            "# HELP cpu_seconds_total CPU.\n# TYPE cpu_seconds_total counter\ncpu_seconds_total 2.5\n\
             # HELP a A.\n# TYPE a gauge\na 1 -7\n"
        );
    }

    #[test]
    fn numbers_are_short_and_exact() {
        let check = |value: f64, expected: &str| {
            let text = written(Format::Text, &[Sample::new(&GAUGE, value)]);
            assert_eq!(text.lines().last(), Some(&*format!("a {expected}")));
        };
        check(72.345, "72.345");
        check(70.0, "70");
        check(-0.5, "-0.5");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1_700_000_000.0, "1700000000");
        check(8_388_608.0, "8388608");
        check(0.0, "0");
        check(2.5e-7, "2.5e-7");
        check(-1e300, "-1e+300");
    }

    #[test]
    fn a_label_may_have_any_value() {
        let check = |value: &str, expected: &str| {
            let added = [("note".to_owned(), value.to_owned())];
            let text = written(Format::Text, &[Sample::new(&GAUGE, 1.0).of_history(1, &added)]);
            assert_eq!(text.lines().last(), Some(&*format!("a{{note=\"{expected}\"}} 1 1")));
        };
        check("Alice", "Alice");
        check(r#"Zoë "Z" \ O'Neil"#, r#"Zoë \"Z\" \\ O'Neil"#);
        check("two\nlines", "two\\nlines");
        check("../x", "../x");
        check(&"ß".repeat(200), &"ß".repeat(200));
    }
}
