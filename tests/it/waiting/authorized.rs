//! `withings_authorized`, which the calls that are made decide.

use std::time::Duration;

use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Failure, Fault};

use super::{check_within, is_authorized, weigh};
use crate::world::World;

/// How soon after a reload the metric shows it, seconds.
const SHOWN_WITHIN: f64 = 5.0;

#[tokio::test(crate = "crate::paused")]
async fn a_login_is_accepted_again_as_soon_as_no_call_is_made_that_withings_refuses() {
    let mut world = World::connected(&["Alice"]).await;
    weigh(&world, "Alice", 72);
    world.cloud.fault(Fault::new(Failure::InvalidToken).on("getsummary").times(u32::MAX));
    super::until(&world, "a refusal", async || !is_authorized(&world, "Alice").await).await;
    assert!(world.get("/").await.body.contains("Login refused"));
    world.config.measurements = Measurement::all().filter(|known| !known.key.starts_with("sleep_")).collect();
    assert_eq!(world.reload().await.status, 200);
    check_within(&world, SHOWN_WITHIN, "the login is accepted", async || is_authorized(&world, "Alice").await).await;
    assert!(!world.get("/").await.body.contains("Login refused"));
    world.pass(Duration::from_mins(10)).await;
    assert!(is_authorized(&world, "Alice").await);
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
}
