//! Segments in any order, and what they say of nights and moments.

use std::fmt::Display;

use serde_json::{Value, json};

use super::*;
use crate::reading::Origin;
use crate::withings::calls::context::RowKey;

const HOUR: i64 = 3600;
/// Midnight between two days.
const MIDNIGHT: i64 = 1_790_000_000;

fn context(unknown: &mut dyn FnMut(Unknown, &dyn Display, RowKey)) -> Context<'_> {
    Context::new(MIDNIGHT + 20 * HOUR, unknown)
}

fn parsed<T: serde::de::DeserializeOwned>(json: &[Value]) -> Vec<T> {
    json.iter().map(|segment| serde_json::from_str(&segment.to_string()).unwrap()).collect()
}

fn newest(segments: &Value) -> Option<SleepSegment> {
    let segments: Vec<SegmentRow> = serde_json::from_str(&segments.to_string()).unwrap();
    newest_segment(&segments, &mut Context::silent(MIDNIGHT + 20 * HOUR))
}

#[test]
fn the_newest_segment_is_found_in_any_order() {
    let segments = json!([
        {"startdate": 100, "enddate": 200, "state": 1},
        {"startdate": 300, "enddate": 400, "state": 3},
        {"startdate": 200, "enddate": 300, "state": 2},
    ]);
    assert_eq!(newest(&segments), Some(SleepSegment { state: SleepState::Rem, ended_at: 400 }));
    assert_eq!(newest(&json!([])), None);
    assert_eq!(newest(&json!([{"state": 2}, {}])), None);
}

#[test]
fn other_codes_are_the_state_unknown_and_only_new_ones_are_noted() {
    for (code, is_noted) in
        [(json!(4), false), (json!(5), false), (json!(15), false), (json!(99), true), (json!(null), false)]
    {
        let segments: Vec<SegmentRow> =
            serde_json::from_str(&json!([{"enddate": 400, "state": code}]).to_string()).unwrap();
        let mut noted = Vec::new();
        let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
        let segment = newest_segment(&segments, &mut context(&mut note)).unwrap();
        assert_eq!(segment.state, SleepState::Unknown);
        assert_eq!(noted, if is_noted { vec![(Unknown::SleepState, "99".to_owned())] } else { vec![] });
    }
}

/// A night from `start` to `end`, hours after midnight.
fn night(id: i64, start: i64, end: i64) -> SleepRow {
    SleepRow {
        origin: Origin { modified: 0, id },
        started_at: MIDNIGHT + start * HOUR,
        ended_at: MIDNIGHT + end * HOUR,
        device: None,
        day: None,
        stages: 3,
        is_unfinished: false,
        values: Vec::new(),
    }
}

/// A segment from `start` to `end`, hours after midnight.
fn segment(start: i64, end: i64, state: i64) -> Value {
    json!({"startdate": MIDNIGHT + start * HOUR, "enddate": MIDNIGHT + end * HOUR, "state": state})
}

#[test]
fn each_night_has_the_course_of_its_own_segments() {
    let nights = [night(1, -1, 7), night(2, 23, 31)];
    let segments = parsed(&[segment(-1, 2, 1), segment(2, 7, 2), segment(12, 13, 3), segment(23, 31, 1)]);
    let told = |reading: Reading| {
        let labels: Vec<_> = reading.labels.iter().map(|(_, value)| value).collect();
        format!(
            "{} {} {}",
            (reading.measured_at - MIDNIGHT) / HOUR,
            labels.join(" "),
            (reading.value - MIDNIGHT as f64) / HOUR as f64
        )
    };
    let told: Vec<_> = nights.iter().flat_map(|night| course(night, &segments)).map(told).collect();
    assert_eq!(told, ["7 00 light -1", "7 01 deep 2", "7 02 none 7", "31 00 light 23", "31 01 none 31"]);
}

#[test]
fn the_state_is_told_at_the_end_of_each_segment() {
    let segments = parsed(&[segment(2, 7, 2), segment(-1, 2, 1), segment(7, 8, 9), json!({"state": 1})]);
    let states: Vec<_> = ended_states(&segments).map(|(at, state)| ((at - MIDNIGHT) / HOUR, state)).collect();
    assert_eq!(states, [(7, SleepState::Deep), (2, SleepState::Light), (8, SleepState::Unknown)]);
}
