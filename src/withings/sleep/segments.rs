//! The segments of `sleep get`: which is the newest, and what its code means.

use crate::reading::{SleepSegment, SleepState};
use crate::telemetry::Unknown;
use crate::withings::is_future;
use crate::withings::measures::Context;
use crate::withings::wire::Segment;

/// The newest segment of an answer, by its end; of several, the one that began last, then the one of the highest code.
/// Notes what is not known or not believed of all of them.
pub fn newest_segment(segments: &[Segment], context: &mut Context<'_>) -> Option<SleepSegment> {
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
