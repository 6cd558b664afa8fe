//! Failures at Withings: which metrics tell of them, which values stay, and how the exporter recovers.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use withings_exporter::catalogue::Call;
use withings_exporter::reading::Attempt;
use withings_exporter::sim::{Account, DEEP, Device, Failure, Fault, LIGHT, Measure, MeasureGroup, Night, Request};

use crate::world::{DATA_ACTIONS, World};

/// Alice and Bob, each with a weight of 72 kg, and both connected.
async fn household() -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    for name in ["Alice", "Bob"] {
        weigh(&world, name, 72);
    }
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    world
}

fn weigh(world: &World, name: &str, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account(name).add(MeasureGroup::new(world.clock.unix(), [weight]));
}

/// Adds a night with so many minutes of deep sleep.
fn sleep(account: &Account, now: i64, deep: u16) {
    let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
    account.add(Night::asleep(&mat, now - 8 * 3600, &[(LIGHT, 300), (DEEP, deep)]));
}

async fn check(world: &World, series: &str, expected: Option<f64>) {
    assert_eq!(world.sample(series).await, expected, "{series}");
}

async fn check_refresh(world: &World, call: &str, expected: Option<f64>) {
    let series = format!("withings_exporter_refresh_success{{profile=\"Alice\",call=\"{call}\"}}");
    check(world, &series, expected).await;
}

async fn check_failures(world: &World, call: &str, reason: &str, expected: f64) {
    let series = format!("withings_exporter_api_request_failures_total{{call=\"{call}\",reason=\"{reason}\"}}");
    check(world, &series, Some(expected)).await;
}

fn calls_of(world: &World, name: &str, action: &str) -> Vec<Request> {
    let user = world.account(name).userid();
    world.calls(action).into_iter().filter(|call| call.user == Some(user)).collect()
}

/// The seconds between the two latest of these calls.
fn latest_pause(calls: &[Request]) -> i64 {
    let [.., before, latest] = calls else { panic!("{calls:?}") };
    (latest.time - before.time).num_seconds()
}

/// Lets Alice's `getmeas` fail once and expects that nothing else does, and a new try after so many seconds.
async fn check_isolated(failure: Failure, reason: &str, pause: RangeInclusive<i64>) {
    let world = household().await;
    let alice = world.account("Alice");
    world.cloud.fault(Fault::new(failure).on("getmeas").of(alice.userid()));
    weigh(&world, "Alice", 71);
    weigh(&world, "Bob", 90);
    sleep(&alice, world.clock.unix(), 90);
    world.until_down("Alice").await;
    world.until_shown("Alice", "sleep_deep_duration_seconds", 5400.0).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0), "the last value stays");
    for (call, worked) in [("getmeas", 0.0), ("getsummary", 1.0), ("sleep_get", 1.0)] {
        check_refresh(&world, call, Some(worked)).await;
    }
    check_failures(&world, "getmeas", reason, 1.0).await;
    for (profile, up) in [("Alice", 0.0), ("Bob", 1.0)] {
        check(&world, &format!("withings_up{{profile=\"{profile}\"}}"), Some(up)).await;
        check(&world, &format!("withings_authorized{{profile=\"{profile}\"}}"), Some(1.0)).await;
    }
    world.until_shown("Bob", "weight_kg", 90.0).await;
    world.until_up("Alice").await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(71.0));
    let waited = latest_pause(&calls_of(&world, "Alice", "getmeas"));
    assert!(pause.contains(&waited), "tried again after {waited} s");
}

