//! `sleep get`: the segments of sleep. The newest one is the present state, and those of the last night are its course.

mod hypnogram;

use serde::{Deserialize, Serialize};

use super::context::{Context, is_future};
use super::data_call::{DataCall, Moment, PastCall};
use super::getsummary::SleepRow;
use crate::catalogue::Call;
use crate::reading::{Reading, SleepSegment, SleepState};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, Rows};
use crate::withings::wire::{Page, int, list, text};

use hypnogram::Hypnogram;

/// How much Withings answers at most, seconds: 24 hours.
pub const SPAN: i64 = 24 * 3600;

/// A page of the answer to `sleep get`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SleepGet {
    #[serde(deserialize_with = "list")]
    series: Vec<Segment>,
}

/// A stretch of sleep in one state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Segment {
    /// Its start, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// Its end, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// The state's code.
    #[serde(deserialize_with = "int")]
    pub state: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "text")]
    pub device: Option<String>,
}

impl Page for SleepGet {
    type Row = Segment;

    fn into_rows(self) -> (Vec<Segment>, Option<i64>) {
        (self.series, None)
    }
}

impl DataCall for SleepGet {
    const CALL: Call = Call::SleepGet;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Sleep];
    type Known = Segments;

    /// The last night if it began longer ago and was not told yet, and the last day.
    fn asks(known: &Segments, _: Rows, moment: &Moment<'_>) -> Vec<Rows> {
        let from = moment.server_now - SPAN;
        let is_told = |night: &SleepRow| known.hypnogram.as_ref().is_some_and(|course| course.is_of(night));
        let night = moment.night.filter(|night| night.started_at < from && !is_told(night));
        let night = night.map(|it| Rows::Between { from: it.started_at.max(it.ended_at - SPAN), to: it.ended_at });
        night.into_iter().chain([Rows::Between { from, to: moment.server_now }]).collect()
    }

    fn request(rows: Rows) -> Request {
        Request::data(Call::SleepGet, "/v2/sleep", "get", rows.by_times())
    }

    fn note(
        known: &Segments,
        asked: Rows,
        segments: &[Segment],
        moment: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Segments> {
        let Rows::Between { from, to } = asked else { return None };
        let is_the_night = |night: &SleepRow| night.ended_at == to;
        // What ended within the span is known whole now; what ended outside it, only as far as it was. What ended in its
        // older half may have begun before it, and is not in the answer then.
        let told = from + SPAN / 2..=to;
        let outside = known.newest.filter(|segment| !told.contains(&segment.ended_at));
        let newest = newest_segment(segments, context).into_iter().chain(outside).max_by_key(|it| it.ended_at);
        let hypnogram = match moment.night.filter(|night| is_the_night(night) || night.started_at >= from) {
            // Segments may come later than the summary: the night is asked for once more when the last day has left it.
            Some(night) => Some(Hypnogram::new(night, segments)).filter(|it| is_the_night(night) || !it.is_empty()),
            None => known.hypnogram.clone(),
        };
        Some(Segments { newest, hypnogram })
    }

    fn readings(known: &Segments, moment: &Moment<'_>) -> Vec<Reading> {
        let night = moment.night.zip(known.hypnogram.as_ref());
        night.into_iter().flat_map(|(night, hypnogram)| hypnogram.readings(night)).collect()
    }
}

impl PastCall for SleepGet {
    type Kept = Segment;

    fn keep(segments: &[Segment], context: &mut Context<'_>) -> Vec<Segment> {
        // What is not known or not believed is noted here; what stays is chosen from all segments together.
        newest_segment(segments, context);
        segments.to_vec()
    }

    fn values(kept: &[Segment]) -> usize {
        kept.len()
    }
}

/// The newest segment, and the course of the last night that was told whole; without any stretch if Withings has nothing of
/// that night.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Segments {
    /// 0.1.0 called it otherwise.
    #[serde(alias = "segment")]
    newest: Option<SleepSegment>,
    hypnogram: Option<Hypnogram>,
}

impl Segments {
    /// The newest segment.
    #[must_use]
    pub fn newest(&self) -> Option<SleepSegment> {
        self.newest
    }
}

/// The course of `night`, from the segments of a history, ascending by their begin.
#[must_use]
pub fn course(night: &SleepRow, segments: &[Segment]) -> Vec<Reading> {
    Hypnogram::new(night, around(night, segments)).readings(night)
}

/// The state from the end of each segment on, Unix seconds, as far as anybody knew then: it is the segment's own. Ascending.
pub fn ended_states(segments: &[Segment]) -> impl Iterator<Item = (i64, SleepState)> {
    let ended = segments.iter().filter_map(|it| Some((it.enddate?, state(it))));
    ended.collect::<std::collections::BTreeMap<_, _>>().into_iter()
}

/// The segments that may be of the night.
fn around<'a>(night: &SleepRow, segments: &'a [Segment]) -> &'a [Segment] {
    let place = |at: i64| segments.partition_point(|it| it.startdate.unwrap_or_default() < at);
    &segments[place(night.started_at - SPAN)..place(night.ended_at)]
}

/// The newest segment of an answer, by its end; of several, the one that began last, then the one of the highest code.
/// Notes what is not known or not believed of all of them.
fn newest_segment(segments: &[Segment], context: &mut Context<'_>) -> Option<SleepSegment> {
    let believed = segments.iter().filter(|it| is_believed(it, context));
    let newest = believed.max_by_key(|it| (it.enddate, it.startdate, it.state))?;
    Some(SleepSegment { state: state(newest), ended_at: newest.enddate? })
}

fn is_believed(segment: &Segment, context: &mut Context<'_>) -> bool {
    let Some(ended_at) = segment.enddate else { return false };
    if is_future(ended_at, context.server_now) {
        (context.unknown)(Unknown::FutureDate, &ended_at);
        return false;
    }
    if let Some(code) = segment.state.filter(|it| !is_documented(*it)) {
        (context.unknown)(Unknown::SleepState, &code);
    }
    true
}

/// The state of a segment; codes other than 0 to 3 are unknown states.
fn state(segment: &Segment) -> SleepState {
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
