//! The series of all people, in the order of a page, a stretch at a time.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::question::Question;
use super::spool::Spool;
use super::timeline::{Point, Topic, Track};
use crate::catalogue::{Kind, Measurement};
use crate::exposition::{Sample, of_time, of_value};
use crate::reading::Labels;

/// The most samples of a stretch.
const STRETCH: usize = 10_000;

/// The series of a history: family after family, of each the people in the order of the question. Series and their stretches
/// come in the same order whenever the same history is read.
pub struct SeriesReader {
    people: Vec<(Arc<str>, Spool)>,
    topics: Box<dyn Iterator<Item = Topic> + Send>,
    topic: Option<Topic>,
    /// The series that are read now, all of one family and one person.
    open: Option<OpenTrack>,
    added_labels: Arc<[(String, String)]>,
    fill: Option<i64>,
    end: i64,
}

/// A series, or a part of one that is long: a reader gives the stretches of a series one after the other.
pub struct Stretch {
    series: Series,
    added_labels: Arc<[(String, String)]>,
    /// Times and values, ascending, at least one.
    points: Vec<(i64, f64)>,
    /// Whether it is the first one of its series.
    pub is_first: bool,
}

/// What tells a series from all others.
#[derive(Clone)]
struct Series {
    profile: Arc<str>,
    measurement: Measurement,
    is_of_times: bool,
    labels: Labels,
    /// The place of the state that it is about; 0 where there are no states.
    state: usize,
}

/// A track that is read, state after state if it has states.
struct OpenTrack {
    series: Series,
    points: Vec<Point>,
    position: TrackPosition,
}

/// How far a track has been read.
#[derive(Clone, Copy, Default)]
struct TrackPosition {
    index: usize,
    /// When the point was last repeated, Unix seconds; `None` if it was not given yet.
    given_at: Option<i64>,
}

impl SeriesReader {
    /// The series of these people, whose profiles are given with them, as `question` asks.
    pub(super) fn new(people: Vec<(Arc<str>, Spool)>, question: &Question, period: &Range<i64>) -> Self {
        Self {
            people,
            topics: Box::new(Topic::all()),
            topic: None,
            open: None,
            added_labels: question.labels.clone().into(),
            fill: question.fill.map(i64::from),
            end: period.end,
        }
    }

    fn next_stretch(&mut self) -> io::Result<Option<Stretch>> {
        loop {
            let Some(open) = &mut self.open else {
                self.open = self.next_track()?;
                if self.open.is_none() {
                    return Ok(None);
                }
                continue;
            };
            let is_first = open.position.is_begin();
            let points = open.next_points(self.fill, self.end);
            if !points.is_empty() {
                let (series, added_labels) = (open.series.clone(), Arc::clone(&self.added_labels));
                return Ok(Some(Stretch { series, added_labels, points, is_first }));
            }
            if !open.next_state() {
                self.open = None;
            }
        }
    }

    fn next_track(&mut self) -> io::Result<Option<OpenTrack>> {
        loop {
            if let Some(topic) = self.topic {
                for (profile, spool) in &mut self.people {
                    if let Some(track) = spool.next_about(topic)? {
                        return Ok(Some(OpenTrack::new(Arc::clone(profile), topic, track)));
                    }
                }
            }
            self.topic = self.topics.next();
            if self.topic.is_none() {
                return Ok(None);
            }
        }
    }
}

impl Iterator for SeriesReader {
    type Item = io::Result<Stretch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_stretch().transpose()
    }
}

impl Stretch {
    /// Its samples, ascending in time, at most one for each second.
    #[must_use]
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        self.points.iter().map(|(at, value)| self.series.sample(*value).of_history(*at, &self.added_labels))
    }
}

impl Series {
    fn sample(&self, value: f64) -> Sample<'_> {
        let Self { profile, measurement, labels, state, .. } = self;
        if self.is_of_times {
            return of_time(*measurement, profile, Some(labels), value);
        }
        let mut samples = of_value(*measurement, profile, Some(labels), value);
        samples.nth(*state).expect("the state is one of the measurement's")
    }

    /// How many series a track becomes.
    fn states(&self) -> usize {
        match self.measurement.kind() {
            Kind::StateSet(states) if !self.is_of_times => states.len(),
            _ => 1,
        }
    }
}

impl OpenTrack {
    fn new(profile: Arc<str>, topic: Topic, track: Track) -> Self {
        let Track { measurement, labels, points } = track;
        let series = Series { profile, measurement, is_of_times: topic == Topic::Times, labels, state: 0 };
        Self { series, points, position: TrackPosition::default() }
    }

    /// The next times and values of the series, at most a stretch.
    fn next_points(&mut self, fill: Option<i64>, end: i64) -> Vec<(i64, f64)> {
        let next = || self.position.advance(&self.points, fill, end).map(|(at, point)| (at, point.value));
        std::iter::from_fn(next).take(STRETCH).collect()
    }

    /// Goes to the series of the next state; false if there is none.
    fn next_state(&mut self) -> bool {
        self.series.state += 1;
        self.position = TrackPosition::default();
        self.series.state < self.series.states()
    }
}

impl TrackPosition {
    fn is_begin(self) -> bool {
        self.index == 0 && self.given_at.is_none()
    }

    /// The next sample's time and point: a point, or its repetition every `fill` seconds as long as it is shown, at most
    /// until before `end`.
    fn advance(&mut self, points: &[Point], fill: Option<i64>, end: i64) -> Option<(i64, Point)> {
        loop {
            let point = *points.get(self.index)?;
            let next = points.get(self.index + 1).map_or(i64::MAX, |point| point.at);
            let at = match (self.given_at, fill) {
                (None, _) => point.at,
                (Some(before), Some(step)) => before + step,
                (Some(_), None) => i64::MAX,
            };
            if self.given_at.is_none() || at < next.min(point.until).min(end) {
                self.given_at = Some(at);
                return Some((at, point));
            }
            *self = Self { index: self.index + 1, given_at: None };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: i64, value: f64, until: Option<i64>) -> Point {
        (at, value, until).into()
    }

    fn check(points: &[Point], fill: Option<i64>, expected: &[(i64, f64)]) {
        let mut position = TrackPosition::default();
        let samples: Vec<_> = std::iter::from_fn(|| position.advance(points, fill, 1000)).collect();
        assert_eq!(samples.iter().map(|(at, point)| (*at, point.value)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_value_is_given_once_or_repeated_until_the_next_or_its_end() {
        let points = [point(10, 1.0, None), point(500, 2.0, Some(900)), point(950, 3.0, None)];
        check(&points, None, &[(10, 1.0), (500, 2.0), (950, 3.0)]);
        check(&points, Some(240), &[(10, 1.0), (250, 1.0), (490, 1.0), (500, 2.0), (740, 2.0), (950, 3.0)]);
        check(&points[..1], Some(400), &[(10, 1.0), (410, 1.0), (810, 1.0)]);
        check(&[], Some(240), &[]);
    }
}
