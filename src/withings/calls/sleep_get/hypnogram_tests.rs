//! The course of a night, drawn as text: each stretch with its begin in minutes after that of the night.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BEGIN: i64 = 1_790_000_000;

/// A night of so many minutes that the device `mat` saw.
fn night(minutes: i64) -> SleepRow {
    SleepRow {
        origin: Origin { modified: 5, id: 7 },
        started_at: BEGIN,
        ended_at: BEGIN + minutes * 60,
        device: Some("mat".to_owned()),
        day: None,
        stages: 3,
        is_unfinished: false,
        values: Vec::new(),
    }
}

/// Segments from minute to minute with a state's code.
fn segments(segments: &[(i64, i64, i64)]) -> Vec<SegmentRow> {
    let segment = |(from, to, state): &(i64, i64, i64)| json!({"startdate": BEGIN + from * 60, "enddate": BEGIN + to * 60, "state": state, "hash_deviceid": "mat"});
    parsed(&segments.iter().map(segment).collect())
}

fn parsed(segments: &Value) -> Vec<SegmentRow> {
    serde_json::from_str(&segments.to_string()).unwrap()
}

/// A segment of a device with these heart rate variabilities, ms, a minute each.
fn measured(from: i64, device: &str, rmssd: &Value) -> Value {
    let values = rmssd.as_array().unwrap();
    let times = (BEGIN + from * 60..).step_by(60);
    let minutes: Value = times.clone().zip(values).map(|(at, value)| (at.to_string(), value.clone())).collect();
    let end = times.clone().nth(values.len()).unwrap();
    json!({"startdate": BEGIN + from * 60, "enddate": end, "state": 1, "hash_deviceid": device, "rmssd": minutes})
}

