//! Forgetting a profile beside a running exporter.

use std::time::Duration;

use tokio::time::Instant;
use withings_exporter::sim::{Fault, Limits};

use super::beside::Beside;
use super::{Trouble, befall, check_within, delete_stored, rewrite, stored_file, until_asked, until_paused, weigh};
use crate::world::World;

/// How soon it shows that a profile was forgotten, seconds.
const GONE_WITHIN: f64 = 5.0;

/// How long the command may take, and a slow machine to start it.
const ENDS_WITHIN: Duration = Duration::from_secs(16);

/// Alice, who weighs 72 kg, and Bob, connected, and so many requests a minute from then on.
async fn household(requests_per_minute: u32) -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    weigh(&world, "Alice", 72);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    world.config.requests_per_minute = requests_per_minute.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
    assert!(knows_alice(&world).await);
    world
}

async fn knows_alice(world: &World) -> bool {
    world.value("Alice", "weight_kg").await.is_some()
}

/// Lets another process delete Alice's files, and expects that she is gone from the page and does not come back.
async fn check_gone(world: &World) {
    assert!(knows_alice(world).await);
    delete_stored(world, "Alice");
    check_within(world, GONE_WITHIN, "her weight is gone", async || !knows_alice(world).await).await;
    world.pass(Duration::from_mins(10)).await;
    assert!(!knows_alice(world).await, "she is back");
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_is_forgotten_during_a_pause_is_shown_no_more() {
    let world = household(100).await;
    until_paused(&world, 120, "Alice").await;
    check_gone(&world).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_is_forgotten_while_withings_does_not_answer_is_shown_no_more() {
    let world = household(100).await;
    world.cloud.fault(Fault::delay(Duration::from_hours(1)).times(u32::MAX));
    until_asked(&world, "getmeas", "Alice").await;
    check_gone(&world).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_is_forgotten_while_its_calls_wait_for_their_turn_is_shown_no_more() {
    let world = household(6).await;
    until_asked(&world, "getmeas", "Alice").await;
    check_gone(&world).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_is_forgotten_before_its_new_readings_could_be_stored_is_shown_no_more() {
    let world = household(100).await;
    weigh(&world, "Alice", 73);
    // The state is loaded before the disk hangs, and saved while it does.
    world.cloud.fault(Fault::delay(Duration::from_secs(5)).on("getmeas").times(u32::MAX));
    until_asked(&world, "getmeas", "Alice").await;
    world.hang_disk(true);
    world.until_shown("Alice", "weight_kg", 73.0).await;
    world.hang_disk(false);
    check_gone(&world).await;
}

/// Runs `forget Alice` beside an exporter in this trouble, and expects that it ends in time.
async fn check_command(trouble: Trouble) {
    let mut world = World::in_real_time(&["Alice"]).await;
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = 6000.try_into().unwrap();
    world.config.refresh_interval = Duration::from_secs(15);
    weigh(&world, "Alice", 72);
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world.stop_exporter().await;
    // From now on a token is refused and refreshed in each interval.
    world.cloud.access_token_lifetime(1);
    let now = world.clock.unix();
    rewrite(&stored_file(&world, "logins", "Alice"), |login| login["expires_at"] = now.into());
    world.start_exporter().await;
    befall(&world, trouble).await;
    let began = Instant::now();
    let mut command = Beside::start(&world, &["forget", "Alice"]);
    let gone = super::until(&world, "her weight is gone", async || {
        !knows_alice(&world).await || began.elapsed() > ENDS_WITHIN
    });
    let (gone, code) = tokio::join!(gone, command.ended_within(ENDS_WITHIN));
    assert_eq!(code, Some(0), "after {:?}: {}", began.elapsed(), command.said());
    assert!(command.said().contains("Everything stored about Alice was deleted"), "{}", command.said());
    assert!(gone <= GONE_WITHIN + 1.0, "her weight is gone after {gone} s");
}

#[tokio::test]
async fn forget_ends_while_the_exporter_keeps_to_a_pause() {
    check_command(Trouble::Pause).await;
}

#[tokio::test]
async fn forget_ends_while_withings_gives_the_exporter_no_token() {
    check_command(Trouble::Hang).await;
}
