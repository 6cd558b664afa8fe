//! A mat's event, which needs no call.

use std::time::Duration;

use super::{check_within, until_paused};
use crate::webhooks::subscribed_to;
use crate::world::World;

/// How soon an event shows, seconds.
const SHOWN_WITHIN: f64 = 5.0;

/// Lets Alice get into bed and out of it, and expects that each is shown.
async fn check_shown(world: &World) {
    let alice = world.account("Alice");
    assert!(!alice.subscriptions().is_empty());
    for (in_bed, event) in [(1.0, "she is in bed"), (0.0, "she is up")] {
        if in_bed > 0.0 {
            alice.got_in_bed();
        } else {
            alice.got_out_of_bed();
        }
        check_within(world, SHOWN_WITHIN, event, async || world.value("Alice", "in_bed").await == Some(in_bed)).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn who_is_in_bed_is_shown_during_a_pause() {
    let world = subscribed_to(&["Alice"], |_| {}).await;
    until_paused(&world, 120, "Alice").await;
    check_shown(&world).await;
}

#[tokio::test(crate = "crate::paused")]
async fn who_is_in_bed_is_shown_where_the_budget_does_not_carry_the_refreshes() {
    let mut world = subscribed_to(&["Alice", "Bob", "Carol"], |_| {}).await;
    world.config.requests_per_minute = 2.try_into().unwrap();
    world.config.refresh_interval = Duration::from_secs(15);
    assert_eq!(world.reload().await.status, 200);
    world.pass(Duration::from_mins(2)).await;
    check_shown(&world).await;
}