#[tokio::test(crate = "crate::paused")]
async fn a_broken_gateway_stops_one_call_for_seconds() {
    check_isolated(Failure::Http(502), "http", 15..=23).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_call_made_too_often_waits_alone() {
    check_isolated(Failure::SameArguments { wait_seconds: 188 }, "rate_limited", 188..=191).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_request_that_withings_finds_wrong_is_followed_by_a_read_of_everything() {
    check_isolated(Failure::InvalidParams, "invalid_request", 30..=46).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_service_that_is_away_for_minutes_is_asked_again_after_growing_pauses() {
    let world = household().await;
    let alice = world.account("Alice");
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("getmeas").of(alice.userid()).times(6));
    world.until_down("Alice").await;
    weigh(&world, "Alice", 71);
    let before = calls_of(&world, "Alice", "getmeas").len() - 1;
    world.pass(Duration::from_mins(100)).await;
    let calls = calls_of(&world, "Alice", "getmeas").split_off(before);
    let pauses: Vec<_> = calls.windows(2).map(|pair| (pair[1].time - pair[0].time).num_seconds()).take(6).collect();
    for (pause, least) in pauses.iter().zip([30, 60, 120, 240, 3600, 3600]) {
        assert!((least..=least * 3 / 2 + 2).contains(pause), "{pauses:?}");
    }
    world.until_shown("Alice", "weight_kg", 71.0).await;
    world.until_up("Alice").await;
}

#[tokio::test(crate = "crate::paused")]
async fn one_answer_that_cannot_be_unpacked_is_no_broken_connection() {
    let world = household().await;
    let alice = world.account("Alice");
    world.cloud.fault(Fault::damaged().on("getmeas").of(alice.userid()));
    world.until_down("Alice").await;
    check_failures(&world, "getmeas", "decode", 1.0).await;
    world.until_up("Alice").await;
    world.cloud.fault(Fault::new(Failure::HangUp).on("getmeas").of(alice.userid()));
    world.until_down("Alice").await;
    check_failures(&world, "getmeas", "connect", 1.0).await;
}

#[tokio::test(crate = "crate::paused")]
async fn after_a_wrong_request_everything_is_read() {
    let world = household().await;
    let alice = world.account("Alice");
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("getmeas").of(alice.userid()));
    world.until_down("Alice").await;
    world.until_up("Alice").await;
    let calls = calls_of(&world, "Alice", "getmeas");
    let since: Vec<_> = calls.iter().map(|call| call.params.contains_key("lastupdate")).collect();
    assert_eq!(since, [false, true, false]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_token_refused_once_is_refreshed_and_nobody_notices() {
    let world = household().await;
    let alice = world.account("Alice");
    world.cloud.fault(Fault::new(Failure::InvalidToken).on("getmeas").of(alice.userid()));
    weigh(&world, "Alice", 71);
    world.until_shown("Alice", "weight_kg", 71.0).await;
    check(&world, "withings_up{profile=\"Alice\"}", Some(1.0)).await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
    check(&world, "withings_exporter_token_rotations_total{profile=\"Alice\"}", Some(1.0)).await;
    check_failures(&world, "getmeas", "auth", 1.0).await;
    let repeated = latest_pause(&calls_of(&world, "Alice", "getmeas"));
    assert!((11..=12).contains(&repeated), "Withings refuses the same call within 10 s; repeated after {repeated} s");
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_whose_tokens_are_never_accepted_is_shown_as_refused_and_tried_hourly() {
    let world = household().await;
    let alice = world.account("Alice");
    for action in DATA_ACTIONS {
        world.cloud.fault(Fault::new(Failure::InvalidToken).on(action).of(alice.userid()).times(u32::MAX));
    }
    let often = [Call::Getmeas, Call::Getsummary, Call::SleepGet, Call::Getactivity, Call::Getworkouts];
    world
        .until("Alice", |snapshot| often.iter().all(|call| matches!(snapshot.calls[call].latest, Attempt::Failed(_))))
        .await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(0.0)).await;
    check(&world, "withings_authorized{profile=\"Bob\"}", Some(1.0)).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0), "the last value stays");
    let before = calls_of(&world, "Alice", "getmeas").len();
    // The last of them has failed at most ten minutes after the first.
    world.pass(Duration::from_mins(45)).await;
    assert_eq!(calls_of(&world, "Alice", "getmeas").len(), before);
    world.cloud.heal();
    world.until_up("Alice").await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_revoked_login_keeps_its_values_and_can_be_connected_again_at_once() {
    let world = household().await;
    let alice = world.account("Alice");
    alice.revoke();
    world.until("Alice", |snapshot| !snapshot.authorized()).await;
    let page = world.get("/").await.body;
    assert!(page.contains("Login refused") && page.contains("Reconnect"), "{page}");
    check(&world, "withings_up{profile=\"Alice\"}", Some(0.0)).await;
    check_failures(&world, "requesttoken", "invalid_request", 1.0).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0), "the last value stays");
    let tried = || calls_of(&world, "Alice", "requesttoken").len();
    let before = tried();
    world.pass(Duration::from_mins(9)).await;
    assert_eq!(tried(), before, "tried again too soon");
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(tried(), before + 1);
    world.connect("Alice").await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn too_many_requests_stop_everybody_for_as_long_as_withings_says() {
    let world = household().await;
    let before = world.cloud.requests().len();
    world.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(68) }).on("getmeas"));
    world.until_refreshed("Alice").await;
    world.until_refreshed("Bob").await;
    world.until_up("Alice").await;
    world.until_up("Bob").await;
    check_failures(&world, "getmeas", "rate_limited", 1.0).await;
    let requests = world.cloud.requests().split_off(before);
    let refused = requests.iter().position(|request| request.status == Some(601)).unwrap();
    let silence = latest_pause(&requests[..=refused + 1]);
    assert!((68..=69).contains(&silence), "silent for {silence} s");
}

#[tokio::test(crate = "crate::paused")]
async fn a_token_endpoint_that_is_down_costs_no_login() {
    let world = household().await;
    world.pass(Duration::from_mins(170)).await;
    world.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken").times(20));
    world.until_down("Alice").await;
    world.pass(Duration::from_mins(30)).await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0), "the last value stays");
    weigh(&world, "Alice", 71);
    world.cloud.heal();
    world.until_shown("Alice", "weight_kg", 71.0).await;
}

#[tokio::test(crate = "crate::paused")]
async fn no_minute_sees_more_calls_than_configured_whatever_restarts() {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.config.requests_per_minute = 10.try_into().unwrap();
    // Shorter than the six calls of both take: there is always something to do.
    world.config.refresh_interval = Duration::from_secs(15);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    for _ in 0..2 {
        world.pass(Duration::from_mins(3)).await;
        world.stop_exporter().await;
        world.start_exporter().await;
    }
    world.pass(Duration::from_mins(3)).await;
    let calls: Vec<_> = world.cloud.requests().into_iter().filter(|request| request.action.is_some()).collect();
    let minute = chrono::TimeDelta::minutes(1);
    let in_minute_from = |first: &Request| {
        let minute = first.time..first.time + minute;
        calls.iter().filter(|request| minute.contains(&request.time)).count()
    };
    let busiest = calls.iter().map(in_minute_from).max().unwrap();
    assert_eq!(busiest, 10, "the budget is neither exceeded nor left unused");
    assert!(calls.iter().all(|request| request.status == Some(0)), "{calls:#?}");
}
