//! What watches, electrocardiographs and mats measure by themselves, with the time of each value.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tracing::level_filters::LevelFilter;
use withings_exporter::sim::{
    DEEP, Device, HeartRecording, IntradayValues, LIGHT, Measure, MeasureGroup, Night, Vitals,
};

use crate::history::read;
use crate::log::Log;
use crate::world::World;

const MINUTE: i64 = 60;

fn watch() -> Arc<Device> {
    Arc::new(Device::new("Activity Tracker", "ScanWatch", 93, "ab12"))
}

/// The watch measures the heart rate now, and uploads it at once.
fn beat(world: &World, rate: i64) -> i64 {
    let at = world.clock.unix();
    world.account("Alice").add(IntradayValues::new(at, &watch(), [("heart_rate", json!(rate))]));
    at
}

async fn time_of(world: &World, key: &str) -> Option<f64> {
    let series = format!("withings_measurement_timestamp_seconds{{profile=\"Alice\",measurement=\"{key}\"}}");
    world.sample(&series).await
}

#[tokio::test(crate = "crate::paused")]
async fn the_newest_value_of_a_watch_is_shown_with_its_time_until_a_newer_one_comes() {
    let world = World::connected(&["Alice"]).await;
    let first = beat(&world, 61);
    world.until_shown("Alice", "intraday_heart_rate_bpm", 61.0).await;
    assert_eq!(time_of(&world, "intraday_heart_rate_bpm").await, Some(first as f64));
    world.skip(Duration::from_hours(30)).await;
    assert_eq!(world.value("Alice", "intraday_heart_rate_bpm").await, Some(61.0), "it stays");
    let second = beat(&world, 74);
    world.pass(Duration::from_mins(16)).await;
    assert_eq!(world.value("Alice", "intraday_heart_rate_bpm").await, Some(74.0));
    assert_eq!(time_of(&world, "intraday_heart_rate_bpm").await, Some(second as f64));
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_has_what_a_watch_measures_asleep_and_awake() {
    let mut world = World::asleep(&["Alice"], |clock| withings_exporter::sim::Cloud::with_history(7, 1, clock)).await;
    world.start_exporter().await;
    world.connect("Alice").await;
    let units = [
        ("heart_rate_bpm", 40.0..120.0),
        ("spo2_pct", 85.0..100.1),
        ("core_body_temperature_c", 35.0..41.0),
        ("heart_rate_variability_rmssd_seconds", 0.01..0.1),
        ("heart_rate_variability_sdnn_seconds", 0.01..0.12),
        ("respiratory_bpm", 8.0..25.0),
    ];
    for (key, range) in units {
        let key = format!("intraday_{key}");
        let value = world.value("Alice", &key).await.unwrap_or_else(|| panic!("{key} is absent"));
        assert!(range.contains(&value), "{key} {value}");
        assert!(time_of(&world, &key).await.unwrap() > (world.clock.unix() - 86_400) as f64, "{key}");
    }
}

/// The state of Alice's state set that is 1.
async fn state(world: &World, key: &str) -> Option<String> {
    let page = world.metrics().await;
    let begin = format!("withings_{key}{{");
    let line = page.lines().find(|line| line.starts_with(&begin) && line.ends_with(" 1"))?;
    let (_, state) = line.split_once(&format!("withings_{key}=\""))?;
    Some(state.split_once('"')?.0.to_owned())
}

#[tokio::test(crate = "crate::paused")]
async fn an_electrocardiogram_has_a_heart_rate_and_the_class_that_getmeas_lacks() {
    let world = World::connected(&["Alice"]).await;
    let core = Arc::new(Device::new("Blood Pressure Monitor", "BPM Core", 44, "cd34"));
    let at = world.clock.unix();
    let ecg = HeartRecording { vhd: Some(0), ..HeartRecording::ecg(at, &core, 96, 1) };
    world.account("Alice").add(ecg);
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(world.value("Alice", "ecg_heart_rate_bpm").await, Some(96.0));
    assert_eq!(time_of(&world, "ecg_heart_rate_bpm").await, Some(at as f64));
    assert_eq!(state(&world, "ecg_classification").await.as_deref(), Some("positive"));
    assert_eq!(state(&world, "stethoscope_classification").await.as_deref(), Some("negative"));
    world.account("Alice").add(MeasureGroup::new(at, [Measure::new(130, 12, 0)]));
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(state(&world, "ecg_classification").await.as_deref(), Some("positive_high_hr"), "getmeas says more");
}

#[tokio::test(crate = "crate::paused")]
async fn an_electrocardiogram_is_newer_than_a_class_that_getmeas_had_long_ago() {
    let world = World::connected(&["Alice"]).await;
    let (at, long_ago) = (world.clock.unix(), world.clock.unix() - 300 * 86_400);
    let account = world.account("Alice");
    account.add(MeasureGroup::new(long_ago, [Measure::new(130, 0, 0)]));
    account.add(HeartRecording::ecg(long_ago, &watch(), 61, 2));
    account.add(HeartRecording::ecg(at, &watch(), 96, 1));
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(state(&world, "ecg_classification").await.as_deref(), Some("positive"));
    assert_eq!(time_of(&world, "ecg_classification").await, Some(at as f64));
    world.skip(Duration::from_hours(3)).await;
    let history = read(&world.backfill("--start 2025-11-01").await);
    let of_class = |class: &str| {
        let labels = format!("{{profile=\"Alice\",withings_ecg_classification=\"{class}\"}}");
        let samples = history[&format!("withings_ecg_classification{labels}")].iter();
        samples.filter(|(_, value)| *value > 0.5).map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!((of_class("negative"), of_class("positive")), (vec![long_ago], vec![at]), "at one time getmeas' counts");
}

#[tokio::test(crate = "crate::paused")]
async fn a_recording_that_was_deleted_gives_way_to_the_one_before() {
    let world = World::connected(&["Alice"]).await;
    let at = world.clock.unix();
    let account = world.account("Alice");
    account.add(HeartRecording::ecg(at - 40 * 86_400, &watch(), 60, 0));
    let newest = account.add(HeartRecording::ecg(at, &watch(), 96, 1));
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(world.value("Alice", "ecg_heart_rate_bpm").await, Some(96.0));
    account.delete::<HeartRecording>(newest);
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(world.value("Alice", "ecg_heart_rate_bpm").await, Some(60.0));
}

/// A night of Alice's, in which these heart rate variabilities were measured, ms, for an hour each.
fn sleep(world: &World, rmssd: [u8; 2]) -> i64 {
    let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ef56"));
    let begin = world.clock.unix() - 3 * 3600;
    let night = Night::asleep(&mat, begin, &[(DEEP, 60), (LIGHT, 60), (LIGHT, 60)]).measured(|at, _| {
        let hour = usize::try_from((at - begin) / 3600).unwrap();
        let rmssd = rmssd.get(hour).copied().unwrap_or_default();
        Vitals { hr: 55 + u8::try_from(hour).unwrap(), rr: 14, snoring: 0, rmssd, sdnn: 0, movement: 0 }
    });
    let end = night.enddate;
    world.account("Alice").add(night);
    end
}

#[tokio::test(crate = "crate::paused")]
async fn a_night_has_the_mean_of_its_heart_rate_variability_and_its_newest_minutes() {
    let world = World::connected(&["Alice"]).await;
    let end = sleep(&world, [40, 60]);
    world.pass(Duration::from_mins(8)).await;
    assert_eq!(world.value("Alice", "sleep_heart_rate_variability_average_seconds").await, Some(0.05));
    assert_eq!(time_of(&world, "sleep_heart_rate_variability_average_seconds").await, Some(end as f64));
    assert_eq!(world.value("Alice", "sleep_heart_rate_bpm").await, Some(57.0));
    assert_eq!(time_of(&world, "sleep_heart_rate_bpm").await, Some((end - MINUTE) as f64));
    assert_eq!(world.value("Alice", "sleep_heart_rate_variability_seconds").await, Some(0.06), "an hour ago");
    assert_eq!(world.value("Alice", "sleep_respiratory_bpm").await, Some(14.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_backfill_reads_what_costs_a_call_for_each_day_when_it_is_asked_to_and_says_how_many() {
    let world = World::connected(&["Alice"]).await;
    let at = beat(&world, 61);
    let end = sleep(&world, [40, 60]);
    world.skip(Duration::from_hours(40)).await;
    let second = beat(&world, 74);
    world.skip(Duration::from_hours(4)).await;

    let plain = read(&world.backfill("").await);
    let heart = "withings_intraday_heart_rate_bpm{profile=\"Alice\"}";
    let curve = "withings_sleep_heart_rate_bpm{profile=\"Alice\"}";
    assert!(!plain.contains_key(heart) && !plain.contains_key(curve));

    let log = Log::listen(LevelFilter::INFO);
    let whole = read(&world.backfill("--intraday --sleep-stages").await);
    assert_eq!(whole[heart], [(at, 61.0), (second, 74.0)]);
    let first_minutes: Vec<_> =
        (0..180).map(|minute| (end - (180 - minute) * MINUTE, 55.0 + (minute / 60) as f64)).collect();
    assert_eq!(whole[curve], first_minutes);
    let mean = "withings_sleep_heart_rate_variability_average_seconds{profile=\"Alice\"}";
    assert_eq!(whole[mean], [(end, 0.05)]);
    let said = log.lines().into_iter().find(|line| line.contains("call=getintradayactivity")).unwrap();
    assert!(said.contains("calls=90") && said.contains("minutes=2"), "{said}");
    let calls = world.calls("getintradayactivity");
    let lengths = calls.iter().map(|call| {
        let time = |name: &str| call.params[name].parse::<i64>().unwrap();
        time("enddate") - time("startdate")
    });
    assert!(lengths.into_iter().all(|length| length <= 86_400));
}