/// `00 awake 0, 01 light 10, 02 none 480`.
fn drawn(night: &SleepRow, hypnogram: &Hypnogram) -> String {
    let stretch = |reading: &Reading| {
        let labels: Vec<_> = reading.labels.iter().map(|(_, value)| value).collect();
        format!("{} {}", labels.join(" "), (reading.value - BEGIN as f64) / 60.0)
    };
    let stretches = hypnogram.readings(night).into_iter().filter(|reading| !reading.labels.is_empty());
    stretches.collect::<Vec<_>>().iter().map(stretch).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(minutes: i64, told: &[(i64, i64, i64)], expected: &str) {
    let night = night(minutes);
    assert_eq!(drawn(&night, &Hypnogram::new(&night, &segments(told))), expected);
}

#[test]
fn stretches_of_the_same_stage_are_one_in_any_order() {
    check(
        60,
        &[(30, 40, 2), (0, 10, 0), (20, 30, 1), (10, 20, 1), (40, 60, 3)],
        "00 awake 0, 01 light 10, 02 deep 30, 03 rem 40, 04 none 60",
    );
}

#[test]
fn a_hole_of_minutes_is_unknown_and_one_of_a_minute_is_rounding() {
    check(60, &[(0, 20, 1), (25, 60, 1)], "00 light 0, 01 unknown 20, 02 light 25, 03 none 60");
    check(60, &[(0, 20, 1), (21, 40, 1), (41, 60, 2)], "00 light 0, 01 deep 41, 02 none 60");
    check(60, &[(10, 50, 2)], "00 unknown 0, 01 deep 10, 02 unknown 50, 03 none 60");
    check(60, &[(1, 59, 2)], "00 deep 1, 01 none 60");
}

#[test]
fn other_codes_are_unknown_stages() {
    check(
        60,
        &[(0, 20, 4), (20, 30, 5), (30, 40, 15), (40, 50, 99), (50, 60, 1)],
        "00 unknown 0, 01 light 50, 02 none 60",
    );
}

#[test]
fn a_nap_is_not_part_of_the_night() {
    check(60, &[(-300, -290, 2), (-5, 30, 1), (30, 70, 3), (300, 330, 2)], "00 light 0, 01 rem 30, 02 none 60");
}

#[test]
fn nothing_told_draws_nothing() {
    check(60, &[], "");
    check(60, &[(300, 330, 2), (40, 30, 1)], "");
    let night = night(60);
    assert_eq!(drawn(&night, &Hypnogram::new(&night, &parsed(&json!([{"state": 1}, {}])))), "");
}

#[test]
fn where_segments_overlap_the_one_that_began_first_stays() {
    check(60, &[(0, 30, 1), (20, 40, 2), (25, 28, 3), (40, 60, 0)], "00 light 0, 01 deep 30, 02 awake 40, 03 none 60");
}

#[test]
fn of_two_devices_that_saw_the_night_the_nights_own_counts() {
    let segment = |from: i64, to: i64, state: i64, device: &str| json!({"startdate": BEGIN + from * 60, "enddate": BEGIN + to * 60, "state": state, "hash_deviceid": device});
    let watch = segment(0, 60, 3, "watch");
    let night = night(60);
    let both = parsed(&json!([watch, segment(0, 30, 1, "mat"), segment(30, 60, 2, "mat")]));
    assert_eq!(drawn(&night, &Hypnogram::new(&night, &both)), "00 light 0, 01 deep 30, 02 none 60");
    let other = parsed(&json!([watch]));
    assert_eq!(drawn(&night, &Hypnogram::new(&night, &other)), "00 rem 0, 01 none 60", "better than nothing");
}

#[test]
fn another_nights_course_is_not_shown() {
    let hypnogram = Hypnogram::new(&night(60), &segments(&[(0, 60, 1)]));
    let mut next = night(60);
    next.origin.id = 8;
    assert_eq!(hypnogram.readings(&next), []);
    next.origin = Origin { modified: 6, id: 7 };
    assert_eq!(hypnogram.readings(&next).len(), 2, "the same night, changed");
    assert!(!hypnogram.is_of(&next));
}

#[test]
fn a_course_is_measured_at_the_nights_end() {
    let night = night(60);
    let readings = Hypnogram::new(&night, &segments(&[(0, 60, 1)])).readings(&night);
    assert!(
        readings.iter().all(|reading| reading.measured_at == night.ended_at && reading.measurement.labels.len() == 2)
    );
}

#[test]
fn of_too_many_stretches_the_shortest_are_lost_to_those_before() {
    // 55 times light for 4 minutes and deep for 3, but the first light only for 1: eleven stretches too many.
    let lengths = (0..55).flat_map(|round| [(1, if round == 0 { 1 } else { 4 }), (2, 3)]);
    let mut minute = 0;
    let told: Vec<_> = lengths
        .map(|(state, length)| {
            minute += length;
            (minute - length, minute, state)
        })
        .collect();
    let night = night(minute);
    let drawn = drawn(&night, &Hypnogram::new(&night, &segments(&told)));
    // The first light is taken for deep, and then each of five times deep for light, which joins two of those.
    assert!(drawn.starts_with("00 deep 0, 01 light 4, 02 deep 43, 03 light 46, "), "{drawn}");
    assert!(drawn.ends_with(", 97 light 375, 98 deep 379, 99 none 382"), "{drawn}");
}

properties! {
    /// Whatever devices say, the course is bounded, ascending, from begin to end, and never twice the same stage in a row.
    #[test]
    fn every_course_is_well_formed(told in proptest::collection::vec((-20..700_i64, 0..9_i64, 0..6_i64), 0..400)) {
        let night = night(600);
        let told: Vec<_> = told.iter().map(|(from, length, state)| (*from, from + length, *state)).collect();
        let readings = Hypnogram::new(&night, &segments(&told)).readings(&night);
        prop_assert!(readings.len() <= 100);
        let stages: Vec<_> = readings.iter().map(|reading| reading.labels.iter().nth(1).unwrap().1).collect();
        prop_assert!(stages.windows(2).all(|pair| pair[0] != pair[1]));
        prop_assert!(readings.windows(2).all(|pair| pair[0].value < pair[1].value && pair[0].labels < pair[1].labels));
        if let (Some(first), Some(last)) = (readings.first(), readings.last()) {
            prop_assert!(first.value - BEGIN as f64 <= 60.0);
            prop_assert!((last.value - night.ended_at as f64).abs() < 0.5);
        }
    }
}

#[test]
fn the_mean_variability_is_of_the_minutes_that_the_nights_own_device_has_measured() {
    let mean = |segments: &Value| {
        let night = night(10);
        let readings = Hypnogram::new(&night, &parsed(segments)).readings(&night);
        readings.into_iter().find(|reading| reading.measurement.source == Source::NightVariability)
    };
    let night = json!([
        measured(0, "mat", &json!([40, 50, 0, null])),
        measured(4, "mat", &json!([60, "x"])),
        measured(0, "watch", &json!([99, 99, 99])),
        measured(20, "mat", &json!([99])),
    ]);
    assert_eq!(mean(&night).map(|reading| (reading.value, reading.measured_at)), Some((0.05, BEGIN + 600)));
    assert_eq!(mean(&json!([measured(0, "mat", &json!([]))])), None);
    assert_eq!(mean(&json!([measured(0, "mat", &json!([0, -1]))])), None);
}
