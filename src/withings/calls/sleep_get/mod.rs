//! `sleep get`: the segments of sleep, and what was measured in each of their minutes. The newest segment gives the sleep state,
//! those of the last night are its hypnogram.
//!
//! A mat uploads hours after the night (home-assistant/core#31587): the state is the last known one, not the present one.

mod hypnogram;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::context::{Context, is_future};
use super::data_call::{DataCall, Moment, PastCall};
use super::getsummary::SleepRow;
use super::series;
use crate::catalogue::{Call, Measurement, MinuteField, Source};
use crate::reading::{Reading, SleepSegment, SleepState};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{AnswerPage, int, list, times, words};

use hypnogram::Hypnogram;

/// The longest span of a request, seconds: 24 hours. What is beyond them is silently cut off, and a span of weeks is answered
/// with 503 (`vangorra/python_withings_api#62`).
pub const SPAN: i64 = 24 * 3600;

/// A page of the answer to `sleep get`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SleepGet {
    #[serde(deserialize_with = "list")]
    series: Vec<SegmentRow>,
}

/// A stretch of sleep in one state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SegmentRow {
    /// The start of the segment, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// The end of the segment, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// The state's code.
    #[serde(deserialize_with = "int")]
    pub state: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "words")]
    pub device: Option<String>,
    /// The heart rate of each minute by its time (Unix seconds), beats per minute.
    #[serde(deserialize_with = "times")]
    pub hr: BTreeMap<i64, f64>,
    /// The breathing rate of each minute, breaths per minute.
    #[serde(deserialize_with = "times")]
    pub rr: BTreeMap<i64, f64>,
    /// The heart rate variability of each minute, ms.
    #[serde(deserialize_with = "times")]
    pub rmssd: BTreeMap<i64, f64>,
}

impl AnswerPage for SleepGet {
    type Row = SegmentRow;

    fn into_rows(self) -> (Vec<SegmentRow>, Option<i64>) {
        (self.series, None)
    }
}

impl DataCall for SleepGet {
    const CALL: Call = Call::SleepGet;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Sleep];
    // 2: what was measured minute by minute.
    const REVISION: u32 = 2;
    type Known = Segments;

    /// The last 24 hours, and before them the last night if it began earlier and its segments are not known yet.
    fn asks(known: &Segments, _: RowSelection, moment: &Moment<'_>) -> Vec<RowSelection> {
        let from = moment.server_now - SPAN;
        let is_told = |night: &SleepRow| known.hypnogram.as_ref().is_some_and(|course| course.is_of(night));
        let night = moment.night.filter(|night| night.started_at < from && !is_told(night));
        let night = night.map(|night| RowSelection::Between {
            from: night.started_at.max(night.ended_at - SPAN),
            to: night.ended_at,
        });
        night.into_iter().chain([RowSelection::Between { from, to: moment.server_now }]).collect()
    }

    fn request(rows: RowSelection) -> Request {
        let fields = ("data_fields", MinuteField::ALL.map(MinuteField::name).join(","));
        Request::data(Call::SleepGet, "/v2/sleep", "get", [fields].into_iter().chain(rows.by_times()).collect())
    }

    fn note(
        known: &Segments,
        asked: RowSelection,
        segments: &[SegmentRow],
        moment: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Segments> {
        let RowSelection::Between { from, to } = asked else { return None };
        let is_the_night = |night: &SleepRow| night.ended_at == to;
        // The answer tells of every segment that ended in the newer half of the span. One that ended in the older half may
        // have begun before the span, and is not in the answer then: of those the known one stays.
        let told = from + SPAN / 2..=to;
        let outside = known.newest.filter(|segment| !told.contains(&segment.ended_at));
        let newest =
            newest_segment(segments, context).into_iter().chain(outside).max_by_key(|segment| segment.ended_at);
        let minutes = series::after(&known.minutes, &told, minutes(segments, context).collect());
        let hypnogram = match moment.night.filter(|night| is_the_night(night) || night.started_at >= from) {
            // Segments may come later than the summary. A night without any is not taken for known, and is asked for once
            // more when the last 24 hours no longer have it.
            Some(night) => {
                Some(Hypnogram::new(night, segments)).filter(|course| is_the_night(night) || !course.is_empty())
            }
            None => known.hypnogram.clone(),
        };
        Some(Segments { newest, minutes, hypnogram })
    }

    fn readings(known: &Segments, moment: &Moment<'_>) -> Vec<Reading> {
        let night = moment.night.zip(known.hypnogram.as_ref());
        let of_the_night = night.into_iter().flat_map(|(night, hypnogram)| hypnogram.readings(night));
        known.minutes.iter().cloned().chain(of_the_night).collect()
    }
}

impl PastCall for SleepGet {
    type Kept = SegmentRow;

    fn keep(segments: &[SegmentRow], context: &mut Context<'_>) -> Vec<SegmentRow> {
        // For what it counts as unknown; the segments themselves are all kept, and chosen from together.
        newest_segment(segments, context);
        minutes(segments, context).for_each(drop);
        segments.to_vec()
    }

