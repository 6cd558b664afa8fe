//! Unsubscribing: the subscriptions of forgotten and removed profiles.

use std::time::Duration;

use withings_exporter::sim::{Failure, Fault};

use super::{ALL_APPLIS, FOREIGN, OURS, SUBSCRIBED_AFTER, another_program, applis, start, subscribed};
use crate::reload::reload;
use crate::world::World;

/// Longer than it may take to take back all subscriptions of one person.
const PARTED_AFTER: Duration = Duration::from_mins(2);

fn check_bob_has_left(world: &World) {
    assert_eq!(applis(world, "Alice", OURS), ALL_APPLIS);
    assert_eq!(world.account("Bob").subscriptions(), []);
    assert!(world.stored("Bob").is_some(), "nobody has said that it is to be forgotten");
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_takes_back_what_is_subscribed_of_a_profile_that_left_until_it_returns() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    reload(&mut world, &["Alice"]).await;
    world.pass(PARTED_AFTER).await;
    check_bob_has_left(&world);
    assert!(!world.metrics().await.contains("Bob"));
    reload(&mut world, &["Alice", "Bob"]).await;
    world.pass(SUBSCRIBED_AFTER * 2).await;
    assert_eq!(applis(&world, "Bob", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn a_start_takes_back_what_is_subscribed_of_a_profile_that_left_until_the_person_connects_again() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    world.pass(Duration::from_mins(10)).await;
    world.stop_exporter().await;
    // Its access token ends meanwhile.
    world.pass(Duration::from_hours(4)).await;
    world.config.profiles = ["Alice", "Robert"].map(Into::into).into();
    start(&mut world).await;
    world.pass(PARTED_AFTER).await;
    check_bob_has_left(&world);
    assert!(!world.metrics().await.contains("Bob"));
    assert_eq!(world.log_in("Robert", &world.account("Bob")).await.status, 200);
    world.pass(SUBSCRIBED_AFTER).await;
    assert_eq!(applis(&world, "Bob", OURS), ALL_APPLIS);
    assert_eq!(world.sample("withings_up{profile=\"Robert\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_subscribed_of_a_profile_that_left_while_the_disk_hung_is_taken_back_afterwards() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    world.hang_disk(true);
    world.config.webhooks = false;
    world.config.profiles = ["Alice"].map(Into::into).into();
    world.reload().await;
    world.pass(PARTED_AFTER).await;
    assert_eq!(applis(&world, "Bob", OURS), ALL_APPLIS);
    world.hang_disk(false);
    world.pass(PARTED_AFTER).await;
    assert_eq!(world.account("Bob").subscriptions(), []);
    assert_eq!(world.account("Alice").subscriptions(), []);
}

#[tokio::test(crate = "crate::paused")]
async fn what_cannot_be_taken_back_at_once_is_tried_again_and_a_reload_waits_for_none_of_it() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    let before = world.account("Bob").subscriptions();
    world.cloud.fault(Fault::delay(Duration::from_hours(1)).on("list"));
    world.cloud.fault(Fault::new(Failure::Http(502)).on("revoke"));
    let began = world.clock.unix();
    reload(&mut world, &["Alice"]).await;
    assert!(world.clock.unix() - began <= 1, "a reload waits for Withings for {} s", world.clock.unix() - began);
    assert_eq!(world.account("Bob").subscriptions(), before);
    world.pass(PARTED_AFTER * 3).await;
    check_bob_has_left(&world);
}

/// Alice and her exporter, which Bob has left; another program has subscribed to something with her login, too.
async fn without_bob() -> World {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    reload(&mut world, &["Alice"]).await;
    another_program(&world, &format!("action=subscribe&callbackurl={FOREIGN}&appli=1")).await;
    world
}

/// Bob takes Alice's place while this goes wrong, and expects that her subscriptions but that of the other program end, and that
/// the page waits for none of it.
async fn check_replaced(world: &World, fault: Option<Fault>) {
    let asked = world.log_in("Alice", &world.account("Bob")).await.body;
    let confirmation = asked.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    if let Some(fault) = fault {
        world.cloud.fault(fault);
    }
    let began = world.clock.unix();
    assert_eq!(world.post("/authorize", &[("replace", confirmation)]).await.status, 200);
    assert!(world.clock.unix() - began < 10, "the page waits for the former person's subscriptions");
    world.pass(SUBSCRIBED_AFTER * 2).await;
    assert_eq!(world.account("Alice").subscriptions(), [(FOREIGN.to_owned(), 1)]);
    assert_eq!(applis(world, "Bob", OURS), ALL_APPLIS);
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_who_is_replaced_takes_the_subscriptions_along_and_the_page_waits_for_none() {
    let world = without_bob().await;
    check_replaced(&world, Some(Fault::delay(Duration::from_secs(12)).on("list").times(2))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_who_is_replaced_long_after_the_last_refresh_takes_the_subscriptions_along() {
    let mut world = without_bob().await;
    world.config.refresh_interval = Duration::from_hours(12);
    reload(&mut world, &["Alice"]).await;
    world.pass(Duration::from_hours(10)).await;
    let login = world.stored("Alice").unwrap();
    assert!(login.expires_at < world.clock.unix(), "the access token has ended");
    check_replaced(&world, None).await;
    let tokens = world.stored("Alice").unwrap();
    assert_eq!(tokens.user_id, world.account("Bob").userid().to_string(), "the new pair is nobody's login");
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_who_is_replaced_and_whose_token_is_refused_takes_the_subscriptions_along() {
    let world = without_bob().await;
    let alice = world.account("Alice").userid();
    check_replaced(&world, Some(Fault::new(Failure::InvalidToken).on("list").of(alice))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_demo_user_stays_subscribed_as_long_as_a_profile_has_it() {
    let mut world = subscribed(&["Alice", "Bob"]).await;
    let bob = world.account("Bob");
    reload(&mut world, &["Alice", "Carol", "Dan", "Erin"]).await;
    for profile in ["Carol", "Dan", "Erin"] {
        let callback = world.follow(&format!("/authorize?profile={profile}&mode=demo")).await;
        assert_eq!(world.get(&callback).await.status, 200);
    }
    world.pass(SUBSCRIBED_AFTER * 2).await;
    let demo = world.cloud.accounts().pop().unwrap();
    assert_eq!(demo.subscriptions().len(), ALL_APPLIS.len());
    assert_eq!(world.log_in("Carol", &bob).await.status, 200);
    reload(&mut world, &["Alice", "Carol", "Dan"]).await;
    world.pass(PARTED_AFTER).await;
    assert_eq!(demo.subscriptions().len(), ALL_APPLIS.len());
    reload(&mut world, &["Alice", "Carol"]).await;
    world.pass(PARTED_AFTER).await;
    assert_eq!(demo.subscriptions(), []);
}
