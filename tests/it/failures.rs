//! Failures at Withings: which metrics tell of them, which values stay, and how the exporter recovers.

use std::time::Duration;

use withings_exporter::catalogue::Call;
use withings_exporter::reading::Attempt;
use withings_exporter::sim::{Failure, Fault, Measure, MeasureGroup, Request};

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

async fn check(world: &World, series: &str, expected: Option<f64>) {
    assert_eq!(world.sample(series).await, expected, "{series}");
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