    fn values(kept: &[SegmentRow]) -> usize {
        let minutes = |segment: &SegmentRow| MinuteField::ALL.map(|field| segment.minutes(field).len());
        kept.iter().map(|segment| 1 + minutes(segment).iter().sum::<usize>()).sum()
    }
}

/// The newest segment, the newest minutes, and the hypnogram of the last night whose segments are known; without stretches if
/// Withings has no segments of that night.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Segments {
    /// The newest segment; 0.1.0 stored it under another name.
    #[serde(alias = "segment")]
    newest: Option<SleepSegment>,
    /// The newest minute of each field.
    minutes: Vec<Reading>,
    hypnogram: Option<Hypnogram>,
}

impl Segments {
    /// The newest segment.
    #[must_use]
    pub fn newest(&self) -> Option<SleepSegment> {
        self.newest
    }
}

impl SegmentRow {
    /// The values of a field, by their times.
    fn minutes(&self, field: MinuteField) -> &BTreeMap<i64, f64> {
        match field {
            MinuteField::HeartRate => &self.hr,
            MinuteField::Respiratory => &self.rr,
            MinuteField::Rmssd => &self.rmssd,
        }
    }
}

/// What was measured in each minute of `night`, from the segments of a history, ascending by their begin. Where several devices saw
/// the night, the night's own counts: two of them would make one jagged curve.
#[must_use]
pub fn curves(night: &SleepRow, segments: &[SegmentRow]) -> Vec<Reading> {
    let own = hypnogram::of_the_night(night, around(night, segments)).into_iter();
    let is_within = |reading: &Reading| (night.started_at..=night.ended_at).contains(&reading.measured_at);
    minutes(own, &mut Context::silent(i64::MAX / 2)).filter(is_within).collect()
}

/// What was measured in each minute of the segments.
fn minutes<'a>(
    segments: impl IntoIterator<Item = &'a SegmentRow>,
    context: &mut Context<'_>,
) -> impl Iterator<Item = Reading> {
    let mut readings = Vec::new();
    for segment in segments {
        context.begin_row((segment.startdate, segment.enddate, &segment.device));
        for measurement in Measurement::all() {
            let Source::SleepMinute(field) = measurement.source else { continue };
            let minutes = segment.minutes(field).iter().map(|(at, value)| (*at, *value));
            let named = (field.name(), field.exponent());
            readings.extend(minutes.filter_map(|minute| series::reading(measurement, minute, named, context)));
        }
    }
    readings.into_iter()
}

/// The readings of the hypnogram of `night`, from the segments of a history, ascending by their begin.
#[must_use]
pub fn course(night: &SleepRow, segments: &[SegmentRow]) -> Vec<Reading> {
    Hypnogram::new(night, around(night, segments)).readings(night)
}

/// The end of each segment, Unix seconds, with the state that is known from then on, which is the segment's own.
pub fn ended_states(segments: &[SegmentRow]) -> impl Iterator<Item = (i64, SleepState)> {
    segments.iter().filter_map(|segment| Some((segment.enddate?, state(segment))))
}

/// The segments that may be of the night.
fn around<'a>(night: &SleepRow, segments: &'a [SegmentRow]) -> &'a [SegmentRow] {
    let place = |at: i64| segments.partition_point(|segment| segment.startdate.unwrap_or_default() < at);
    &segments[place(night.started_at - SPAN)..place(night.ended_at)]
}

/// The newest segment of an answer, by its end; of several, the one that began last, then the one of the highest code: the
/// order of the list means nothing. Counts what is unknown or not believed of all of them.
fn newest_segment(segments: &[SegmentRow], context: &mut Context<'_>) -> Option<SleepSegment> {
    let believed = segments.iter().filter(|segment| is_believed(segment, context));
    let newest = believed.max_by_key(|segment| (segment.enddate, segment.startdate, segment.state))?;
    Some(SleepSegment { state: state(newest), ended_at: newest.enddate? })
}

fn is_believed(segment: &SegmentRow, context: &mut Context<'_>) -> bool {
    context.begin_row((segment.startdate, segment.enddate, &segment.device));
    let Some(ended_at) = segment.enddate else {
        context.note(Unknown::Row, &"a segment of sleep without an end");
        return false;
    };
    if is_future(ended_at, context.server_now) {
        context.note(Unknown::FutureDate, &ended_at);
        return false;
    }
    if let Some(code) = segment.state.filter(|code| !is_documented(*code)) {
        context.note(Unknown::SleepState, &code);
    }
    true
}

/// The state of a segment; codes other than 0 to 3 are unknown states.
fn state(segment: &SegmentRow) -> SleepState {
    match segment.state {
        Some(0) => SleepState::Awake,
        Some(1) => SleepState::Light,
        Some(2) => SleepState::Deep,
        Some(3) => SleepState::Rem,
        _ => SleepState::Unknown,
    }
}

/// Whether a code is no surprise: the states, manual, unspecified, out of bed.
fn is_documented(code: i64) -> bool {
    matches!(code, 0..=5 | 15)
}

#[cfg(test)]
mod tests;
