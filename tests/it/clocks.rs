//! A host whose clock is wrong: what is shown, and what is asked for, follows Withings' clock.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use withings_exporter::catalogue::Measurement;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Activity, DEEP, Device, LIGHT, Measure, MeasureGroup, Night, Source, TokenPlace};

use crate::rotation::next_heard;
use crate::world::{World, beginning};

const HOUR: i64 = 3600;

/// After the login, after the last stage of sleep has ended, and after midnight, minutes after the beginning of the
/// world.
const LOOKS: [u64; 3] = [10, 5 * 60, 7 * 60 + 30];

/// Alice's world, in which the clock of the host is so many seconds ahead.
async fn world_with_host(ahead: i64) -> World {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.host_clock = Clock::following_tokio(beginning());
    move_host(&world, ahead);
    live(&world, "Alice");
    world
}

fn move_host(world: &World, seconds: i64) {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { world.host_clock.set_back(by) } else { world.host_clock.advance(by) }
}

/// Alice has slept until two hours ago, weighs herself and walks.
fn live(world: &World, name: &str) {
    let (account, now) = (world.account(name), world.clock.unix());
    let device = |kind, model| Arc::new(Device::new(kind, model, 63, "ab12"));
    let mat = device("Sleep Monitor", "Sleep Analyzer");
    account.add(Night::asleep(&mat, now - 10 * HOUR, &[(LIGHT, 400), (DEEP, 80)]));
    account.add(MeasureGroup::new(now - HOUR, [Measure::new(1, 72_345, -3)]));
    let today = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    let watch = Source::Tracker(device("Activity Tracker", "ScanWatch 2"));
    account.add(Activity { steps: 5432, ..Activity::new(today, watch) });
}

/// The samples of Alice's measurements on the page.
async fn measurements(world: &World) -> Vec<String> {
    let is_measured = |line: &&str| line.contains("profile=\"Alice\"") && !line.starts_with("withings_exporter_");
    world.metrics().await.lines().filter(is_measured).map(str::to_owned).collect()
}

/// The samples of Alice at each look, with the clock of the host so many seconds ahead for good.
async fn shown_by_host(ahead: i64) -> Vec<Vec<String>> {
    let mut world = world_with_host(ahead).await;
    world.start_exporter().await;
    world.connect("Alice").await;
    let mut shown = Vec::new();
    for minutes in LOOKS {
        let at = beginning().timestamp() + i64::try_from(minutes * 60).unwrap();
        world.pass(Duration::from_secs((at - world.clock.unix()).unsigned_abs())).await;
        shown.push(measurements(&world).await);
        // Nothing that is stored of the clock is needed.
        world.stop_exporter().await;
        world.start_exporter().await;
        world.until_refreshed("Alice").await;
        shown.push(measurements(&world).await);
    }
    shown
}

#[tokio::test(crate = "crate::paused")]
async fn a_host_whose_clock_is_hours_off_shows_the_same_values() {
    let right = shown_by_host(0).await;
    assert!(right[0].iter().any(|line| line == "withings_activity_steps{profile=\"Alice\"} 5432"), "{right:?}");
    assert!(right[0].iter().any(|line| line.ends_with("withings_sleep_state=\"deep\"} 1")), "{right:?}");
    for hours in [8, 12, -14] {
        assert_eq!(shown_by_host(hours * HOUR).await, right, "{hours} h ahead");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn the_first_answer_mends_what_is_shown_of_everybody() {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.host_clock = Clock::following_tokio(beginning());
    move_host(&world, 8 * HOUR);
    world.start_exporter().await;
    for name in ["Alice", "Bob"] {
        live(&world, name);
        world.connect(name).await;
    }
    world.stop_exporter().await;
    let mut calls = world.cloud.listen();
    world.start_exporter().await;
    for name in ["Alice", "Bob"] {
        assert_eq!(world.value(name, "activity_steps").await, None, "by the host it is tomorrow");
    }
    let other = match next_heard(&mut calls).await.user {
        user if user == Some(world.account("Alice").userid()) => "Bob",
        _ => "Alice",
    };
    world.pass(Duration::from_secs(3)).await;
    assert_eq!(world.value(other, "activity_steps").await, Some(5432.0));
    let mut later = std::iter::from_fn(|| calls.try_recv().ok());
    assert!(later.all(|call| call.user != Some(world.account(other).userid())), "{other} was refreshed");
}

#[tokio::test(crate = "crate::paused")]
async fn after_a_clock_was_set_right_no_days_of_the_future_are_asked_for() {
    const BEHIND: i64 = 72 * HOUR;
    let mut world = world_with_host(-BEHIND).await;
    let is_wanted =
        |measurement: &Measurement| ["sleep_", "activity_"].iter().any(|group| measurement.key.starts_with(group));
    world.config.measurements = Measurement::all().filter(is_wanted).collect();
    world.start_exporter().await;
    world.connect("Alice").await;
    world.until_refreshed("Alice").await;
    let before = world.calls("getactivity").len();
    move_host(&world, BEHIND);
    world.pass(Duration::from_mins(1)).await;
    let calls = world.calls("getactivity").split_off(before);
    assert!(!calls.is_empty(), "nothing was asked for");
    for call in calls {
        assert_eq!(call.params["enddateymd"], "2026-11-23", "{call:?}");
    }
    assert_eq!(world.value("Alice", "activity_steps").await, Some(5432.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_token_lives_as_long_as_withings_says_whatever_the_host_says() {
    for hours in [-72, -14, 8] {
        let mut world = world_with_host(hours * HOUR).await;
        world.start_exporter().await;
        world.connect("Alice").await;
        world.pass(Duration::from_mins(150)).await;
        assert_eq!(world.calls("requesttoken").len(), 1, "{hours} h ahead: refreshed too early");
        world.pass(Duration::from_hours(1)).await;
        assert_eq!(world.calls("requesttoken").len(), 2, "{hours} h ahead");
        let refused =
            world.cloud.requests().into_iter().find(|call| call.status != Some(0) && call.token == TokenPlace::Header);
        assert!(refused.is_none(), "{hours} h ahead: {refused:?}");
    }
}
