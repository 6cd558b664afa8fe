//! Golden pages, and two independent parsers that must see on a page what is there.

use openmetrics_parser::openmetrics::parse_openmetrics;
use openmetrics_parser::prometheus::parse_prometheus;

use crate::page::Page;
use crate::python;

/// A page of metrics in both formats.
pub(crate) struct Pages {
    pub(crate) openmetrics: String,
    pub(crate) text: String,
}

impl Pages {
    /// Compares both formats with `tests/golden/<name>-<format>.snap`.
    pub(crate) fn check_golden(&self, name: &str) {
        insta::with_settings!({ snapshot_path => "../golden", prepend_module_to_snapshot => false }, {
            for (format, page) in [("openmetrics", &self.openmetrics), ("text", &self.text)] {
                insta::assert_snapshot!(format!("{name}-{format}"), with_sorted_counters(page));
            }
        });
    }

    /// Lets both parsers read both pages.
    pub(crate) fn check_parsed(&self) {
        let (openmetrics, text) = (Page::read(&self.openmetrics), Page::read(&self.text));
        assert_eq!(openmetrics.samples, text.samples);
        assert_eq!(Page::read(&parse_openmetrics(&self.openmetrics).unwrap().to_string()), openmetrics);
        assert_eq!(Page::read(&parse_prometheus(&self.text).unwrap().to_string()), text);
        assert_eq!(read_by_python("openmetrics", &self.openmetrics), openmetrics);
        assert_eq!(read_by_python("text", &self.text), text);
    }
}

/// The samples that the reference parser reads from a page in this format.
pub(crate) fn read_by_python(format: &str, page: &str) -> Page {
    let mut parser = python::script("parse_exposition.py");
    parser.arg(format);
    serde_json::from_slice(&python::answer(&mut parser, page.as_bytes())).unwrap()
}

/// The page with the samples of each live family in the order of their labels: prometheus-client has them in the order
/// of a hash map. The buckets of one histogram stay as they are.
fn with_sorted_counters(page: &str) -> String {
    let (data, live) = page.split_at(page.find("# HELP withings_exporter_build").unwrap());
    let mut lines: Vec<_> = live.lines().collect();
    for family in lines.chunk_by_mut(|a, b| !a.starts_with('#') && !b.starts_with('#')) {
        family.sort_by_key(|sample| labels(sample));
    }
    format!("{data}{}\n", lines.join("\n"))
}

/// The labels of a sample without the bound of a bucket.
fn labels(sample: &str) -> &str {
    let labels = sample.split_once('{').map_or("", |(_, rest)| rest);
    let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
    labels.strip_prefix("le=").and_then(|label| label.split_once(',')).map_or(labels, |(_, rest)| rest)
}
