//! Reading the configuration again while the exporter runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Failure, Fault, Measure, MeasureGroup};

use crate::webhooks::move_to;
use crate::world::{BROKEN_FILE, World};

const INTERVAL: &str = "withings_exporter_refresh_interval_seconds";
const SUCCESSFUL: &str = "withings_exporter_config_last_reload_successful";
const SUCCESS_AT: &str = "withings_exporter_config_last_reload_success_timestamp_seconds";

/// Changes the configuration and has it read again.
pub(crate) async fn reload(world: &mut World, profiles: &[&str]) {
    world.config.profiles = profiles.iter().map(|name| Arc::from(*name)).collect();
    let answer = world.reload().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "The configuration was read again.\n"));
}

/// The profiles in the order in which the page shows whether they are connected.
async fn shown(world: &World) -> Vec<String> {
    let page = world.metrics().await;
    let rows = page.lines().filter_map(|line| line.strip_prefix("withings_authorized{profile=\"")?.split_once('"'));
    rows.map(|(profile, _)| profile.to_owned()).collect()
}

/// The times, in seconds, at which `profile` was asked for measures.
fn refreshes(world: &World, name: &str) -> Vec<i64> {
    let user = world.account(name).userid();
    let calls = world.calls("getmeas").into_iter().filter(|call| call.user == Some(user));
    calls.map(|call| call.time.timestamp()).collect()
}

fn weigh(world: &World, name: &str, kilograms: i64) {
    let group = MeasureGroup::new(world.clock.unix(), [Measure::new(1, kilograms, 0)]);
    world.account(name).add(group);
}

#[tokio::test(crate = "crate::paused")]
async fn profiles_come_and_go_and_the_others_miss_nothing() {
    let mut world = World::connected(&["Alice", "Bob"]).await;
    weigh(&world, "Bob", 80);
    world.until_shown("Bob", "weight_kg", 80.0).await;
    let before = refreshes(&world, "Alice").len();
    for profiles in [&["Alice"][..], &["Carol", "Alice"], &["Alice", "Bob"], &["Bob", "Alice", "Carol"]] {
        world.pass(Duration::from_mins(7)).await;
        reload(&mut world, profiles).await;
        assert_eq!(shown(&world).await, profiles);
        let has_bob = profiles.contains(&"Bob");
        assert_eq!(world.metrics().await.contains("Bob"), has_bob, "{profiles:?}");
        assert_eq!(world.value("Bob", "weight_kg").await, has_bob.then_some(80.0));
    }
    assert_eq!(world.sample("withings_authorized{profile=\"Carol\"}").await, Some(0.0));
    world.pass(Duration::from_mins(30)).await;
    check_misses_nothing(&world, "Alice", before, 11);
}

/// Expects at least so many refreshes, each 5 minutes after the one before; those `before` are none of them, nor is
/// that of the login, which waits for no slot.
fn check_misses_nothing(world: &World, name: &str, before: usize, at_least: usize) {
    let times = refreshes(world, name).split_off(before);
    assert!(times.len() >= at_least, "{name}: {times:?}");
    for pair in times.windows(2) {
        assert!((299..=301).contains(&(pair[1] - pair[0])), "{name}: {times:?}");
    }
}

/// The hosts that subscribed to notifications about `name`.
fn hosts(world: &World, name: &str) -> BTreeSet<String> {
    let subscriptions = world.account(name).subscriptions();
    subscriptions.into_iter().map(|(url, _)| url.split('/').nth(2).unwrap().to_owned()).collect()
}

/// Whether Withings sends the browser back to the present `base_url`.
async fn check_way_back(world: &World) {
    let consent = world.get("/authorize?profile=Alice").await.header("location").unwrap().to_owned();
    let back =
        Url::parse(&consent).unwrap().query_pairs().find(|(key, _)| key == "redirect_uri").unwrap().1.into_owned();
    assert_eq!(back, world.config.redirect_uri());
}

