//! A batch as VictoriaMetrics imports it: gzipped lines of the Prometheus text format, each with its timestamp.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::batch::Batch;

/// The headers that say what [`encode`] gives.
pub(super) const HEADERS: &[(&str, &str)] = &[("content-type", "text/plain"), ("content-encoding", "gzip")];

const VEC_WRITES: &str = "writing to memory does not fail";

/// The body of a request.
pub(super) fn encode(batch: &Batch) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text(batch).as_bytes()).expect(VEC_WRITES);
    encoder.finish().expect(VEC_WRITES)
}

fn text(batch: &Batch) -> String {
    let mut text = String::new();
    for series in &batch.series {
        let labels: Vec<_> =
            series.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let start = format!("{}{{{}}}", series.name, labels.join(","));
        for sample in &series.samples {
            // Milliseconds: every version takes them, and only newer ones tell seconds from them.
            writeln!(text, "{start} {} {}", sample.value, sample.at.saturating_mul(1000)).expect(VEC_WRITES);
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Sample, Series};

    #[test]
    fn a_line_has_labels_value_and_milliseconds() {
        let check = |label: &str, value: f64, expected: &str| {
            let labels = vec![("job".to_owned(), "withings".to_owned()), ("profile".to_owned(), label.to_owned())];
            let samples = vec![Sample { at: 1_700_000_000, value }];
            let series = vec![Series { name: "withings_weight_kg".to_owned(), labels, samples }];
            assert_eq!(text(&Batch { series, samples: 1 }), expected);
        };
        check("Zoë", 72.345, "withings_weight_kg{job=\"withings\",profile=\"Zoë\"} 72.345 1700000000000\n");
        let odd = "withings_weight_kg{job=\"withings\",profile=\"a \\\"b\\\" \\\\ c\\nd\"} 0.30000000000000004 1700000000000\n";
        check("a \"b\" \\ c\nd", 0.1 + 0.2, odd);
    }
}
