//! A host that was suspended: its wall clock has moved on, its timers have not.

use std::time::Duration;

use super::{check_within, weigh};
use crate::world::World;

/// How soon after the host woke up Withings is asked, seconds.
const ASKED_WITHIN: f64 = 60.0;

/// Suspends a host for the night soon after a refresh, and expects what was measured meanwhile, and one refresh of all.
async fn check_awake(interval: Duration) {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.config.refresh_interval = interval;
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    for name in ["Alice", "Bob"] {
        world.until_refreshed(name).await;
    }
    world.pass(Duration::from_secs(1)).await;
    weigh(&world, "Alice", 71);
    let before = world.calls("getmeas").len();
    world.suspend(Duration::from_hours(8));
    let is_refreshed =
        async || world.calls("getmeas").len() >= before + 2 && world.value("Alice", "weight_kg").await == Some(71.0);
    check_within(&world, ASKED_WITHIN, &format!("everybody is refreshed at {interval:?}"), is_refreshed).await;
    let awake = world.calls("getmeas").len();
    world.pass(interval * 2).await;
    let further = world.calls("getmeas").len() - awake;
    assert!((2..=6).contains(&further), "{further} refreshes in two intervals of two people");
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn a_host_that_was_suspended_asks_withings_at_once() {
    check_awake(Duration::from_mins(3)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_host_that_was_suspended_asks_withings_at_once_whatever_the_interval() {
    check_awake(Duration::from_mins(30)).await;
}
