//! A history that is sent to a server by the command itself.

use std::num::NonZeroU32;

use chrono::{DateTime, Days};
use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Cloud, Limits};

use super::read;
use crate::program::until;
use crate::tsdb::Server;
use crate::world::World;

/// Sends the last three weeks of two people to the server, and expects there what a file of them has; and what is said.
async fn check(server: &Server) {
    let mut world = World::around(Cloud::with_history(7, 1, Clock::system()), &["Alice", "Bob"]).await;
    // In real time, which the server lives in.
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world.connect_in_real_time("Bob").await;
    let today = DateTime::from_timestamp(world.clock.unix(), 0).unwrap().date_naive();
    let period = format!("--start {} --end {today} --label job=withings", today - Days::new(21));
    let expected = read(&world.backfill(&period).await);
    let url = server.url("/api/v1/write");
    let said = world.try_backfill(&format!("--url {url} {period}")).await.unwrap();
    let samples: usize = expected.values().map(Vec::len).sum();
    assert!(said.starts_with(&format!("Sent {samples} samples to {url}")), "{said}");
    assert!(samples > 5000, "{samples} samples");
    let reset = format!("`curl -fsS {}`", server.url("/internal/resetRollupResultCache"));
    assert!(said.contains(&reset), "what VictoriaMetrics has cached: {said}");
    // VictoriaMetrics shows new samples after a second or two.
    until("the server to show everything", async || (server.stored("withings_", "5w") == expected).then_some(())).await;
}

#[tokio::test]
async fn prometheus_takes_the_last_weeks_by_remote_write() {
    let dir = TempDir::new().unwrap();
    let prometheus = Server::prometheus(&dir, "storage: {tsdb: {out_of_order_time_window: 5w}}").await;
    check(&prometheus).await;
}

#[tokio::test]
async fn victoria_metrics_takes_the_last_weeks_by_remote_write() {
    let dir = TempDir::new().unwrap();
    check(&Server::victoria_metrics(&dir, "").await).await;
}
