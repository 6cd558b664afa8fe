//! Subscriptions: made, kept and taken back.

use std::fs;
use std::io::Write;
use std::time::Duration;

use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Failure, Fault};

use super::{
    ALL_APPLIS, FOREIGN, HOST, OURS, SUBSCRIBED_AFTER, another_program, applis, move_to, notify_calls, path, restart,
    start, subscribed, subscribed_to,
};
use crate::world::World;

#[tokio::test(crate = "crate::paused")]
async fn everything_is_subscribed_5_seconds_apart_at_one_address() {
    let world = subscribed(&["Alice"]).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
    let addresses: Vec<_> = world.account("Alice").subscriptions().into_iter().map(|(address, _)| address).collect();
    assert!(
        addresses.iter().all(|address| *address == addresses[0] && address.len() == OURS.len() + 43),
        "{addresses:?}"
    );
    let calls = notify_calls(&world, "subscribe");
    assert!(calls.iter().all(|call| call.status == Some(0)), "{calls:?}");
    for (call, next) in calls.iter().zip(&calls[1..]) {
        assert!(next.time - call.time >= chrono::TimeDelta::seconds(5), "{calls:?}");
    }
    let page = world.get("/").await.body;
    assert!(page.contains("<dt>Notifications</dt><dd>subscribed, none yet</dd>"), "{page}");
}

#[tokio::test(crate = "crate::paused")]
async fn only_what_is_measured_is_subscribed() {
    let selected = ["weight_kg", "sleep_score"].map(|key| Measurement::by_key(key).unwrap());
    let world = subscribed_to(&["Alice"], |world| world.config.measurements = selected.into_iter().collect()).await;
    assert_eq!(applis(&world, "Alice", OURS), [1, 44, 46]);
}

#[tokio::test(crate = "crate::paused")]
async fn an_address_that_withings_cannot_reach_is_said_and_polling_goes_on() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.config.webhooks = true;
    move_to(&mut world, HOST);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(notify_calls(&world, "subscribe")[0].status, Some(293));
    let page = world.get("/").await.body;
    assert!(page.contains("Withings cannot reach https://health.example/webhook/… (status 293)"), "{page}");
    assert!(page.contains("<dt>Notifications</dt><dd>not subscribed yet</dd>"), "{page}");
    world.pass(Duration::from_hours(12)).await;
    let tries = notify_calls(&world, "subscribe").len();
    assert!((8..=20).contains(&tries), "{tries} tries in 12 hours");
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
    assert!(world.calls("getmeas").len() >= 12 * 12);
    world.cloud.host(HOST, world.address());
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
    assert!(!world.get("/").await.body.contains("293"));
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_without_the_permission_for_bed_events_has_the_others() {
    let world = subscribed_to(&["Alice"], |world| {
        world.account("Alice").edit(|person| person.scopes.retain(|scope| scope != "user.sleepevents"));
    });
    let world = world.await;
    let others: Vec<_> = ALL_APPLIS.into_iter().filter(|appli| ![50, 51].contains(appli)).collect();
    assert_eq!(applis(&world, "Alice", OURS), others);
    let page = world.get("/").await.body;
    assert!(page.contains("Missing permission:</strong> user.sleepevents"), "{page}");
    assert!(page.contains("subscribed, none yet"), "{page}");
    let refused = notify_calls(&world, "subscribe").len();
    world.skip(Duration::from_hours(25)).await;
    assert_eq!(notify_calls(&world, "subscribe").len(), refused, "asked again for what the login lacks");
    world.account("Alice").edit(|person| person.scopes.push("user.sleepevents".to_owned()));
    world.connect("Alice").await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
    assert!(!world.get("/").await.body.contains("Missing permission"));
}

