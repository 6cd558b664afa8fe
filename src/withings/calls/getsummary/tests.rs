//! Each test names the bug, seen in another program, that its rule prevents.

use serde_json::{Value, json};

use super::*;

const HOUR: i64 = 3600;
/// Midnight between two days in UTC.
const MIDNIGHT: i64 = 1_789_948_800;
/// When everything is judged, Unix seconds.
const NOW: i64 = MIDNIGHT + 20 * HOUR;

fn rows(json: &[Value]) -> Vec<SummaryRow> {
    json.iter().map(|row| serde_json::from_str(&row.to_string()).unwrap()).collect()
}

fn choose(json: &[Value]) -> Sleeps {
    Sleeps::choose(&rows(json), &mut Context::silent(NOW))
}

fn night_id(json: &[Value]) -> Option<i64> {
    choose(json).night(NOW).map(|night| night.origin.id)
}

/// A sleep from `start` to `end`, hours after midnight.
fn sleep(id: i64, start: i64, end: i64) -> Value {
    json!({"id": id, "startdate": MIDNIGHT + start * HOUR, "enddate": MIDNIGHT + end * HOUR, "modified": MIDNIGHT + end * HOUR,
           "data": {"deepsleepduration": 3600, "lightsleepduration": 7200, "remsleepduration": 1800, "hr_average": 55}})
}

fn with_data(mut row: Value, data: Value) -> Value {
    row["data"] = data;
    row
}

fn value(sleeps: &Sleeps, key: &str) -> Option<f64> {
    sleeps.readings(NOW).iter().find(|reading| reading.measurement.key == key).map(|reading| reading.value)
}

#[test]
fn a_nap_does_not_replace_the_night() {
    assert_eq!(night_id(&[sleep(1, -1, 7), sleep(2, 14, 15)]), Some(1));
    assert_eq!(night_id(&[sleep(2, 14, 15), sleep(1, -1, 7)]), Some(1));
}

#[test]
fn a_short_sleep_alone_is_a_night_and_a_long_one_is_never_a_nap() {
    assert_eq!(night_id(&[sleep(2, 14, 15)]), Some(2));
    assert_eq!(night_id(&[sleep(1, -40, -32), sleep(2, 14, 15)]), Some(2), "the last night is more than 36 h ago");
    assert_eq!(night_id(&[sleep(1, -30, -22), sleep(2, 13, 16)]), Some(2), "three hours are a night of their day");
    assert_eq!(night_id(&[sleep(1, -1, 7), sleep(2, 13, 16)]), Some(1), "the longest of a day is its night");
}

#[test]
fn nothing_is_summed_over_nights() {
    let sleeps = choose(&[sleep(1, -25, -17), sleep(2, -1, 7)]);
    assert_eq!(value(&sleeps, "sleep_deep_duration_seconds"), Some(3600.0));
    assert_eq!(value(&sleeps, "sleep_heart_rate_average_bpm"), Some(55.0));
    assert_eq!(value(&sleeps, "sleep_start_timestamp_seconds"), Some((MIDNIGHT - HOUR) as f64));
    assert_eq!(value(&sleeps, "sleep_end_timestamp_seconds"), Some((MIDNIGHT + 7 * HOUR) as f64));
    assert!(sleeps.readings(NOW).iter().all(|reading| reading.measured_at == MIDNIGHT + 7 * HOUR));
    assert!(sleeps.readings(NOW).is_sorted_by_key(|reading| reading.measurement));
}

#[test]
fn of_several_sources_of_one_night_the_one_with_stages_then_the_longer_counts() {
    let foreign = with_data(sleep(9, -2, 8), json!({"asleepduration": 30000, "lightsleepduration": null}));
    assert_eq!(night_id(&[foreign, sleep(1, -1, 7)]), Some(1));
    assert_eq!(night_id(&[sleep(2, -1, 6), sleep(1, -1, 7)]), Some(1));
    let mut newer = sleep(1, -1, 7);
    newer["modified"] = json!(MIDNIGHT + 9 * HOUR);
    assert_eq!(night_id(&[newer, sleep(5, -1, 7)]), Some(1));
    assert_eq!(night_id(&[sleep(4, -1, 7), sleep(5, -1, 7)]), Some(5));
}

