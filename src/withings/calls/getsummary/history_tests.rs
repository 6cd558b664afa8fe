//! Every night of a history, by the rules of the last one.

use serde_json::{Value, json};

use super::*;
use crate::withings::calls::context::Context;
use crate::withings::calls::getsummary::{SummaryRow, latest_versions};

const HOUR: i64 = 3600;
/// Midnight between two days in UTC.
const MIDNIGHT: i64 = 1_789_948_800;

/// A sleep from `start` to `end`, hours after midnight.
fn sleep(id: i64, start: i64, end: i64) -> Value {
    json!({"id": id, "startdate": MIDNIGHT + start * HOUR, "enddate": MIDNIGHT + end * HOUR, "modified": MIDNIGHT + end * HOUR,
           "data": {"deepsleepduration": 3600 + id, "hr_average": 55}})
}

fn parsed<T: serde::de::DeserializeOwned>(json: &[Value]) -> Vec<T> {
    json.iter().map(|row| serde_json::from_str(&row.to_string()).unwrap()).collect()
}

fn sleeps(json: &[Value]) -> Sleeps {
    let mut context = Context::silent(MIDNIGHT + 1000 * HOUR);
    Sleeps::all(latest_versions(&parsed::<SummaryRow>(json), &mut context))
}

/// The values of a measurement with their moments and ends, hours after midnight.
fn told(sleeps: &Sleeps, key: &str) -> Vec<(i64, f64, Option<i64>)> {
    let hours = |at: i64| (at - MIDNIGHT) / HOUR;
    let nights = sleeps.history(MIDNIGHT + 1000 * HOUR);
    let history = nights.flat_map(|night| night.readings).filter(|reading| reading.measurement.key == key);
    let end = |reading: &Reading| reading.until.map(|until| hours(until.get().into()));
    history.map(|reading| (hours(reading.measured_at), reading.value, end(&reading))).collect()
}

#[test]
fn each_night_is_told_at_its_end_until_the_next_one() {
    let all = sleeps(&[sleep(2, 23, 31), sleep(1, -1, 7), sleep(3, 47, 55)]);
    let deep = [(7, 3601.0, Some(31)), (31, 3602.0, Some(55)), (55, 3603.0, None)];
    assert_eq!(told(&all, "sleep_deep_duration_seconds"), deep);
}

#[test]
fn naps_are_added_up_from_nap_to_nap_and_end_with_the_next_night() {
    let all = sleeps(&[sleep(1, -1, 7), sleep(2, 12, 13), sleep(3, 15, 17), sleep(4, 23, 31), sleep(5, 36, 37)]);
    let hours = |count: i64| (count * HOUR) as f64;
    let naps = [(13, hours(1), Some(31)), (17, hours(3), Some(31)), (37, hours(1), None)];
    assert_eq!(told(&all, "sleep_nap_duration_seconds"), naps);
    assert_eq!(told(&all, "sleep_score"), []);
    assert_eq!(told(&all, "sleep_end_timestamp_seconds").len(), 2, "a nap is no night");
}

#[test]
fn of_a_broken_night_the_longer_part_is_the_night_and_the_rest_is_known_with_it() {
    let all = sleeps(&[sleep(1, -2, 1), sleep(2, 2, 8)]);
    assert_eq!(told(&all, "sleep_end_timestamp_seconds").iter().map(|told| told.0).collect::<Vec<_>>(), [8]);
    assert_eq!(told(&all, "sleep_nap_duration_seconds"), [(8, (3 * HOUR) as f64, None)]);
}

#[test]
fn a_night_that_two_devices_saw_is_one() {
    let mut of_watch = sleep(2, -2, 8);
    of_watch["data"] = json!({"asleepduration": 30000});
    let all = sleeps(&[of_watch, sleep(1, -1, 7), sleep(3, 23, 31)]);
    let totals = [(7, 3601.0, Some(31)), (31, 3603.0, None)];
    assert_eq!(told(&all, "sleep_total_duration_seconds"), totals, "the one with stages wins");
    assert_eq!(told(&all, "sleep_heart_rate_average_bpm"), [(7, 55.0, Some(31)), (31, 55.0, None)]);
}

#[test]
fn of_a_row_that_is_in_two_answers_the_newest_version_counts() {
    let mut changed = sleep(1, -1, 8);
    changed["modified"] = json!(MIDNIGHT + 20 * HOUR);
    let all = Sleeps::all([sleeps(&[sleep(1, -1, 7)]).rows, sleeps(&[changed]).rows].concat());
    assert_eq!(told(&all, "sleep_heart_rate_average_bpm"), [(8, 55.0, None)]);
}

#[test]
fn sleeps_of_a_day_are_asked_for_together() {
    let all = sleeps(&[sleep(1, -1, 7), sleep(2, 14, 15), sleep(3, 23, 31), sleep(4, 47, 70)]);
    let hours: Vec<_> = all
        .spans(&(MIDNIGHT..MIDNIGHT + 100 * HOUR), 24 * HOUR)
        .iter()
        .map(|(from, to)| ((from - MIDNIGHT) / HOUR, (to - MIDNIGHT) / HOUR))
        .collect();
    assert_eq!(hours, [(-1, 15), (23, 31), (47, 70)], "24 hours at most");
    assert_eq!(
        all.spans(&(MIDNIGHT + 20 * HOUR..MIDNIGHT + 40 * HOUR), 24 * HOUR).len(),
        1,
        "only what ended in the period"
    );
}
