//! The series of one person: readings, sorted into tracks in the order of a page.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::catalogue::{LabelName, Measurement};
use crate::reading::{Labels, Reading};

/// The series of one person as they come.
#[derive(Default)]
pub(super) struct Timeline {
    tracks: BTreeMap<(Topic, Measurement, Labels), Vec<Point>>,
}

/// The family that a track belongs to, ordered as families are on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// The values of a measurement.
    Values(Measurement),
    /// When values were measured.
    Times,
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
    /// What was measured.
    pub(super) measurement: Measurement,
    /// Whether the points are times of values, and not values.
    pub(super) is_of_times: bool,
    /// The labels of the readings; of times, the measure type alone.
    pub(super) labels: Labels,
    /// Ascending, one for each second.
    pub(super) points: Vec<Point>,
}

impl Topic {
    /// Every topic, in the order of a page.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Measurement::all().map(Self::Values).chain([Self::Times])
    }
}

impl Timeline {
    /// Adds readings, each from the time at which it was measured.
    pub(super) fn extend(&mut self, readings: impl Iterator<Item = Reading>) {
        readings.for_each(|reading| self.add(reading));
    }

    fn add(&mut self, reading: Reading) {
        let Reading { measurement, labels, value, measured_at: at, until, .. } = reading;
        let until = until.map_or(i64::MAX, |until| until.get().into());
        if measurement.has_time() {
            let meastype = labels.get(LabelName::Meastype).map(|meastype| (LabelName::Meastype, meastype.into()));
            self.note_time(measurement, meastype.into_iter().collect(), at, until);
        }
        self.note(Topic::Values(measurement), measurement, labels, Point { at, value, until });
    }

    /// Adds a state, by its place, that was measured at a time, Unix seconds.
    pub(super) fn add_state(&mut self, measurement: Measurement, at: i64, place: usize) {
        self.note_time(measurement, Labels::default(), at, i64::MAX);
        self.change_state(measurement, at, place);
    }

    /// Adds a state, by its place, that was not measured: it only became the present one at this time, Unix seconds.
    pub(super) fn change_state(&mut self, measurement: Measurement, at: i64, place: usize) {
        let point = Point { at, value: place as f64, until: i64::MAX };
        self.note(Topic::Values(measurement), measurement, Labels::default(), point);
    }

    fn note_time(&mut self, measurement: Measurement, meastype: Labels, at: i64, until: i64) {
        self.note(Topic::Times, measurement, meastype, Point { at, value: at as f64, until });
    }

    fn note(&mut self, topic: Topic, measurement: Measurement, labels: Labels, point: Point) {
        self.tracks.entry((topic, measurement, labels)).or_default().push(point);
    }

    /// The tracks with points within `period`, by their topics.
    pub(super) fn tracks(self, period: &Range<i64>) -> impl Iterator<Item = (Topic, Track)> {
        self.tracks.into_iter().filter_map(|((topic, measurement, labels), points)| {
            let points = in_order(points, period);
            let is_of_times = topic == Topic::Times;
            (!points.is_empty()).then_some((topic, Track { measurement, is_of_times, labels, points }))
        })
    }
}

/// The points within `period`, ascending; of several at one time the one that is shown longest, then the last.
fn in_order(mut points: Vec<Point>, period: &Range<i64>) -> Vec<Point> {
    points.retain(|point| period.contains(&point.at));
    points.sort_by_key(|point| (point.at, point.until));
    points.reverse();
    points.dedup_by_key(|point| point.at);
    points.reverse();
    points
}

impl From<(i64, f64, Option<i64>)> for Point {
    fn from((at, value, until): (i64, f64, Option<i64>)) -> Self {
        Self { at, value, until: until.unwrap_or(i64::MAX) }
    }
}

impl From<Point> for (i64, f64, Option<i64>) {
    fn from(Point { at, value, until }: Point) -> Self {
        (at, value, Some(until).filter(|until| *until != i64::MAX))
    }
}