#[test]
fn a_missing_value_is_no_zero_and_not_of_the_night_before() {
    let data = json!({"deepsleepduration": 0, "remsleepduration": null, "wakeupduration": -1, "sleep_latency": 540,
                      "durationtowakeup": -25920, "hr_average": 0, "hr_min": -1, "rr_average": 14, "wakeupcount": 0});
    let sleeps = choose(&[sleep(1, -25, -17), with_data(sleep(2, -1, 7), data)]);
    let readings: Vec<_> =
        sleeps.readings(NOW).iter().map(|reading| (reading.measurement.key, reading.value)).collect();
    assert_eq!(
        readings,
        [
            ("sleep_deep_duration_seconds", 0.0),
            ("sleep_tosleep_duration_seconds", 540.0),
            ("sleep_wakeup_count", 0.0),
            ("sleep_respiratory_average_bpm", 14.0),
            ("sleep_start_timestamp_seconds", (MIDNIGHT - HOUR) as f64),
            ("sleep_end_timestamp_seconds", (MIDNIGHT + 7 * HOUR) as f64),
        ]
    );
}

#[test]
fn a_night_of_a_source_without_stages_has_its_length_and_no_stages() {
    let data = json!({"asleepduration": 25200, "total_sleep_time": 0, "lightsleepduration": null,
                      "deepsleepduration": null, "remsleepduration": null});
    let sleeps = choose(&[with_data(sleep(1, -1, 7), data)]);
    assert_eq!(value(&sleeps, "sleep_total_duration_seconds"), Some(25200.0));
    for stage in ["sleep_light_duration_seconds", "sleep_deep_duration_seconds", "sleep_rem_duration_seconds"] {
        assert_eq!(value(&sleeps, stage), None, "{stage}");
    }
}

#[test]
fn of_two_names_of_one_value_the_first_that_has_one_counts() {
    let index = |data: Value| value(&choose(&[with_data(sleep(1, -1, 7), data)]), "sleep_breathing_disturbances_index");
    let (old, new) = ("breathing_disturbances_intensity", "breathing_quality_assessment");
    assert_eq!(index(json!({old: 31, new: 7})), Some(31.0));
    assert_eq!(index(json!({old: -1, new: 7})), Some(7.0));
    assert_eq!(index(json!({old: 0, new: -1})), Some(0.0));
    assert_eq!(index(json!({old: -1})), None);
}

#[test]
fn milliseconds_are_seconds_and_a_temperature_of_nothing_is_none() {
    let data = json!({"rmssd_start_avg": 87, "rmssd_end_avg": -1, "core_body_temperature_avg": 36.9,
                      "core_body_temperature_min": 0, "core_body_temperature_max": null, "apnea_hypopnea_index": 0});
    let sleeps = choose(&[with_data(sleep(1, -1, 7), data)]);
    assert_eq!(value(&sleeps, "sleep_heart_rate_variability_start_seconds"), Some(0.087));
    assert_eq!(value(&sleeps, "sleep_heart_rate_variability_end_seconds"), None);
    assert_eq!(value(&sleeps, "sleep_core_body_temperature_average_c"), Some(36.9));
    assert_eq!(value(&sleeps, "sleep_core_body_temperature_min_c"), None);
    assert_eq!(value(&sleeps, "sleep_core_body_temperature_max_c"), None);
    assert_eq!(value(&sleeps, "sleep_apnea_hypopnea_events_per_hour"), Some(0.0));
}

