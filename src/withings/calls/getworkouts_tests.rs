//! Which workout is the newest of its kind, and what is known of it.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::{Value, json};

use super::*;
use crate::withings::calls::context::RowKey;
use crate::withings::wire::AnswerPage;

const NOW: i64 = 1_800_000_000;

const WALK: i64 = 1;
const RUN: i64 = 2;

/// A workout that ended so many seconds before now, with so many kcal.
fn workout(id: i64, category: i64, ended_before: i64, calories: i64) -> Value {
    let end = NOW - ended_before;
    json!({"id": id, "category": category, "startdate": end - 600, "enddate": end, "modified": end + 60,
           "data": {"calories": calories, "algo_pause_duration": null}})
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

fn rows(json: &[Value]) -> Vec<WorkoutRow> {
    serde_json::from_str::<Getworkouts>(&json!({"series": json}).to_string()).unwrap().into_rows().0
}

fn noted(json: &[Value]) -> (Workouts, Vec<(Unknown, String)>) {
    let mut noted = Vec::new();
    let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
    let workouts = Workouts::choose(&rows(json), &mut Context::new(NOW, &mut note));
    (workouts, noted)
}

/// What these workouts show: category, key without its beginning, value.
fn shown(workouts: &Workouts) -> Vec<(String, &'static str, f64)> {
    let shown = |reading: Reading| {
        let category = reading.labels.get(LabelName::Category).unwrap().to_owned();
        (category, reading.measurement.key.strip_prefix("workout_").unwrap(), reading.value)
    };
    workouts.readings().map(shown).collect()
}

/// The category and the kcal of each workout that is shown.
fn energies(workouts: &Workouts) -> Vec<(String, f64)> {
    let energy = |(category, key, value)| (key == "active_energy_kcal").then_some((category, value));
    shown(workouts).into_iter().filter_map(energy).collect()
}

#[track_caller]
fn check(json: &[Value], expected: &[(&str, f64)]) {
    let expected: Vec<_> = expected.iter().map(|(category, value)| ((*category).to_owned(), *value)).collect();
    assert_eq!(energies(&noted(json).0), expected);
    let reversed: Vec<_> = json.iter().rev().cloned().collect();
    assert_eq!(energies(&noted(&reversed).0), expected);
}

#[test]
fn the_newest_of_each_category_is_shown() {
    let all =
        [workout(1, WALK, 900, 10), workout(2, RUN, 800, 20), workout(3, WALK, 700, 30), workout(4, WALK, 950, 40)];
    check(&all, &[("walk", 30.0), ("run", 20.0)]);
}

#[test]
fn ties_go_to_the_newest_modified_then_the_highest_id() {
    let changed = with(workout(1, WALK, 900, 10), "modified", json!(NOW));
    check(&[changed.clone(), workout(2, WALK, 900, 20)], &[("walk", 10.0)]);
    check(&[changed, with(workout(2, WALK, 900, 20), "modified", json!(NOW))], &[("walk", 20.0)]);
}

#[test]
fn a_row_that_comes_twice_is_one_workout_as_it_was_changed_last() {
    let shorter = with(workout(1, WALK, 900, 5), "modified", json!(NOW));
    check(&[workout(1, WALK, 700, 10), shorter], &[("walk", 5.0)]);
    check(&[workout(1, WALK, 700, 10), workout(1, WALK, 700, 10)], &[("walk", 10.0)]);
}

#[test]
fn what_no_sensor_measured_is_no_zero() {
    let data = json!({"calories": 0, "manual_calories": 70, "distance": 0.0, "manual_distance": 0, "hr_average": 0,
                      "hr_min": null, "hr_max": -1});
    let (workouts, noted) = noted(&[with(workout(1, WALK, 900, 0), "data", data)]);
    let end = (NOW - 900) as f64;
    let expected =
        [("start_timestamp_seconds", end - 600.0), ("end_timestamp_seconds", end), ("active_energy_kcal", 70.0)];
    assert_eq!(shown(&workouts), expected.map(|(key, value)| ("walk".to_owned(), key, value)));
    assert_eq!(noted, []);
}

#[test]
fn a_foreign_workout_without_values_has_its_times() {
    for data in [json!({"algo_pause_duration": null}), json!([]), json!(null)] {
        let (workouts, _) = noted(&[with(workout(1, RUN, 900, 0), "data", data)]);
        assert_eq!(shown(&workouts).len(), 2);
    }
}

#[test]
fn an_unknown_category_has_its_number_and_counts() {
    let (workouts, noted) = noted(&[workout(1, 533, 900, 10)]);
    assert_eq!(energies(&workouts), [("category_533".to_owned(), 10.0)]);
    assert_eq!(noted, [(Unknown::Workout, "533".to_owned())]);
}

#[test]
fn no_two_categories_have_one_name() {
    let names: BTreeSet<_> = (-1..2000).map(|number| named(workout_category(number), "category", number)).collect();
    assert_eq!(names.len(), 2001);
}

#[test]
fn what_is_no_workout_yet_is_left_out_and_counted() {
    for (field, odd) in [("enddate", json!(null)), ("startdate", json!(null)), ("category", json!("walk"))] {
        let (workouts, noted) = noted(&[with(workout(1, WALK, 900, 10), field, odd)]);
        assert_eq!((workouts, noted.len()), (Workouts::default(), 1), "{field}");
        assert_eq!(noted[0].0, Unknown::Row, "{field}");
    }
}

#[test]
fn a_workout_without_an_id_is_one() {
    let (workouts, _) = noted(&[with(workout(1, WALK, 900, 10), "id", json!(null))]);
    assert_eq!(energies(&workouts), [("walk".to_owned(), 10.0)]);
}

#[test]
fn times_in_the_future_or_in_the_wrong_order_are_not_believed() {
    let odd = with(workout(6, WALK, 900, 10), "startdate", json!(NOW));
    let (workouts, noted) = noted(&[odd, workout(7, WALK, -24 * 3600 - 1, 10), workout(8, RUN, -24 * 3600, 10)]);
    assert_eq!(energies(&workouts), [("run".to_owned(), 10.0)]);
    assert_eq!(noted, [(Unknown::BadNumber, "6".to_owned()), (Unknown::FutureDate, "7".to_owned())]);
}

/// What is known after `changed` came upon the history `before`.
fn merged(before: &[Value], changed: &[Value]) -> Option<Workouts> {
    noted(before).0.merge(&rows(changed), &mut Context::silent(NOW))
}

#[track_caller]
fn check_merged(before: &[Value], changed: &[Value], expected: &[(&str, f64)]) {
    let Some(workouts) = merged(before, changed) else { panic!("everything must be read") };
    let expected: Vec<_> = expected.iter().map(|(category, value)| ((*category).to_owned(), *value)).collect();
    assert_eq!(energies(&workouts), expected);
}

#[test]
fn an_answer_of_changes_keeps_what_it_does_not_mention() {
    let before = [workout(1, WALK, 900, 10), workout(2, RUN, 800, 20)];
    check_merged(&before, &[], &[("walk", 10.0), ("run", 20.0)]);
    check_merged(&before, &before, &[("walk", 10.0), ("run", 20.0)]);
    check_merged(&before, &[workout(3, WALK, 100, 30)], &[("walk", 30.0), ("run", 20.0)]);
    check_merged(&before, &[workout(3, WALK, 5000, 30)], &[("walk", 10.0), ("run", 20.0)]);
    let corrected = with(workout(1, WALK, 900, 11), "modified", json!(NOW));
    check_merged(&before, &[corrected], &[("walk", 11.0), ("run", 20.0)]);
}

#[test]
fn a_workout_that_is_no_longer_the_newest_makes_everything_be_read() {
    let before = [workout(1, WALK, 900, 10), workout(2, WALK, 5000, 20)];
    let changed = |field, value| with(with(workout(1, WALK, 900, 10), "modified", json!(NOW)), field, value);
    for (field, value) in [("category", json!(RUN)), ("enddate", json!(NOW - 6000)), ("enddate", json!(null))] {
        assert_eq!(merged(&before, &[changed(field, value)]), None, "{field}");
    }
    check_merged(
        &before,
        &[changed("category", json!(RUN)), workout(3, WALK, 100, 30)],
        &[("walk", 30.0), ("run", 10.0)],
    );
}

/// Eleven walks from Google Fit. The one of 31 August has no values, and the last one is there twice.
#[test]
fn captured_walks_from_a_phone_show_the_last_one() {
    let captured = include_str!("../../../tests/fixtures/captured/phone/getworkouts.json");
    let answer: Value = serde_json::from_str(captured).unwrap();
    let all = answer["body"]["series"].as_array().unwrap();
    let check = |rows: &[Value], expected: &[(&'static str, f64)]| {
        let expected: Vec<_> = expected.iter().map(|(key, value)| ("walk".to_owned(), *key, *value)).collect();
        assert_eq!(shown(&noted(rows).0), expected);
    };
    let ninth_of_october = [
        ("start_timestamp_seconds", 1_696_844_383.0),
        ("end_timestamp_seconds", 1_696_844_638.0),
        ("active_energy_kcal", 24.0),
        ("distance_meters", 232.0),
        ("steps", 267.0),
        ("elevation_meters", 4.0),
    ];
    check(all, &ninth_of_october);
    let first = [
        ("start_timestamp_seconds", 1_693_336_011.0),
        ("end_timestamp_seconds", 1_693_336_513.0),
        ("active_energy_kcal", 47.0),
        ("distance_meters", 680.0),
        ("heart_rate_average_bpm", 80.0),
        ("heart_rate_min_bpm", 70.0),
        ("heart_rate_max_bpm", 80.0),
        ("spo2_average_pct", 15.0),
        ("steps", 779.0),
        ("elevation_meters", 10.0),
        ("pause_duration_seconds", 80.0),
        ("heart_rate_zone_duration_seconds", 100.0),
        ("heart_rate_zone_duration_seconds", 200.0),
        ("heart_rate_zone_duration_seconds", 300.0),
        ("heart_rate_zone_duration_seconds", 400.0),
    ];
    check(&all[..1], &first);
    check(&all[..2], &[("start_timestamp_seconds", 1_693_469_307.0), ("end_timestamp_seconds", 1_693_469_924.0)]);
}

/// Of each kcal of a history: the category, the value, and the seconds before now of its moment and of its end.
fn past(json: &[Value]) -> Vec<(String, f64, i64, Option<i64>)> {
    let mut context = Context::silent(NOW);
    let history = history(each(&rows(json), &mut context));
    let energies = history.into_iter().filter(|reading| reading.measurement.key == "workout_active_energy_kcal");
    let told = energies.map(|reading| {
        let category = reading.labels.get(LabelName::Category).unwrap().to_owned();
        (category, reading.value, NOW - reading.measured_at, reading.until.map(|until| NOW - i64::from(until.get())))
    });
    told.collect()
}

#[test]
fn a_history_has_each_workout_at_its_end_until_the_next_of_its_category() {
    let late = with(workout(3, WALK, 700, 30), "modified", json!(NOW));
    let all = [
        workout(4, WALK, 500, 0),
        workout(1, WALK, 900, 10),
        workout(2, RUN, 800, 20),
        late,
        workout(9, WALK, 700, 90),
    ];
    let walk = |value, at, until| ("walk".to_owned(), value, at, Some(until));
    // The last walk has no energy: that of the one before is not shown any more.
    let expected = [walk(10.0, 900, 700), walk(30.0, 700, 500), ("run".to_owned(), 20.0, 800, None)];
    assert_eq!(past(&all), expected);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(past(&reversed), expected);
}

#[test]
fn a_workout_shows_what_its_sensors_saw_and_the_zones_of_the_heart_together() {
    let data = json!({"hr_zone_0": 300, "hr_zone_1": 0, "hr_zone_2": 60, "hr_zone_3": 0, "steps": 4200, "elevation": 21,
                      "pause_duration": 0, "algo_pause_duration": 45, "spo2_average": 96, "hr_average": 0});
    let (workouts, counted) = noted(&[with(workout(1, WALK, 60, 0), "data", data)]);
    let zone = |reading: &Reading| reading.labels.get(LabelName::Zone).map(str::to_owned);
    let zones: Vec<_> = workouts.readings().filter_map(|reading| Some((zone(&reading)?, reading.value))).collect();
    let expected = [("light", 300.0), ("moderate", 0.0), ("intense", 60.0), ("maximal", 0.0)];
    assert_eq!(zones, expected.map(|(zone, value)| (zone.to_owned(), value)));
    let values: Vec<_> = shown(&workouts).into_iter().map(|(_, key, value)| (key, value)).collect();
    for value in
        [("steps", 4200.0), ("elevation_meters", 21.0), ("pause_duration_seconds", 45.0), ("spo2_average_pct", 96.0)]
    {
        assert!(values.contains(&value), "{value:?} in {values:?}");
    }
    assert!(!values.iter().any(|(key, _)| *key == "heart_rate_average_bpm"), "{values:?}");
    assert_eq!(counted, []);
    let still = json!({"hr_zone_0": 0, "hr_zone_1": 0, "hr_zone_2": 0, "hr_zone_3": 0});
    let (workouts, _) = noted(&[with(workout(1, WALK, 60, 0), "data", still)]);
    assert!(workouts.readings().all(|reading| zone(&reading).is_none()), "without a sensor there are no zones");
}

#[test]
fn a_workout_that_an_older_version_has_stored_is_understood() {
    let stored =
        r#"{"1":{"origin":{"modified":5,"id":7},"ended_at":9,"values":[["workout_distance_meters",15000.0]]}}"#;
    let workouts: Workouts = serde_json::from_str(stored).unwrap();
    assert_eq!(shown(&workouts), [("walk".to_owned(), "distance_meters", 15_000.0)]);
}