#[tokio::test(crate = "crate::paused")]
async fn a_restart_or_a_reload_neither_changes_subscriptions_nor_asks_for_them() {
    let mut world = subscribed(&["Alice"]).await;
    let before = path(&world);
    let calls = |world: &World| ["list", "subscribe", "revoke"].map(|action| notify_calls(world, action).len());
    let asked = calls(&world);
    restart(&mut world).await;
    let page = world.get("/").await.body;
    assert!(page.contains("<dt>Notifications</dt><dd>subscribed, none yet</dd>"), "{page}");
    world.pass(SUBSCRIBED_AFTER).await;
    // What the interval is has nothing to do with what Withings tells.
    world.config.refresh_interval = Duration::from_mins(30);
    assert_eq!(world.reload().await.status, 200);
    world.skip(Duration::from_hours(20)).await;
    assert_eq!(calls(&world), asked);
    assert_eq!(path(&world), before);
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn what_ended_before_a_restart_is_subscribed_again_within_a_day() {
    let mut world = subscribed(&["Alice"]).await;
    let (address, _) = world.account("Alice").subscriptions().pop().unwrap();
    another_program(&world, &format!("action=revoke&callbackurl={address}&appli=44")).await;
    restart(&mut world).await;
    world.skip(Duration::from_hours(24)).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_came_while_nothing_ran_is_subscribed_at_the_start() {
    let mut world = subscribed(&["Alice"]).await;
    restart(&mut world).await;
    let plans = world.plans_file();
    let former = fs::read(&plans).unwrap();
    world.connect("Alice").await;
    world.pass(SUBSCRIBED_AFTER).await;
    let calls = notify_calls(&world, "list").len();
    world.stop_exporter().await;
    // As after a power cut: the plans are those of the former login.
    fs::File::create(&plans).unwrap().write_all(&former).unwrap();
    start(&mut world).await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(notify_calls(&world, "list").len(), calls + 1);
}

#[tokio::test(crate = "crate::paused")]
async fn turning_webhooks_off_takes_back_what_is_ours_and_only_that() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    another_program(&world, &format!("action=subscribe&callbackurl={FOREIGN}&appli=1")).await;
    world.config.webhooks = false;
    restart(&mut world).await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(world.account("Alice").subscriptions(), [(FOREIGN.to_owned(), 1)]);
    assert_eq!(world.account("Bob").subscriptions(), []);
    assert!(!world.get("/").await.body.contains("Notifications"));
    let calls = notify_calls(&world, "list").len();
    restart(&mut world).await;
    world.skip(Duration::from_hours(25)).await;
    assert_eq!(notify_calls(&world, "list").len(), calls, "there was nothing left to look for");
}

#[tokio::test(crate = "crate::paused")]
async fn turning_webhooks_off_works_later_if_withings_does_not_answer_now() {
    let mut world = subscribed(&["Alice"]).await;
    world.config.webhooks = false;
    world.cloud.fault(Fault::new(Failure::Http(502)).on("list").times(3));
    world.cloud.fault(Fault::new(Failure::Http(502)).on("revoke").times(3));
    restart(&mut world).await;
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(world.account("Alice").subscriptions(), []);
}

#[tokio::test(crate = "crate::paused")]
async fn an_address_that_was_ours_is_taken_back_when_it_changes() {
    let mut world = subscribed(&["Alice"]).await;
    another_program(&world, &format!("action=subscribe&callbackurl={FOREIGN}&appli=44")).await;
    world.stop_exporter().await;
    move_to(&mut world, "moved.example");
    start(&mut world).await;
    world.pass(SUBSCRIBED_AFTER * 2).await;
    assert_eq!(applis(&world, "Alice", "https://moved.example/webhook/"), ALL_APPLIS);
    assert_eq!(applis(&world, "Alice", OURS), [] as [u32; 0]);
    assert_eq!(applis(&world, "Alice", FOREIGN), [44]);
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_no_longer_measured_is_no_longer_subscribed() {
    let mut world = subscribed(&["Alice"]).await;
    world.config.measurements = Measurement::by_key("in_bed").into_iter().collect();
    restart(&mut world).await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(applis(&world, "Alice", OURS), [46, 50, 51]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_subscription_that_ended_is_renewed_within_a_day() {
    let world = subscribed(&["Alice"]).await;
    let (address, _) = world.account("Alice").subscriptions().pop().unwrap();
    another_program(&world, &format!("action=revoke&callbackurl={address}&appli=44")).await;
    assert!(!applis(&world, "Alice", OURS).contains(&44));
    world.skip(Duration::from_hours(24)).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn a_new_login_is_subscribed_at_once() {
    let world = subscribed(&["Alice"]).await;
    world.account("Alice").revoke();
    // The notification of it makes the exporter look.
    world.until("Alice", |snapshot| !snapshot.authorized()).await;
    world.connect("Alice").await;
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn one_subscription_that_fails_leaves_the_others_and_the_polling_alone() {
    let world = subscribed_to(&["Alice"], |world| {
        world.cloud.fault(Fault::new(Failure::InvalidParams).on("subscribe"));
    });
    let world = world.await;
    assert_eq!(applis(&world, "Alice", OURS).len(), ALL_APPLIS.len() - 1);
    assert!(world.get("/").await.body.contains("Withings answered status 503 to a request about subscriptions"));
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
    let failed = "withings_exporter_api_request_failures_total{call=\"notify\",reason=\"invalid_request\"}";
    assert_eq!(world.sample(failed).await, Some(1.0));
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(applis(&world, "Alice", OURS), ALL_APPLIS);
}
