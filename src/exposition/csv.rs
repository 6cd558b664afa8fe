//! Samples → CSV, for a doctor, a spreadsheet or a notebook: RFC 4180, a line for each value.

use std::borrow::Cow;
use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat};

use super::SampleWriter;
use super::samples::Sample;

const HEADER: &str = "time,profile,metric,labels,value,unit";

/// A history, written as its samples come.
pub struct CsvWriter<W> {
    out: W,
}

impl<W: Write> CsvWriter<W> {
    /// A table with its header alone, to be written to `out`, which should be buffered.
    pub fn new(mut out: W) -> io::Result<Self> {
        write!(out, "{HEADER}\r\n")?;
        Ok(Self { out })
    }
}

impl<W: Write> SampleWriter for CsvWriter<W> {
    /// The time of a value is in its own line, and of the states the present one is enough.
    fn takes(sample: &Sample<'_>) -> bool {
        !sample.is_of_times() && !sample.is_absent_state()
    }

    fn write(&mut self, sample: &Sample<'_>) -> io::Result<()> {
        let time = DateTime::from_timestamp(sample.at.unwrap_or_default(), 0).unwrap_or_default();
        let labels: Vec<_> = sample.further_labels().map(|(name, value)| format!("{name}={value}")).collect();
        write!(
            self.out,
            "{},{},{},{},{},{}\r\n",
            time.to_rfc3339_opts(SecondsFormat::Secs, true),
            cell(sample.profile()),
            sample.family.metric(),
            cell(&labels.join(";")),
            // A number is no text: one below zero is no formula, and no program reads one with an apostrophe.
            sample.value,
            cell(sample.family.symbol),
        )
    }

    fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A text as a cell. A spreadsheet would run one that begins as a formula does, so it gets an apostrophe, which spreadsheets
/// do not show.
fn cell(text: &str) -> Cow<'_, str> {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    };
    if text.contains([',', '"', '\r', '\n']) { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_needed_and_never_a_formula() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("Alice", "Alice");
        check("O'Neil, Zoë \"Z\"", "\"O'Neil, Zoë \"\"Z\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("=HYPERLINK(\"http://a\",\"b\")", "\"'=HYPERLINK(\"\"http://a\"\",\"\"b\"\")\"");
        check("-1", "'-1");
        check("@x", "'@x");
        check("+x", "'+x");
        check("", "");
    }
}
