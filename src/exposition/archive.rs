//! Samples with timestamps: a history as OpenMetrics text, written as it comes.

use std::io::{self, Write};

use super::data;
use super::openmetrics::{END, Family, Label, TIMES};
use crate::catalogue::{Kind, LabelName, Measurement, Source};

/// One of the metric families of a page that belong to people's measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricFamily {
    /// The values of a measurement.
    Values(Measurement),
    /// When values were measured.
    Times,
}

/// A text of families, each a block of whole series.
pub struct Archive<W> {
    out: W,
}

impl MetricFamily {
    /// Every family, in the order of a page.
    pub fn all() -> impl Iterator<Item = Self> {
        Measurement::all().map(Self::Values).chain([Self::Times])
    }

    /// The name of its samples.
    #[must_use]
    pub fn metric(self) -> String {
        match self {
            Self::Values(measurement) => measurement.metric(),
            Self::Times => TIMES.to_owned(),
        }
    }

    /// The states of its state set, each of them a series with the metric's name as a label; none for numbers.
    #[must_use]
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Values(measurement) => match measurement.kind() {
                Kind::StateSet(states) => states,
                Kind::Gauge | Kind::Info => &[],
            },
            Self::Times => &[],
        }
    }
}

/// The label `measurement` of the time of a value of `measurement`; `meastype` is the value's label of that name.
#[must_use]
pub fn time_label(measurement: Measurement, meastype: Option<&str>) -> String {
    match measurement.source {
        Source::UnlistedMeasure => data::unlisted_type(meastype.unwrap_or_default()),
        _ => measurement.key.to_owned(),
    }
}

/// Names of labels that samples have by themselves and nobody may add.
pub fn own_labels() -> impl Iterator<Item = String> {
    let of_readings = Measurement::all().flat_map(|it| it.labels).copied().map(LabelName::name);
    let state_sets = MetricFamily::all().filter(|it| !it.states().is_empty()).map(MetricFamily::metric);
    ["profile", "measurement"].into_iter().chain(of_readings).map(str::to_owned).chain(state_sets)
}

impl<W: Write> Archive<W> {
    /// An empty text, to be written to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Begins a family, which must not have been begun before.
    pub fn begin(&mut self, family: MetricFamily) -> io::Result<()> {
        let head = match family {
            MetricFamily::Values(measurement) => {
                Family::of(measurement, &measurement.metric(), &measurement.help()).head()
            }
            MetricFamily::Times => Family::times().head(),
        };
        self.out.write_all(head.as_bytes())
    }

    /// Writes samples of a series of the family, which go on where those before end: the metric's name, its labels, and
    /// time (Unix seconds) and value of each sample.
    pub fn samples(
        &mut self,
        metric: &str,
        labels: &[(String, String)],
        samples: impl Iterator<Item = (i64, f64)>,
    ) -> io::Result<()> {
        let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(name, value)).collect();
        let labels: Vec<&str> = labels.iter().map(Label::text).collect();
        let series = format!("{metric}{{{}}}", labels.join(","));
        for (at, value) in samples {
            writeln!(self.out, "{series} {value} {at}")?;
        }
        Ok(())
    }

    /// Ends the text and gives the writer back.
    pub fn end(mut self) -> io::Result<W> {
        self.out.write_all(END.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}
