//! The series of one person: readings, sorted into series and kept on disk in the order of a page.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::catalogue::{LabelName, Measurement};
use crate::exposition::{MetricFamily, time_label};
use crate::reading::{Labels, Reading};

/// The series of one person as they come.
#[derive(Default)]
pub(super) struct Timeline {
    values: BTreeMap<(Measurement, Labels), Vec<Point>>,
    /// By the label `measurement`.
    times: BTreeMap<String, Vec<Point>>,
}

/// A value from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(i64, f64, Option<i64>)", into = "(i64, f64, Option<i64>)")]
pub(super) struct Point {
    /// Since when, Unix seconds.
    pub(super) at: i64,
    /// The value, or the place of the present state.
    pub(super) value: f64,
    /// When its time is over, Unix seconds, also without a next value; the end of all times for one that stays.
    pub(super) until: i64,
}

/// All points of a series; of a state set, of all its series.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    /// The metric's name.
    pub(super) metric: String,
    /// The labels beside the profile.
    pub(super) labels: Vec<(String, String)>,
    /// Ascending, one for each second.
    pub(super) points: Vec<Point>,
}

impl Timeline {
    /// Adds readings, each from the time at which it was measured.
    pub(super) fn extend(&mut self, readings: impl Iterator<Item = Reading>) {
        readings.for_each(|it| self.add(it));
    }

    fn add(&mut self, reading: Reading) {
        let Reading { measurement, labels, value, measured_at: at, until, .. } = reading;
        let until = until.unwrap_or(i64::MAX);
        if measurement.has_time() {
            self.note_time(measurement, labels.get(LabelName::Meastype), at, until);
        }
        self.values.entry((measurement, labels)).or_default().push(Point { at, value, until });
    }

    /// Adds a state, by its place, that was measured at a time, Unix seconds.
    pub(super) fn add_state(&mut self, measurement: Measurement, at: i64, place: usize) {
        self.note_time(measurement, None, at, i64::MAX);
        self.change_state(measurement, at, place);
    }

    /// Adds a state, by its place, that was not measured: it only became the present one at this time, Unix seconds.
    pub(super) fn change_state(&mut self, measurement: Measurement, at: i64, place: usize) {
        let points = self.values.entry((measurement, Labels::default())).or_default();
        points.push(Point { at, value: place as f64, until: i64::MAX });
    }

    fn note_time(&mut self, measurement: Measurement, meastype: Option<&str>, at: i64, until: i64) {
        let label = time_label(measurement, meastype);
        self.times.entry(label).or_default().push(Point { at, value: at as f64, until });
    }

    /// Writes the points within `period`, in the order of a page, a series in each line.
    pub(super) fn write(self, period: &Range<i64>, out: impl Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        let values = self.values.into_iter().map(|((measurement, labels), points)| {
            let labels = labels.iter().map(|(name, value)| (name.name().to_owned(), value.to_owned())).collect();
            Track { metric: measurement.metric(), labels, points }
        });
        let times = self.times.into_iter().map(|(measurement, points)| Track {
            metric: MetricFamily::Times.metric(),
            labels: vec![("measurement".to_owned(), measurement)],
            points,
        });
        for track in values.chain(times) {
            let track = Track { points: in_order(track.points, period), ..track };
            if !track.points.is_empty() {
                serde_json::to_writer(&mut out, &track)?;
                out.write_all(b"\n")?;
            }
        }
        out.flush()
    }
}

/// The points within `period`, ascending; of several at one time the one that is shown longest, then the last.
fn in_order(mut points: Vec<Point>, period: &Range<i64>) -> Vec<Point> {
    points.retain(|it| period.contains(&it.at));
    points.sort_by_key(|it| (it.at, it.until));
    points.reverse();
    points.dedup_by_key(|it| it.at);
    points.reverse();
    points
}

/// The series of one person, one after the other.
pub(super) struct Tracks<R> {
    lines: BufReader<R>,
    next: Option<Track>,
}

impl<R: io::Read> Tracks<R> {
    /// Reads what [`Timeline::write`] wrote.
    pub(super) fn read(file: R) -> io::Result<Self> {
        let mut tracks = Self { lines: BufReader::new(file), next: None };
        tracks.advance()?;
        Ok(tracks)
    }

    /// The next series if it is one of this metric.
    pub(super) fn next_of(&mut self, metric: &str) -> io::Result<Option<Track>> {
        if self.next.as_ref().is_none_or(|it| it.metric != metric) {
            return Ok(None);
        }
        let track = self.next.take();
        self.advance()?;
        Ok(track)
    }

    fn advance(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        self.lines.read_until(b'\n', &mut line)?;
        self.next = if line.is_empty() { None } else { Some(serde_json::from_slice(&line)?) };
        Ok(())
    }
}

impl From<(i64, f64, Option<i64>)> for Point {
    fn from((at, value, until): (i64, f64, Option<i64>)) -> Self {
        Self { at, value, until: until.unwrap_or(i64::MAX) }
    }
}

impl From<Point> for (i64, f64, Option<i64>) {
    fn from(Point { at, value, until }: Point) -> Self {
        (at, value, Some(until).filter(|it| *it != i64::MAX))
    }
}