/// The naps' duration in hours and their time in hours after midnight.
fn naps(json: &[Value]) -> Option<(f64, i64)> {
    let readings = choose(json).readings(NOW);
    let naps = readings.iter().find(|reading| reading.measurement.key == "sleep_nap_duration_seconds")?;
    Some((naps.value / 3600.0, (naps.measured_at - MIDNIGHT) / HOUR))
}

#[test]
fn naps_are_counted_since_the_night_and_each_time_once() {
    let (before, night) = (sleep(1, -40, -32), sleep(2, -1, 7));
    assert_eq!(naps(&[before.clone(), night.clone()]), None);
    assert_eq!(naps(&[sleep(3, -12, -11), before.clone(), night.clone()]), None, "a nap of the day before");
    assert_eq!(naps(&[sleep(3, 10, 11), night.clone(), before.clone()]), Some((1.0, 11)));
    assert_eq!(naps(&[sleep(4, 14, 16), sleep(3, 10, 11), night.clone()]), Some((3.0, 16)));
    assert_eq!(naps(&[sleep(3, 14, 16), sleep(4, 15, 16), night]), Some((2.0, 16)), "of two devices");
    assert_eq!(naps(&[sleep(3, 10, 11)]), None, "alone it is the night");
}

#[test]
fn an_afternoon_nap_on_a_day_without_a_night_leaves_the_night_before() {
    let history = [sleep(1, -25, -17), sleep(2, 14, 15)];
    assert_eq!(night_id(&history), Some(1));
    assert_eq!(naps(&history), Some((1.0, 15)));
}

#[test]
fn a_short_sleep_before_midnight_is_a_nap_until_the_night_comes() {
    let (night_before, evening, night) = (sleep(1, -25, -17), sleep(2, -3, -1), sleep(3, 0, 7));
    assert_eq!(night_id(&[night_before.clone(), evening.clone()]), Some(1));
    assert_eq!(naps(&[night_before.clone(), evening.clone()]), Some((2.0, -1)));
    assert_eq!(night_id(&[night_before.clone(), evening.clone(), night.clone()]), Some(3));
    assert_eq!(naps(&[night_before, evening, night]), None);
}

#[test]
fn a_clock_change_makes_no_sleep_longer_or_shorter() {
    // In Berlin 2025-10-26 03:00 is 02:00 again, and 2026-03-29 02:00 is 03:00; both are 01:00 in UTC.
    let (autumn, spring): (i64, i64) = (1_761_440_400, 1_774_746_000);
    let berlin = |id, start, end| json!({"id": id, "timezone": "Europe/Berlin", "startdate": start, "enddate": end, "modified": end, "data": {}});
    let minutes = |count: i64| count * 60;
    // 00:30 to 02:45 on the wall, but 3 h 15 min.
    let short_on_the_wall = berlin(2, autumn - minutes(150), autumn + minutes(45));
    assert_eq!(night_id(&[berlin(1, autumn - 25 * HOUR, autumn - 18 * HOUR), short_on_the_wall]), Some(2));
    // 00:30 to 04:15 on the wall, but 2 h 45 min.
    let long_on_the_wall = berlin(2, spring - minutes(90), spring + minutes(75));
    let sleeps = choose(&[berlin(1, spring - 25 * HOUR, spring - 18 * HOUR), long_on_the_wall]);
    assert_eq!(sleeps.night(NOW).map(|night| night.origin.id), Some(1));
    assert_eq!(value(&sleeps, "sleep_nap_duration_seconds"), Some(9900.0));
}

#[test]
fn a_sleep_that_ends_before_it_begins_is_none() {
    assert_eq!(night_id(&[sleep(1, -25, -17), sleep(2, 7, -1), sleep(3, 7, 7)]), Some(1));
}