#[tokio::test(crate = "crate::paused")]
async fn webhooks_and_base_url_change_and_nobody_misses_a_refresh() {
    let mut world = World::connected(&["Alice", "Bob"]).await;
    let before = ["Alice", "Bob"].map(|name| refreshes(&world, name).len());
    for host in ["health.example", "moved.example"] {
        world.config.webhooks = true;
        move_to(&mut world, host);
        world.cloud.host(host, world.address());
        reload(&mut world, &["Alice", "Bob"]).await;
        world.pass(Duration::from_mins(7)).await;
        for name in ["Alice", "Bob"] {
            assert_eq!(hosts(&world, name), [host.to_owned()].into());
        }
        check_way_back(&world).await;
    }
    world.config.webhooks = false;
    reload(&mut world, &["Alice", "Bob"]).await;
    world.pass(Duration::from_mins(7)).await;
    for (name, before) in ["Alice", "Bob"].into_iter().zip(before) {
        assert!(hosts(&world, name).is_empty());
        check_misses_nothing(&world, name, before, 4);
    }
}

#[tokio::test(crate = "crate::paused")]
async fn withings_is_asked_at_another_address_and_nobody_misses_a_refresh() {
    let mut world = World::connected(&["Alice", "Bob"]).await;
    let before = ["Alice", "Bob"].map(|name| refreshes(&world, name).len());
    world.pass(Duration::from_mins(1)).await;
    for _ in 0..3 {
        world.move_cloud().await;
        reload(&mut world, &["Alice", "Bob"]).await;
        check_way_back(&world).await;
        world.pass(Duration::from_mins(10)).await;
    }
    for (name, before) in ["Alice", "Bob"].into_iter().zip(before) {
        check_misses_nothing(&world, name, before, 6);
        assert_eq!(world.sample(&format!("withings_up{{profile=\"{name}\"}}")).await, Some(1.0));
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_comes_back_is_refreshed_at_once_and_a_new_one_can_log_in() {
    let mut world = World::connected(&["Alice", "Bob"]).await;
    reload(&mut world, &["Alice"]).await;
    world.pass(Duration::from_hours(1)).await;
    weigh(&world, "Bob", 81);
    reload(&mut world, &["Alice", "Bob"]).await;
    let began = world.clock.unix();
    world.until_shown("Bob", "weight_kg", 81.0).await;
    assert!(world.clock.unix() - began <= 10);
    reload(&mut world, &["Alice"]).await;
    reload(&mut world, &["Alice", "Robert"]).await;
    let page = world.get("/").await.body;
    assert!(page.contains("Bob, connected since") && page.contains("withings-exporter forget Bob"), "{page}");
    assert_eq!(world.log_in("Robert", &world.account("Bob")).await.status, 200);
    world.until_shown("Robert", "weight_kg", 81.0).await;
}

#[tokio::test(crate = "crate::paused")]
async fn interval_and_measurements_change_without_a_refresh_of_their_own() {
    let mut world = World::connected(&["Alice"]).await;
    weigh(&world, "Alice", 70);
    world.until_shown("Alice", "weight_kg", 70.0).await;
    world.pass(Duration::from_mins(11)).await;
    world.config.refresh_interval = Duration::from_mins(10);
    let before = refreshes(&world, "Alice").len();
    assert_eq!(world.sample(INTERVAL).await, Some(300.0));
    reload(&mut world, &["Alice"]).await;
    assert_eq!(world.sample(INTERVAL).await, Some(600.0));
    world.pass(Duration::from_hours(1)).await;
    assert_eq!(refreshes(&world, "Alice").len() - before, 6);
    world.config.measurements = Measurement::by_key("height_m").into_iter().collect();
    let calls = world.cloud.requests().len();
    reload(&mut world, &["Alice"]).await;
    assert_eq!(world.value("Alice", "weight_kg").await, None);
    world.pass(Duration::from_hours(1)).await;
    let actions: Vec<_> =
        world.cloud.requests().split_off(calls).into_iter().filter_map(|request| request.action).collect();
    assert_eq!(actions, ["getmeas"; 6]);
    world.config.measurements = ["weight_kg", "activity_steps"].into_iter().filter_map(Measurement::by_key).collect();
    let calls = world.cloud.requests().len();
    reload(&mut world, &["Alice"]).await;
    world.pass(Duration::from_secs(10)).await;
    let new = world.cloud.requests().split_off(calls);
    assert_eq!(new.iter().filter_map(|request| request.action.as_deref()).collect::<Vec<_>>(), ["getactivity"]);
    assert_eq!(world.value("Alice", "weight_kg").await, Some(70.0));
}

/// Lets a call fail in a way after which it is tried again much later, and expects that a reload makes it at once.
async fn check_made_at_once(failure: Failure) {
    let mut world = World::connected(&["Alice"]).await;
    world.config.refresh_interval = Duration::from_hours(1);
    reload(&mut world, &["Alice"]).await;
    world.cloud.fault(Fault::new(failure).on("getmeas"));
    world.until_down("Alice").await;
    world.pass(Duration::from_mins(1)).await;
    let before = refreshes(&world, "Alice").len();
    reload(&mut world, &["Alice"]).await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(refreshes(&world, "Alice").len() - before, 1, "{failure:?}");
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_makes_a_call_at_once_that_has_failed() {
    check_made_at_once(Failure::Status(524)).await;
    check_made_at_once(Failure::SameArguments { wait_seconds: 2000 }).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_bad_file_changes_nothing_and_a_good_one_heals() {
    let world = World::connected(&["Alice"]).await;
    let read_at = world.sample(SUCCESS_AT).await;
    let login = world.sample("withings_authorized{profile=\"Alice\"}").await;
    world.pass(Duration::from_mins(1)).await;
    let answer = world.reload_from(None).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, format!("The configuration stays as it was: {BROKEN_FILE}\n"));
    assert_eq!(world.sample(SUCCESSFUL).await, Some(0.0));
    assert_eq!(world.sample(SUCCESS_AT).await, read_at);
    assert_eq!(world.sample("withings_authorized{profile=\"Alice\"}").await, login);
    world.until_refreshed("Alice").await;
    assert_eq!(world.reload().await.status, 200);
    assert_eq!(world.sample(SUCCESSFUL).await, Some(1.0));
    assert!(world.sample(SUCCESS_AT).await > read_at);
}

#[tokio::test(crate = "crate::paused")]
async fn another_site_cannot_reload_and_looking_does_nothing() {
    let world = World::connected(&["Alice"]).await;
    assert_eq!(world.get("/-/reload").await.status, 405);
    let foreign = world.post_from("Origin: https://evil.example\r\n", "/-/reload", &[]).await;
    assert_eq!(foreign.status, 403);
    assert_eq!(world.sample(SUCCESSFUL).await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_mended_secret_is_tried_at_once() {
    let mut world = World::connected(&["Alice"]).await;
    world.config.client_secret = "mistyped".into();
    reload(&mut world, &["Alice"]).await;
    world.skip(Duration::from_hours(4)).await;
    assert_eq!(world.sample("withings_authorized{profile=\"Alice\"}").await, Some(0.0));
    world.config.client_secret = "secret-of-the-app".into();
    reload(&mut world, &["Alice"]).await;
    let began = world.clock.unix();
    world.until_up("Alice").await;
    assert!(world.clock.unix() - began <= 30, "{} s", world.clock.unix() - began);
    assert_eq!(world.sample("withings_authorized{profile=\"Alice\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn reloads_at_once_are_done_one_after_the_other_and_scrapes_are_answered_meanwhile() {
    let mut world = World::connected(&["Alice"]).await;
    reload(&mut world, &["Alice", "Bob"]).await;
    let reloads = futures_util::future::join_all((0..20).map(|_| world.reload()));
    let scrapes = futures_util::future::join_all((0..20).map(|_| world.get("/metrics")));
    let (reloads, scrapes) = tokio::join!(reloads, scrapes);
    assert!(reloads.iter().chain(&scrapes).all(|response| response.status == 200));
    assert!(scrapes.iter().all(|response| response.body.contains("withings_authorized{profile=\"Alice\"} 1")));
    assert_eq!(shown(&world).await, ["Alice", "Bob"]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_renamed_profile_connects_again_and_shows_its_person_alone() {
    let mut world = World::connected(&["Alice"]).await;
    weigh(&world, "Alice", 70);
    world.until_shown("Alice", "weight_kg", 70.0).await;
    reload(&mut world, &["Alicia"]).await;
    assert_eq!(world.log_in("Alicia", &world.account("Alice")).await.status, 200);
    world.until_shown("Alicia", "weight_kg", 70.0).await;
    reload(&mut world, &["Alicia", "Alice"]).await;
    assert_eq!(world.sample("withings_authorized{profile=\"Alice\"}").await, Some(0.0));
    assert_eq!(world.value("Alicia", "weight_kg").await, Some(70.0));
    reload(&mut world, &["Alicia"]).await;
    assert_eq!(world.value("Alicia", "weight_kg").await, Some(70.0));
    world.until_refreshed("Alicia").await;
}
