//! The hypnogram of a night: its segments become few stretches, each of one stage, without a hole from begin to end.

use serde::{Deserialize, Serialize};

use super::{SegmentRow, SleepRow, state};
use crate::catalogue::{LabelName, Measurement, MinuteField, Source};
use crate::reading::{Labels, Origin, Reading, SleepState};
use crate::withings::calls::context::scaled;

/// A hole between segments that is longer than this is a stretch of its own, in which the stage is unknown; seconds.
/// Devices tell the stage minute by minute, so that a shorter one is rounding; real ones, when the person is out of bed,
/// last some minutes.
const HOLE_SECONDS: i64 = 60;

/// The most stretches of a night: with the row for getting up they are a hundred, whose numbers have two digits.
const MOST_STRETCHES: usize = 99;

/// The stage of the last row: the person got up.
const GOT_UP: &str = "none";

/// The hypnogram of one night. Nights have some dozens of stretches. One that has more than 99 loses its shortest stretches,
/// one after another, to the stretch before: begin and end stay, and no other boundary moves by more than what is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hypnogram {
    /// The row of the night.
    night: Origin,
    /// Ascending; each ends where the next one begins, the last one with the night.
    stretches: Vec<StageStretch>,
    /// The end of the night, Unix seconds.
    ended_at: i64,
    /// The mean of the heart rate variability of its minutes, s; absent where none was measured.
    #[serde(default)]
    variability: Option<f64>,
}

/// A part of the night in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StageStretch {
    stage: SleepState,
    /// Unix seconds.
    started_at: i64,
}

impl Hypnogram {
    /// The hypnogram of `night`, from segments of any time in any order. Where several devices saw the night, the night's own
    /// counts; where segments overlap, the one that began first.
    #[must_use]
    pub(super) fn new(night: &SleepRow, segments: &[SegmentRow]) -> Self {
        let own = of_the_night(night, segments);
        let mut stretches = stretches(night, &own);
        drop_shortest(&mut stretches, night.ended_at);
        Self { night: night.origin, stretches, ended_at: night.ended_at, variability: variability(&own) }
    }

    /// Whether the hypnogram was made for this version of the night's row.
    #[must_use]
    pub(super) fn is_of(&self, night: &SleepRow) -> bool {
        self.night == night.origin
    }

    /// Whether there was no segment of the night.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    fn variability_reading(&self, night: &SleepRow) -> Option<Reading> {
        let measurement = Measurement::all().find(|measurement| measurement.source == Source::NightVariability)?;
        let (labels, measured_at) = (Labels::default(), night.ended_at);
        self.variability.map(|value| Reading { measurement, labels, value, measured_at, until: None })
    }

    /// The begin of each stretch of `night` and of getting up, ascending by labels, and the mean heart rate variability; none if
    /// this is another night's hypnogram.
    #[must_use]
    pub(super) fn readings(&self, night: &SleepRow) -> Vec<Reading> {
        if self.is_empty() || self.night.id != night.origin.id {
            return Vec::new();
        }
        let stages = self.stretches.iter().map(|stretch| (stretch.stage.name(), stretch.started_at));
        let rows: Vec<_> = stages.chain([(GOT_UP, self.ended_at)]).collect();
        let reading = |measurement, place: usize, (stage, started_at): (&str, i64)| Reading {
            measurement,
            labels: Labels::new([(LabelName::Segment, &format!("{place:02}")), (LabelName::Stage, stage)]),
            value: started_at as f64,
            measured_at: night.ended_at,
            until: None,
        };
        let measurements = Measurement::all().filter(|measurement| measurement.source == Source::NightSegments);
        measurements
            .flat_map(|measurement| rows.iter().enumerate().map(move |(place, row)| reading(measurement, place, *row)))
            .chain(self.variability_reading(night))
            .collect()
    }
}

/// The segments that are of the night: those of the night's own device, or else of any.
pub(super) fn of_the_night<'a>(night: &SleepRow, segments: &'a [SegmentRow]) -> Vec<&'a SegmentRow> {
    let is_within = |segment: &&SegmentRow| {
        segment.startdate.zip(segment.enddate).is_some_and(|(from, to)| from < night.ended_at && night.started_at < to)
    };
    let within: Vec<_> = segments.iter().filter(is_within).collect();
    let is_of_its_device = |segment: &&SegmentRow| night.device.is_some() && segment.device == night.device;
    let own: Vec<_> = within.iter().copied().filter(is_of_its_device).collect();
    if own.is_empty() { within } else { own }
}

/// The mean of the heart rate variability of the segments' minutes, s.
fn variability(segments: &[&SegmentRow]) -> Option<f64> {
    let minutes = segments.iter().flat_map(|segment| segment.rmssd.values().copied());
    let minutes: Vec<f64> = minutes.filter(|value| value.is_finite() && *value > 0.0).collect();
    let mean = minutes.iter().sum::<f64>() / minutes.len() as f64;
    (!minutes.is_empty()).then_some(mean).and_then(|mean| scaled(mean, 0, MinuteField::Rmssd.exponent()))
}

fn stretches(night: &SleepRow, segments: &[&SegmentRow]) -> Vec<StageStretch> {
    let mut stretches = Vec::new();
    let mut told_until = night.started_at;
    for (from, to, stage) in told(night, segments) {
        let started_at = from.max(told_until);
        if to <= started_at {
            continue;
        }
        if started_at - told_until > HOLE_SECONDS {
            stretches.push(StageStretch { stage: SleepState::Unknown, started_at: told_until });
        }
        stretches.push(StageStretch { stage, started_at });
        told_until = to;
    }
    if !stretches.is_empty() && night.ended_at - told_until > HOLE_SECONDS {
        stretches.push(StageStretch { stage: SleepState::Unknown, started_at: told_until });
    }
    stretches.dedup_by_key(|stretch| stretch.stage);
    stretches
}

/// The begin, end and stage of each segment within the night, ascending by all three.
fn told(night: &SleepRow, segments: &[&SegmentRow]) -> Vec<(i64, i64, SleepState)> {
    let within = |segment: &&SegmentRow| {
        let (from, to) = (segment.startdate?.max(night.started_at), segment.enddate?.min(night.ended_at));
        (from < to).then_some((from, to, state(segment)))
    };
    let mut told: Vec<_> = segments.iter().filter_map(within).collect();
    told.sort_unstable();
    told
}

fn drop_shortest(stretches: &mut Vec<StageStretch>, ended_at: i64) {
    while stretches.len() > MOST_STRETCHES {
        let end_of = |place: usize| stretches.get(place + 1).map_or(ended_at, |next| next.started_at);
        let length_of = |place: &usize| end_of(*place) - stretches[*place].started_at;
        let shortest = (0..stretches.len()).min_by_key(length_of).unwrap_or_default();
        let started_at = stretches[0].started_at;
        stretches.remove(shortest);
        // The first one has none before it: the next one begins in its place.
        stretches[0].started_at = started_at;
        stretches.dedup_by_key(|stretch| stretch.stage);
    }
}

#[cfg(test)]
#[path = "hypnogram_tests.rs"]
mod tests;
