//! A series with its samples, as a server is given it.

use crate::exposition::Sample;

/// One series, or a stretch of it where it is long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSeries {
    /// Its labels, `__name__` for the metric's name among them, ascending by their names, which are unique; no value is empty.
    pub labels: Vec<(String, String)>,
    /// Times (Unix seconds) and values of its samples, ascending in time, at most one for each second.
    pub samples: Vec<(i64, f64)>,
}

impl TimeSeries {
    /// The series that all of these samples are of.
    pub fn of<'a>(samples: impl Iterator<Item = Sample<'a>>) -> Self {
        let mut series = Self::default();
        for sample in samples {
            if series.samples.is_empty() {
                series.labels = labels(&sample);
            }
            series.samples.push((sample.at.unwrap_or_default(), sample.value));
        }
        series
    }
}

fn labels(sample: &Sample<'_>) -> Vec<(String, String)> {
    let name = ("__name__".to_owned(), sample.family.metric());
    let labels = sample.labels().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut labels: Vec<_> = labels.chain([name]).collect();
    labels.sort_unstable();
    labels
}
