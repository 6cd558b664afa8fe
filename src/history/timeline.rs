//! The series of one person: readings, sorted into tracks in the order of a page.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::catalogue::{LabelName, Measurement, Source};
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
        if measurement.has_time() && !is_timed_by_values(measurement) {
            let meastype =
                labels.get(LabelName::Meastype).map(|meastype| Labels::new([(LabelName::Meastype, meastype)]));
            self.note_time(measurement, meastype.unwrap_or_default(), at, until);
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

    /// The tracks with points within `period`, by their topics. Those of times that a track of values tells are not among them
    /// ([`Track::into_times`]).
    pub(super) fn tracks(self, period: &Range<i64>) -> impl Iterator<Item = (Topic, Track)> {
        self.tracks.into_iter().filter_map(|((topic, measurement, labels), points)| {
            let points = in_order(points, period);
            (!points.is_empty()).then_some((topic, Track { measurement, labels, points }))
        })
    }
}

impl Track {
    /// When the values were measured, where the timeline does not tell it: a minute has two tracks in memory otherwise.
    pub(super) fn into_times(mut self) -> Option<Self> {
        self.points.iter_mut().for_each(|point| point.value = point.at as f64);
        is_timed_by_values(self.measurement).then_some(self)
    }
}

/// Whether the times of a measurement are those of one track of values: it has no labels, and no value that was not measured,
/// as the sleep state has.
fn is_timed_by_values(measurement: Measurement) -> bool {
    measurement.has_time() && measurement.labels.is_empty() && measurement.source != Source::SleepState
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
