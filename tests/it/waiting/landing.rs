//! The landing page about the latest success, a lasting failure, and the next try.

use std::time::Duration;

use chrono::{DateTime, Utc};
use withings_exporter::sim::{Failure, Fault};

use super::until_asked;
use crate::world::World;

/// The calls of one refresh fail one after the other.
const ABOUT: Duration = Duration::from_secs(10);

/// How long every call fails.
const OUTAGE: Duration = Duration::from_secs(150);

/// The entry of this name on the card of the only profile.
async fn said(world: &World, name: &str) -> Option<String> {
    let page = world.get("/").await;
    assert_eq!(page.status, 200);
    let (_, rest) = page.body.split_once(&format!("<dt>{name}</dt><dd><time datetime=\""))?;
    let (_, rest) = rest.split_once('>').unwrap();
    Some(rest.split('<').next().unwrap().to_owned())
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The latest success of a call of Alice's, as the metric says it, to the minute.
async fn latest_success(world: &World) -> String {
    let page = world.metrics().await;
    let prefix = "withings_exporter_refresh_last_success_timestamp_seconds{profile=\"Alice\",";
    let times = page.lines().filter_map(|line| line.strip_prefix(prefix)?.split_once("} ")?.1.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, reason = "times are whole")]
    let latest = times.fold(0.0, f64::max) as i64;
    minute(DateTime::from_timestamp(latest, 0).unwrap())
}

/// Expects that the page tells the success that the metric tells, and that it has not moved.
async fn check_success(world: &World, expected: &str) {
    assert_eq!(latest_success(world).await, expected);
    assert_eq!(said(world, "Last success").await.as_deref(), Some(expected));
}

/// Expects that the page tells of a failure since about this time, and of a next try.
async fn check_failing(world: &World, since: DateTime<Utc>) {
    let (earliest, latest) = (minute(since - ABOUT), minute(since + ABOUT));
    let since = said(world, "Failing since").await.expect("it is said since when it fails");
    assert!((earliest..=latest).contains(&since), "{since} is said");
    let (next, now) = (said(world, "Next try").await.expect("the next try is said"), world.clock.now());
    assert!((minute(now)..=minute(now + Duration::from_hours(1))).contains(&next), "{next} is said at {now}");
}

#[tokio::test(crate = "crate::paused")]
async fn attempts_that_fail_and_a_restart_do_not_move_the_latest_success() {
    let mut world = World::connected(&["Alice"]).await;
    world.until_refreshed("Alice").await;
    world.pass(Duration::from_secs(1)).await;
    let success = latest_success(&world).await;
    check_success(&world, &success).await;
    assert_eq!(said(&world, "Failing since").await, None);
    world.cloud.fault(Fault::new(Failure::Http(500)).times(u32::MAX));
    until_asked(&world, "getmeas", "Alice").await;
    let since = world.clock.now();
    world.pass(OUTAGE).await;
    check_success(&world, &success).await;
    check_failing(&world, since).await;
    world.stop_exporter().await;
    world.start_exporter().await;
    check_success(&world, &success).await;
    world.pass(Duration::from_secs(5)).await;
    check_success(&world, &success).await;
    check_failing(&world, since).await;
    world.cloud.heal();
    world.until_up("Alice").await;
    assert_ne!(latest_success(&world).await, success);
    let success = latest_success(&world).await;
    check_success(&world, &success).await;
    assert_eq!(said(&world, "Failing since").await, None);
}
