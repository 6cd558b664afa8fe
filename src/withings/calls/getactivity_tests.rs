//! What counts as today, for people all over the world and a host in UTC.

use std::fmt::Display;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::withings::calls::context::RowKey;

/// A time in RFC 3339, Unix seconds.
fn at(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).unwrap().timestamp()
}

/// A watch's row.
fn row(date: &str, timezone: &str, steps: u32) -> Value {
    json!({"date": date, "timezone": timezone, "steps": steps, "is_tracker": true, "modified": 1, "brand": 1})
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

/// A phone's row.
fn phone(row: Value, modified: i64) -> Value {
    with(with(row, "is_tracker", json!(false)), "modified", json!(modified))
}

/// The days of an answer at `server_now`, and what was not known about it.
fn noted(rows: &[Value], server_now: i64) -> (ActivityDays, Vec<(Unknown, String)>) {
    let answer: Getactivity = serde_json::from_str(&json!({"activities": rows}).to_string()).unwrap();
    let mut noted = Vec::new();
    let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
    let days = ActivityDays::choose(&answer.into_rows().0, &mut Context::new(server_now, &mut note));
    (days, noted)
}

fn value(days: &ActivityDays, key: &str, now: i64) -> Option<f64> {
    days.readings(now).find(|reading| reading.measurement.key == key).map(|reading| reading.value)
}

/// Expects that these rows show so many steps at each of these times.
#[track_caller]
fn check(rows: &[Value], expected: &[(&str, Option<f64>)]) {
    for (time, steps) in expected {
        let (days, _) = noted(rows, at(time));
        assert_eq!(value(&days, "activity_steps", at(time)), *steps, "{time}");
    }
}

#[test]
fn the_day_in_tokyo_begins_in_the_afternoon_of_the_host() {
    let rows = [row("2026-11-22", "Asia/Tokyo", 8000), row("2026-11-23", "Asia/Tokyo", 12)];
    check(
        &rows,
        &[
            ("2026-11-21T14:59:59Z", None),
            ("2026-11-21T15:00:00Z", Some(8000.0)),
            ("2026-11-22T14:59:59Z", Some(8000.0)),
            ("2026-11-22T15:00:00Z", Some(12.0)),
        ],
    );
    check(&rows[..1], &[("2026-11-22T15:00:00Z", None)]);
}

#[test]
fn the_day_on_the_pacific_coast_ends_in_the_morning_of_the_host() {
    let rows = [row("2026-11-22", "US/Pacific", 8000), row("2026-11-23", "US/Pacific", 12)];
    check(
        &rows,
        &[
            ("2026-11-22T07:59:59Z", None),
            ("2026-11-22T08:00:00Z", Some(8000.0)),
            ("2026-11-23T07:59:59Z", Some(8000.0)),
            ("2026-11-23T08:00:00Z", Some(12.0)),
        ],
    );
}

#[test]
fn a_day_may_have_23_or_25_hours() {
    let check = |date, zone, hours| {
        let (days, _) = noted(&[row(date, zone, 1)], at("2026-12-01T00:00:00Z"));
        assert_eq!((days.0[0].ends_at - days.0[0].begins_at) / 3600, hours, "{date} {zone}");
    };
    check("2026-03-07", "US/Pacific", 24);
    check("2026-03-08", "US/Pacific", 23);
    check("2026-11-01", "US/Pacific", 25);
    check("2026-03-29", "Europe/Amsterdam", 23);
    check("2026-10-25", "Europe/Amsterdam", 25);
    // The clock jumps over midnight, and stands at one o'clock when the day begins.
    check("2026-04-24", "Africa/Cairo", 23);
    // And back into the former day.
    check("2026-10-29", "Africa/Cairo", 25);
    // Samoa changed sides of the date line.
    check("2011-12-30", "Pacific/Apia", 0);
    check("2011-12-31", "Pacific/Apia", 24);
}

#[test]
fn across_clock_changes_the_day_stays_the_persons() {
    let spring = [row("2026-03-08", "US/Pacific", 8000), row("2026-03-09", "US/Pacific", 12)];
    check(&spring, &[("2026-03-08T08:00:00Z", Some(8000.0)), ("2026-03-09T06:59:59Z", Some(8000.0))]);
    check(&spring, &[("2026-03-09T07:00:00Z", Some(12.0))]);
    let autumn = [row("2026-11-01", "US/Pacific", 8000), row("2026-11-02", "US/Pacific", 12)];
    check(&autumn, &[("2026-11-01T07:00:00Z", Some(8000.0)), ("2026-11-02T07:59:59Z", Some(8000.0))]);
    check(&autumn, &[("2026-11-02T08:00:00Z", Some(12.0))]);
    let cairo = [row("2026-04-23", "Africa/Cairo", 8000), row("2026-04-24", "Africa/Cairo", 12)];
    check(&cairo, &[("2026-04-23T21:59:59Z", Some(8000.0)), ("2026-04-23T22:00:00Z", Some(12.0))]);
}

#[test]
fn somebody_who_travels_has_the_day_of_where_the_source_is() {
    // Landed in Los Angeles on the morning of the same date: the watch's day of Tokyo has ended there.
    let tokyo = row("2026-11-22", "Asia/Tokyo", 3000);
    let landed = [with(row("2026-11-22", "US/Pacific", 3500), "modified", json!(2))];
    check(&[tokyo], &[("2026-11-22T14:00:00Z", Some(3000.0)), ("2026-11-22T17:00:00Z", None)]);
    check(&landed, &[("2026-11-22T17:00:00Z", Some(3500.0))]);
    // For an hour it is the 23rd by the phone, which still has the zone of Tokyo, and the 22nd by the watch.
    let late = phone(row("2026-11-23", "Asia/Tokyo", 7), 9);
    check(&[landed[0].clone(), late], &[("2026-11-22T16:00:00Z", Some(3500.0))]);
    // Two days of one watch: the one that was written last.
    let before = row("2026-11-23", "Asia/Tokyo", 7);
    check(&[before, landed[0].clone()], &[("2026-11-22T16:00:00Z", Some(3500.0))]);
}

#[test]
fn several_sources_of_a_day_never_add_up() {
    let noon = "2026-11-22T12:00:00Z";
    let watch = row("2026-11-22", "UTC", 5000);
    let old_phone = phone(row("2026-11-22", "UTC", 4000), 100);
    let new_phone = phone(row("2026-11-22", "UTC", 4500), 200);
    check(&[old_phone.clone(), watch.clone(), new_phone.clone()], &[(noon, Some(5000.0))]);
    check(&[new_phone.clone(), old_phone.clone()], &[(noon, Some(4500.0))]);
    check(&[old_phone, new_phone], &[(noon, Some(4500.0))]);
    let new_watch = with(row("2026-11-22", "UTC", 50), "modified", json!(2));
    check(&[new_watch, watch], &[(noon, Some(50.0))]);
}

#[test]
fn the_values_end_with_the_day_by_themselves() {
    let now = at("2026-11-22T12:00:00Z");
    let (days, _) = noted(&[with(row("2026-11-22", "Asia/Tokyo", 1), "modified", json!(now - 60))], now);
    let end = at("2026-11-22T15:00:00Z");
    for reading in days.readings(now) {
        assert!(reading.is_shown_at(end - 1) && !reading.is_shown_at(end));
        assert_eq!(reading.measured_at, now - 60);
    }
    assert_eq!(value(&days, "activity_day_start_timestamp_seconds", now), Some(at("2026-11-21T15:00:00Z") as f64));
}

#[test]
fn a_value_is_of_its_day_however_late_its_row_was_changed() {
    let measured_at = |modified: i64| {
        let now = at("2026-11-22T12:00:00Z");
        let (days, _) = noted(&[with(row("2026-11-22", "UTC", 1), "modified", json!(modified))], now);
        days.readings(now).next().unwrap().measured_at
    };
    assert_eq!(measured_at(at("2026-11-23T09:00:00Z")), at("2026-11-23T00:00:00Z"));
    assert_eq!(measured_at(7), at("2026-11-22T00:00:00Z"));
}

#[test]
fn a_missing_value_is_no_zero_and_no_steps_are_a_value() {
    let now = at("2026-11-22T12:00:00Z");
    let shown = |fields: Value| {
        let mut row = row("2026-11-22", "UTC", 0);
        row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (days, noted) = noted(&[row], now);
        let shown: Vec<_> = days.readings(now).map(|reading| (reading.measurement.key, reading.value)).collect();
        (shown, noted)
    };
    let steps = ("activity_steps", 0.0);
    let day = ("activity_day_start_timestamp_seconds", at("2026-11-22T00:00:00Z") as f64);
    let nothing = json!({"distance": null, "elevation": -1, "soft": "", "hr_average": 0, "hr_min": 0, "hr_max": 0,
                         "hr_zone_0": 0, "hr_zone_1": 0, "hr_zone_2": 0, "hr_zone_3": 0});
    assert_eq!(shown(nothing), (vec![steps, day], vec![]));
    let distance = ("activity_distance_meters", 1028.559);
    assert_eq!(shown(json!({"distance": 1028.559, "hr_zone_0": 60})), (vec![steps, distance, day], vec![]));
    let odd = (Unknown::BadNumber, "totalcalories".to_owned());
    for none in ["1e999", "many"] {
        assert_eq!(shown(json!({"totalcalories": none})), (vec![steps, day], vec![odd.clone()]), "{none}");
    }
}

#[test]
fn zones_are_told_apart_by_their_name() {
    let now = at("2026-11-22T12:00:00Z");
    let heart = json!({"date": "2026-11-22", "timezone": "UTC", "hr_average": 80, "hr_zone_0": 100, "hr_zone_1": 0, "hr_zone_3": 4});
    let (days, _) = noted(&[heart], now);
    let zones =
        days.readings(now).filter(|reading| reading.measurement.key == "activity_heart_rate_zone_duration_seconds");
    let zones: Vec<_> = zones.map(|reading| (reading.labels.get(LabelName::Zone).unwrap(), reading.value)).collect();
    assert_eq!(zones, [("light", 100.0), ("moderate", 0.0), ("maximal", 4.0)]);
}

#[test]
fn an_unknown_zone_is_utc_and_counts_and_an_absent_one_is_utc() {
    let now = at("2026-11-22T12:00:00Z");
    let (days, unknown) = noted(&[row("2026-11-22", "Mars/Olympus", 9)], now);
    assert_eq!(value(&days, "activity_steps", now), Some(9.0));
    assert_eq!(unknown, [(Unknown::TimeZone, "Mars/Olympus".to_owned())]);
    let (days, unknown) = noted(&[with(row("2026-11-22", "", 9), "timezone", json!(null))], now);
    assert_eq!((value(&days, "activity_steps", now), unknown), (Some(9.0), vec![]));
}

#[test]
fn a_day_too_far_ahead_or_without_a_date_is_left_out() {
    let now = at("2026-11-22T12:00:00Z");
    let (days, unknown) = noted(&[row("2026-11-24", "UTC", 9), row("2026-11-23", "UTC", 8)], now);
    assert_eq!((days.0.len(), unknown), (1, vec![(Unknown::FutureDate, "2026-11-24".to_owned())]));
    for odd in [json!(null), json!("yesterday"), json!("2026-13-01"), json!(7), json!("+262142-12-31")] {
        let (days, unknown) = noted(&[with(row("", "UTC", 9), "date", odd)], now);
        assert_eq!((days.0.len(), unknown.len()), (0, 1));
    }
}

#[test]
fn a_captured_day_from_a_phone_shows_what_it_says() {
    let captured = include_str!("../../../tests/fixtures/captured/phone/getactivity.json");
    let answer: Value = serde_json::from_str(captured).unwrap();
    let rows: Vec<Value> = serde_json::from_value(answer["body"]["activities"].clone()).unwrap();
    let shown = |now: &str| {
        let (days, noted) = noted(&rows, at(now));
        assert_eq!(noted, []);
        let key = |reading: &Reading| {
            [reading.measurement.key, reading.labels.get(LabelName::Zone).unwrap_or_default()].concat()
        };
        days.readings(at(now)).map(|reading| (key(reading), reading.value)).collect::<Vec<_>>()
    };
    let expected =
        |values: &[(&str, f64)]| values.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect::<Vec<_>>();
    let zone = "activity_heart_rate_zone_duration_seconds";
    let zones = ["light", "moderate", "intense", "maximal"].map(|zone_name| [zone, zone_name].concat());
    let friday = [
        ("activity_steps", 1209.0),
        ("activity_distance_meters", 1028.559),
        ("activity_elevation_meters", 0.0),
        ("activity_soft_duration_seconds", 1864.0),
        ("activity_moderate_duration_seconds", 292.0),
        ("activity_intense_duration_seconds", 0.0),
        ("activity_active_duration_seconds", 292.0),
        ("activity_active_energy_kcal", 85.497),
        ("activity_total_energy_kcal", 2303.788),
        ("activity_heart_rate_average_bpm", 80.0),
        ("activity_heart_rate_min_bpm", 70.0),
        ("activity_heart_rate_max_bpm", 80.0),
        (&zones[0], 100.0),
        (&zones[1], 200.0),
        (&zones[2], 300.0),
        (&zones[3], 400.0),
        ("activity_day_start_timestamp_seconds", 1_697_752_800.0),
    ];
    assert_eq!(shown("2023-10-20T21:59:59Z"), expected(&friday));
    let saturday = [
        ("activity_steps", 1155.0),
        ("activity_distance_meters", 1020.121),
        ("activity_elevation_meters", 0.0),
        ("activity_soft_duration_seconds", 1516.0),
        ("activity_moderate_duration_seconds", 287.0),
        ("activity_intense_duration_seconds", 420.0),
        ("activity_active_duration_seconds", 707.0),
        ("activity_active_energy_kcal", 134.132),
        ("activity_total_energy_kcal", 2357.149),
        ("activity_day_start_timestamp_seconds", 1_697_839_200.0),
    ];
    assert_eq!(shown("2023-10-20T22:00:00Z"), expected(&saturday));
    assert_eq!(shown("2023-10-21T22:00:00Z"), []);
}

/// Expects the steps of a history with their moments.
#[track_caller]
fn check_history(rows: &[Value], expected: &[(&str, f64)]) {
    let answers = rows.iter().map(|row| noted(std::slice::from_ref(row), at("2026-12-01T00:00:00Z")).0);
    let days = ActivityDays::joined(answers.collect());
    let steps = days.history().filter(|reading| reading.measurement.key == "activity_steps");
    let told: Vec<_> = steps.map(|reading| (reading.measured_at, reading.value)).collect();
    let expected: Vec<_> = expected.iter().map(|(time, steps)| (at(time), *steps)).collect();
    assert_eq!(told, expected);
    for (moment, steps) in told {
        assert_eq!(value(&days, "activity_steps", moment), Some(steps), "the page shows the same then");
    }
}

#[test]
fn a_history_has_each_day_when_it_was_counted_last_or_at_its_end() {
    let counted = |row, modified| with(row, "modified", json!(at(modified)));
    let evening = counted(row("2026-11-20", "Asia/Tokyo", 8000), "2026-11-20T14:00:00Z");
    let synced_next_day = counted(row("2026-11-21", "Asia/Tokyo", 9000), "2026-11-22T03:00:00Z");
    let changed_before_it_began = counted(row("2026-11-22", "Asia/Tokyo", 0), "2026-11-20T03:00:00Z");
    let never_said = with(row("2026-11-23", "Asia/Tokyo", 7000), "modified", Value::Null);
    check_history(
        &[synced_next_day, evening, changed_before_it_began, never_said],
        &[
            ("2026-11-20T14:00:00Z", 8000.0),
            ("2026-11-21T14:59:59Z", 9000.0),
            ("2026-11-21T15:00:00Z", 0.0),
            ("2026-11-23T14:59:59Z", 7000.0),
        ],
    );
}

#[test]
fn a_history_has_of_several_sources_the_one_that_the_page_showed() {
    let modified = |row, time| with(row, "modified", json!(at(time)));
    let watch = modified(row("2026-11-20", "Etc/UTC", 8000), "2026-11-20T10:00:00Z");
    let later = phone(row("2026-11-20", "Etc/UTC", 9000), at("2026-11-20T20:00:00Z"));
    let alone = phone(row("2026-11-21", "Etc/UTC", 500), at("2026-11-21T20:00:00Z"));
    check_history(&[later, watch, alone], &[("2026-11-20T10:00:00Z", 8000.0), ("2026-11-21T20:00:00Z", 500.0)]);
}

#[test]
fn a_history_of_a_traveller_has_no_moment_that_was_in_two_days() {
    let modified = |row, time| with(row, "modified", json!(at(time)));
    let tokyo = modified(row("2026-11-20", "Asia/Tokyo", 8000), "2026-11-20T08:00:00Z");
    let honolulu = modified(row("2026-11-20", "US/Hawaii", 100), "2026-11-21T05:00:00Z");
    check_history(&[tokyo, honolulu], &[("2026-11-20T08:00:00Z", 8000.0), ("2026-11-21T05:00:00Z", 100.0)]);
}

#[test]
fn a_day_that_a_place_left_out_is_no_moment() {
    check_history(&[row("2011-12-30", "Pacific/Apia", 5)], &[]);
}
