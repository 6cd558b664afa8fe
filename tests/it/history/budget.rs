//! Two that share what Withings allows: a backfill and the exporter beside it.

use std::time::Duration;

use super::alice;
use crate::world::World;

/// The most requests in any 60 seconds since the `from`-th.
fn busiest_minute(world: &World, from: usize) -> usize {
    let times: Vec<_> = world.cloud.requests()[from..].iter().map(|request| request.time).collect();
    let within = |first: usize| {
        times[first..].iter().take_while(|time| **time - times[first] <= chrono::TimeDelta::minutes(1)).count()
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
