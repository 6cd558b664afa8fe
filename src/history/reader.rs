//! The series of all people, in the order of a page, a stretch at a time: what a history needs of memory does not depend
//! on how long it is.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::question::Question;
use super::series::{Sample, Series};
use super::timeline::{Point, Track, Tracks};
use crate::exposition::MetricFamily;

/// The most samples of a stretch.
const STRETCH: usize = 10_000;

/// The series of a history with the families that they belong to: family after family, of each the people in the order of
/// the question. Series and their stretches come in the same order whenever the same history is read.
pub struct Reader {
    people: Vec<(String, Tracks<File>)>,
    families: Box<dyn Iterator<Item = MetricFamily> + Send>,
    family: Option<MetricFamily>,
    /// The series that are read now, all of one family and one person.
    open: Option<Open>,
    added_labels: Vec<(String, String)>,
    fill: Option<i64>,
    end: i64,
}

/// A track that is read, state after state if it has states.
struct Open {
    family: MetricFamily,
    profile: String,
    track: Track,
    /// The state whose series is read.
    state: usize,
    position: Position,
}

/// How far a track has been read.
#[derive(Clone, Copy, Default)]
struct Position {
    index: usize,
    /// When the point was last repeated, Unix seconds; `None` if it was not given yet.
    given_at: Option<i64>,
}

impl Reader {
    /// The series of these people, whose profiles are given with them, as `question` asks.
    pub(super) fn new(people: Vec<(String, Tracks<File>)>, question: &Question, period: &Range<i64>) -> Self {
        Self {
            people,
            families: Box::new(MetricFamily::all()),
            family: None,
            open: None,
            added_labels: question.labels.clone(),
            fill: question.fill.map(i64::from),
            end: period.end,
        }
    }

    fn next_stretch(&mut self) -> io::Result<Option<(MetricFamily, Series)>> {
        loop {
            let Some(open) = &mut self.open else {
                self.open = self.next_track()?;
                if self.open.is_none() {
                    return Ok(None);
                }
                continue;
            };
            let samples = open.samples(self.fill, self.end);
            if !samples.is_empty() {
                let series =
                    Series { name: open.track.metric.clone(), labels: open.labels(&self.added_labels), samples };
                return Ok(Some((open.family, series)));
            }
            if !open.next_state() {
                self.open = None;
            }
        }
    }

    fn next_track(&mut self) -> io::Result<Option<Open>> {
        loop {
            if let Some(family) = self.family {
                let metric = family.metric();
                for (profile, tracks) in &mut self.people {
                    if let Some(track) = tracks.next_of(&metric)? {
                        let profile = profile.clone();
                        return Ok(Some(Open { family, profile, track, state: 0, position: Position::default() }));
                    }
                }
            }
            self.family = self.families.next();
            if self.family.is_none() {
                return Ok(None);
            }
        }
    }
}

impl Iterator for Reader {
    type Item = io::Result<(MetricFamily, Series)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_stretch().transpose()
    }
}

impl Open {
    fn labels(&self, added: &[(String, String)]) -> Vec<(String, String)> {
        let mut labels = self.track.labels.clone();
        labels.push(("profile".to_owned(), self.profile.clone()));
        if let Some(state) = self.family.states().get(self.state) {
            labels.push((self.track.metric.clone(), (*state).to_owned()));
        }
        labels.extend_from_slice(added);
        labels.sort();
        labels
    }

    /// The next samples of the series, at most a stretch.
    fn samples(&mut self, fill: Option<i64>, end: i64) -> Vec<Sample> {
        let mut samples = Vec::new();
        while samples.len() < STRETCH
            && let Some((at, point)) = self.position.advance(&self.track.points, fill, end)
        {
            let value = if self.family.states().is_empty() { point.value } else { self.is_present(point) };
            samples.push(Sample { at, value });
        }
        samples
    }

    fn is_present(&self, point: Point) -> f64 {
        if (self.state as f64 - point.value).abs() < 0.5 { 1.0 } else { 0.0 }
    }

    /// Goes to the series of the next state; false if there is none.
    fn next_state(&mut self) -> bool {
        self.state += 1;
        self.position = Position::default();
        self.state < self.family.states().len()
    }
}

impl Position {
    /// The next sample's time and point: a point, or its repetition every `fill` seconds as long as it is shown, at most
    /// until before `end`.
    fn advance(&mut self, points: &[Point], fill: Option<i64>, end: i64) -> Option<(i64, Point)> {
        loop {
            let point = *points.get(self.index)?;
            let next = points.get(self.index + 1).map_or(i64::MAX, |it| it.at);
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
        let mut position = Position::default();
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
