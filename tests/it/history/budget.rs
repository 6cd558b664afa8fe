//! Two that share what Withings allows: a backfill and the exporter beside it.

use std::time::Duration;

use withings_exporter::storage::{BackfillError, Purpose, Storage};

use super::alice;
use crate::world::World;

/// The most requests in any 60 seconds since the `from`-th.
fn busiest_minute(world: &World, from: usize) -> usize {
    let times: Vec<_> = world.cloud.requests()[from..].iter().map(|it| it.time).collect();
    let within = |first: usize| {
        times[first..].iter().take_while(|it| **it - times[first] <= chrono::TimeDelta::minutes(1)).count()
    };
    (0..times.len()).map(within).max().unwrap_or_default()
}

#[tokio::test(crate = "crate::paused")]
async fn both_together_make_no_more_requests_than_one_may() {
    let mut world = alice(1).await;
    world.config.requests_per_minute = 20.try_into().unwrap();
    // So often that the exporter alone takes all that it may.
    world.config.refresh_interval = Duration::from_secs(15);
    world.stop_exporter().await;
    world.start_exporter().await;
    world.pass(Duration::from_mins(3)).await;
    let from = world.cloud.requests().len();
    assert!(busiest_minute(&world, 0) > 10);
    let (_, ()) = tokio::join!(world.backfill(""), async {
        let rotations = world.stored("Alice").unwrap().version;
        world.pass(Duration::from_mins(2)).await;
        assert_eq!(world.stored("Alice").unwrap().version, rotations, "nobody steals the other's login");
    });
    let busiest = busiest_minute(&world, from);
    assert!((15..=20).contains(&busiest), "{busiest} requests in a minute");
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_ends_meanwhile_is_renewed_for_both() {
    let world = alice(1).await;
    let before = world.stored("Alice").unwrap().version;
    world.cloud.access_token_lifetime(360);
    world.clock.advance(Duration::from_hours(3));
    world.backfill("--start 2026-11-01 --sleep-stages").await;
    assert!(world.stored("Alice").unwrap().version > before);
    world.until_refreshed("Alice").await;
    world.until_up("Alice").await;
}

#[tokio::test(crate = "crate::paused")]
async fn an_exporter_takes_everything_again_when_a_backfill_was_killed() {
    let mut world = alice(1).await;
    world.config.requests_per_minute = 10.try_into().unwrap();
    world.config.refresh_interval = Duration::from_secs(15);
    world.stop_exporter().await;
    let storage = Storage::join(world.disk.path()).unwrap();
    let lock = storage.begin_backfill().unwrap();
    assert!(matches!(storage.begin_backfill(), Err(BackfillError::InUse(_))), "one at a time");
    world.start_exporter().await;
    world.pass(Duration::from_mins(5)).await;
    let from = world.cloud.requests().len();
    world.pass(Duration::from_mins(5)).await;
    let shared = world.cloud.requests().len() - from;
    drop(lock);
    world.pass(Duration::from_secs(5)).await;
    let from = world.cloud.requests().len();
    world.pass(Duration::from_mins(5)).await;
    let alone = world.cloud.requests().len() - from;
    assert!((20..=26).contains(&shared) && (45..=51).contains(&alone), "{shared} requests shared, {alone} alone");
    assert!(Storage::open(world.disk.path(), Purpose::Serve).is_err(), "the exporter still serves");
}
