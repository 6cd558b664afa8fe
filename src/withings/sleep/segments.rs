//! The segments of `sleep get`: which is the newest, and what its code means.

use crate::reading::{SleepSegment, SleepState};
use crate::telemetry::Unknown;
use crate::withings::is_future;
use crate::withings::measures::Context;
use crate::withings::wire::Segment;

/// The newest segment of an answer, by its end. Notes what is not known or not believed of all of them.
pub fn newest_segment(segments: &[Segment], context: &mut Context<'_>) -> Option<SleepSegment> {
    let mut newest: Option<SleepSegment> = None;
    for (segment, ended_at) in segments.iter().filter_map(|it| Some((it, it.enddate?))) {
        if is_future(ended_at, context.server_now) {
            (context.unknown)(Unknown::FutureDate, &ended_at);
            continue;
        }
        if let Some(code) = segment.state.filter(|it| !is_documented(*it)) {
            (context.unknown)(Unknown::SleepState, &code);
        }
        if newest.is_none_or(|it| it.ended_at <= ended_at) {
            newest = Some(SleepSegment { state: state(segment), ended_at });
        }
    }
    newest
}

/// The state of a segment; codes other than 0 to 3 are unknown states.
pub(super) fn state(segment: &Segment) -> SleepState {
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
