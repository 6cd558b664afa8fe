//! Small answers that came out wrong once, and what is shown of them.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::level_filters::LevelFilter;
use withings_exporter::clock::Clock;
use withings_exporter::sim::Cloud;

use crate::log::Log;
use crate::page::Page;
use crate::world::World;

/// When the answers were given.
const NOW: &str = "2026-11-29T16:00:00Z";

/// Expects that these keys have these values when `tests/fixtures/cases/<name>` is served, and that none of the others has one.
async fn check(name: &str, expected: &[(&str, f64)], absent: &[&str]) -> Page {
    let world = served(name).await;
    let page = Page::read(&world.metrics().await);
    let value = |key: &str| page.samples.get(&format!("withings_{key}{{profile=\"Ann\"}}")).copied();
    let shown: Vec<_> = expected.iter().map(|(key, _)| (*key, value(key))).collect();
    assert_eq!(shown, expected.iter().map(|(key, value)| (*key, Some(*value))).collect::<Vec<_>>(), "{name}");
    for key in absent {
        assert_eq!(value(key), None, "{name}: {key}");
    }
    page
}

/// An exporter that has read `tests/fixtures/cases/<name>`.
async fn served(name: &str) -> World {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases")).join(name);
    let clock = Clock::following_tokio(NOW.parse::<DateTime<Utc>>().unwrap());
    let mut world = World::around(Cloud::replay(&folder, clock).unwrap(), &["Ann"]).await;
    world.start_exporter().await;
    world.log_in("Ann", &world.cloud.accounts()[0]).await;
    world.until_up("Ann").await;
    world
}

/// How many values of this kind were not known or not believed.
fn counted(page: &Page, kind: &str) -> f64 {
    page.samples[&format!("withings_exporter_unknown_values_total{{kind=\"{kind}\"}}")]
}

#[tokio::test(crate = "crate::paused")]
async fn sleeps_that_touch_are_several() {
    let night = [("sleep_score", 75.0), ("sleep_end_timestamp_seconds", 1_794_954_878.0)];
    check("night-chain-overlap", &night, &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_mat_that_saw_the_stages_wins_over_a_watch() {
    let night =
        [("sleep_deep_duration_seconds", 6180.0), ("sleep_rem_duration_seconds", 9180.0), ("sleep_score", 92.0)];
    check("night-mat-and-watch", &night, &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_longer_part_of_a_broken_night_is_the_night_and_the_other_is_no_less_slept() {
    let night = [
        ("sleep_score", 45.0),
        ("sleep_end_timestamp_seconds", 1_794_980_439.0),
        ("sleep_nap_duration_seconds", 16_261.0),
    ];
    check("night-fragmented", &night, &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_sleep_that_is_not_over_is_no_night_yet() {
    let page = check("night-not-completed", &[("sleep_score", 85.0)], &["sleep_nap_duration_seconds"]).await;
    assert!(counted(&page, "unfinished") > 0.0);
}

#[tokio::test(crate = "crate::paused")]
async fn a_night_without_a_sum_has_the_sum_of_its_stages() {
    check("night-without-total", &[("sleep_total_duration_seconds", 11_160.0)], &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_breathing_rate_has_two_names() {
    let breathing = [
        ("sleep_respiratory_average_bpm", 15.0),
        ("sleep_respiratory_min_bpm", 11.0),
        ("sleep_respiratory_max_bpm", 20.0),
    ];
    check("night-wellness-breathing", &breathing, &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn rows_without_optional_fields_are_rows() {
    let page = check("rows-without-id", &[("sleep_score", 82.0)], &[]).await;
    let workout = "withings_workout_distance_meters{category=\"bicycling\",profile=\"Ann\"}";
    assert_eq!(page.samples.get(workout), Some(&15_000.0), "{:?}", page.samples.keys());
}

#[tokio::test(crate = "crate::paused")]
async fn climbing_is_in_meters() {
    check("activity-elevation", &[("activity_elevation_meters", 21.0)], &[]).await;
}

#[tokio::test(crate = "crate::paused")]
async fn zero_and_less_are_no_measures_of_a_body() {
    let good = [
        ("weight_kg", 80.0),
        ("fat_mass_kg", 15.0),
        ("spo2_pct", 97.0),
        ("heart_pulse_bpm", 60.0),
        ("pulse_wave_velocity", 7.215),
    ];
    let page = check("zero-body-values", &good, &[]).await;
    assert!(counted(&page, "implausible") >= 5.0);
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_dropped_is_counted_once_however_often_it_is_read_and_what_was_missing_is_logged() {
    let log = Log::listen(LevelFilter::WARN);
    let world = served("dropped-rows").await;
    let dropped = |page: &Page| ["row", "bad_number", "implausible"].map(|kind| counted(page, kind).to_string());
    let page = Page::read(&world.metrics().await);
    assert_eq!(page.samples.get("withings_weight_kg{profile=\"Ann\"}"), Some(&72.345));
    // Two groups without a readable date, what is no group, a measure without a type, a sleep, a segment and a workout without an
    // end, a day without a date, a device without an id; text for a weight; a fat ratio of nothing and three days of sleep.
    assert_eq!(dropped(&page), ["9", "1", "2"]);
    world.skip(Duration::from_hours(25)).await;
    assert_eq!(dropped(&Page::read(&world.metrics().await)), ["9", "1", "2"], "a day later");
    for missing in [
        "a measure group without a date",
        "a measure without a type",
        "a sleep without begin or end",
        "a segment of sleep without an end",
        "a workout without category, begin or end",
        "a day of activity without a date",
        "a device without an id",
    ] {
        assert_eq!(log.lines().iter().filter(|line| line.contains(missing)).count(), 1, "{missing}");
    }
}