#[test]
fn of_a_row_that_changed_while_it_was_read_the_newest_version_counts() {
    let mut shorter = sleep(2, -1, 6);
    shorter["modified"] = json!(MIDNIGHT + 9 * HOUR);
    let versions = [sleep(2, -1, 7), shorter];
    let ended = |sleeps: &Sleeps| sleeps.night(NOW).map(|night| night.ended_at);
    assert_eq!(ended(&choose(&versions)), Some(MIDNIGHT + 6 * HOUR));
    let before = choose(&[sleep(1, -25, -17)]);
    let Some(merged) = before.merge(&rows(&versions), &mut Context::silent(NOW)) else { panic!() };
    assert_eq!(ended(&merged), Some(MIDNIGHT + 6 * HOUR));
}

#[test]
fn a_changed_row_replaces_its_former_self() {
    let sleeps = choose(&[sleep(1, -1, 7)]);
    let longer = with_data(sleep(1, -1, 8), json!({"deepsleepduration": 4000}));
    let Some(merged) = sleeps.merge(&rows(&[longer]), &mut Context::silent(NOW)) else { panic!() };
    assert_eq!(value(&merged, "sleep_deep_duration_seconds"), Some(4000.0));
    let Some(same) = merged.merge(&[], &mut Context::silent(NOW)) else { panic!() };
    assert_eq!(same, merged);
}

#[test]
fn a_night_that_ends_earlier_than_it_did_makes_everything_be_read() {
    let sleeps = choose(&[sleep(1, -25, -17), sleep(2, -1, 7)]);
    let shorter = sleeps.merge(&rows(&[sleep(2, -1, 6)]), &mut Context::silent(NOW));
    assert_eq!(shorter, None);
}

#[test]
fn a_sleep_that_is_not_over_is_left_out_until_it_is_or_a_day_has_passed() {
    let unfinished = |end| {
        let mut row = sleep(2, end - 8, end);
        row["completed"] = json!(false);
        row
    };
    assert_eq!(night_id(&[sleep(1, -25, -17), unfinished(7)]), Some(1));
    assert_eq!(night_id(&[sleep(1, -25, -17), sleep(2, -1, 7)]), Some(2));
    let waiting = choose(&[sleep(1, -25, -17), unfinished(7)]);
    assert_eq!(waiting.night(MIDNIGHT + 31 * HOUR).map(|night| night.origin.id), Some(2));
}

#[test]
fn a_row_without_an_id_is_known_by_its_times() {
    let mut row = sleep(0, -1, 7);
    row.as_object_mut().unwrap().remove("id");
    let sleeps = choose(&[row.clone(), sleep(1, -25, -17)]);
    assert_eq!(value(&sleeps, "sleep_end_timestamp_seconds"), Some((MIDNIGHT + 7 * HOUR) as f64));
    let Some(same) = sleeps.merge(&rows(&[row]), &mut Context::silent(NOW)) else { panic!() };
    assert_eq!(same, sleeps);
}

#[test]
fn a_sleep_of_more_than_a_day_or_since_1970_is_not_believed() {
    assert_eq!(night_id(&[sleep(1, -25, -17), sleep(2, -18, 7)]), Some(1));
    let mut zero = sleep(3, -1, 7);
    zero["startdate"] = json!(0);
    assert_eq!(night_id(&[sleep(1, -25, -17), zero]), Some(1));
}

#[test]
fn only_what_can_decide_the_night_is_kept() {
    let history: Vec<_> = (0..300).map(|n| sleep(n, -24 * n - 1, -24 * n + 7)).collect();
    let sleeps = choose(&history);
    assert_eq!(sleeps.night(NOW).unwrap().origin.id, 0);
    assert!(sleeps.rows.len() <= 5, "{}", sleeps.rows.len());
}

#[test]
fn a_sleep_that_lost_against_another_source_does_not_come_back_when_that_one_is_forgotten() {
    let without_stages = with_data(sleep(2, -37, -28), json!({}));
    assert_eq!(night_id(&[sleep(1, -41, -33), without_stages, sleep(3, 6, 7)]), Some(3));
}

#[test]
fn a_night_of_tomorrow_is_not_believed() {
    assert_eq!(night_id(&[sleep(1, -1, 7), sleep(2, 44, 52)]), Some(1));
}
