//! The identical call: Withings refuses it within 10 s, so it is made no sooner than after 11, restarts and new logins
//! included.

use std::time::Duration;

use chrono::TimeDelta;
use withings_exporter::sim::{Cloud, Request};

use super::weigh;
use crate::http_client::Answer;
use crate::world::{DATA_ACTIONS, World};

/// How far apart identical calls are at least.
const APART: TimeDelta = TimeDelta::seconds(11);

/// Alice with a row of every kind, connected a while ago.
async fn alice() -> World {
    let world = World::start(&["Alice"], |clock| Cloud::with_history(7, 1, clock)).await;
    world.connect("Alice").await;
    world.pass(Duration::from_mins(1)).await;
    world
}

/// The calls for data since the `before` first requests.
fn calls_since(world: &World, before: usize) -> Vec<Request> {
    let is_data = |call: &Request| call.action.as_deref().is_some_and(|action| DATA_ACTIONS.contains(&action));
    world.cloud.requests().split_off(before).into_iter().filter(is_data).collect()
}

/// Expects that no call was refused or made twice within 11 s.
#[track_caller]
fn check_apart(calls: &[Request]) {
    let is_same = |one: &Request, other: &Request| (one.user, &one.params) == (other.user, &other.params);
    for (index, call) in calls.iter().enumerate() {
        assert_ne!(call.status, Some(601), "Withings refuses {call:?}");
        let twin = calls[..index].iter().rfind(|former| is_same(former, call) && call.time - former.time < APART);
        assert!(twin.is_none(), "{call:?} is made again {} after {twin:?}", call.time - twin.unwrap().time);
    }
}

/// Lets this much time pass, in which no metric shows a lag.
async fn check_up(world: &World, time: Duration) {
    let began = tokio::time::Instant::now();
    while began.elapsed() < time {
        let page = world.metrics().await;
        assert!(!page.contains("withings_up{profile=\"Alice\"} 0\n"), "down {:?} after the start", began.elapsed());
        assert!(page.contains("withings_authorized{profile=\"Alice\"} 1\n"), "{page}");
        world.pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn restarts_within_seconds_make_no_call_twice() {
    let mut world = alice().await;
    let before = world.cloud.requests().len();
    for _ in 0..3 {
        world.stop_exporter().await;
        world.start_exporter().await;
        check_up(&world, Duration::from_secs(4)).await;
    }
    weigh(&world, "Alice", 71);
    check_up(&world, Duration::from_secs(330)).await;
    check_apart(&calls_since(&world, before));
    assert_eq!(world.value("Alice", "weight_kg").await, Some(71.0));
}

/// Expects that the page after a login names the person.
#[track_caller]
fn check_names(page: &Answer) {
    assert_eq!(page.status, 200, "{}", page.body);
    for text in ["last stepped on a scale on 20", "Withings knows these devices: "] {
        assert!(page.body.contains(text), "{text} is missing in\n{}", page.body);
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_right_after_another_makes_no_call_twice_and_names_what_was_measured() {
    let world = alice().await;
    let before = world.cloud.requests().len();
    for _ in 0..3 {
        check_names(&world.log_in("Alice", &world.account("Alice")).await);
        check_up(&world, Duration::from_secs(2)).await;
    }
    check_up(&world, Duration::from_mins(1)).await;
    check_apart(&calls_since(&world, before));
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_right_after_a_start_makes_no_call_twice_and_names_what_was_measured() {
    let mut world = alice().await;
    let before = world.cloud.requests().len();
    world.stop_exporter().await;
    world.pass(Duration::from_mins(90)).await;
    world.start_exporter().await;
    check_up(&world, Duration::from_secs(4)).await;
    check_names(&world.log_in("Alice", &world.account("Alice")).await);
    check_up(&world, Duration::from_mins(1)).await;
    check_apart(&calls_since(&world, before));
}
