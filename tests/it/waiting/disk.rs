//! A disk that hangs, as a network file system does whose server is away.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{until, weigh};
use crate::http_client::Answer;
use crate::world::World;

/// How long a reload may take, and an end.
const RELOADS_WITHIN: Duration = Duration::from_secs(5);
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Alice, who weighs 72 kg, and a disk that has hung for half an hour.
async fn hanging() -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    weigh(&world, "Alice", 72);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.connect("Bob").await;
    world.hang_disk(true);
    world.pass(Duration::from_mins(30)).await;
    world
}

#[tokio::test(crate = "crate::paused")]
async fn scrapes_and_pages_are_answered_at_once_while_the_disk_hangs_and_it_is_told() {
    let world = hanging().await;
    let began = Instant::now();
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    assert_eq!(world.sample("withings_exporter_storage_up").await, Some(0.0));
    for page in ["/", "/metrics", "/-/healthy", "/-/ready"] {
        assert_eq!(world.get(page).await.status, 200, "{page}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    weigh(&world, "Alice", 71);
    world.hang_disk(false);
    until(&world, "the new weight", async || world.value("Alice", "weight_kg").await == Some(71.0)).await;
    assert_eq!(world.sample("withings_exporter_storage_up").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn reloads_and_an_end_do_not_wait_for_a_disk_that_hangs() {
    let mut world = hanging().await;
    let began = Instant::now();
    let reloads = join_all((0..20).map(|_| world.reload())).await;
    assert!(began.elapsed() <= RELOADS_WITHIN, "{:?}", began.elapsed());
    let is_told = |answer: &Answer| answer.status == 503 && answer.header("retry-after") == Some("5");
    assert!(reloads.iter().all(|answer| answer.status == 200 || is_told(answer)), "{reloads:?}");
    let began = Instant::now();
    world.stop_exporter().await;
    assert!(began.elapsed() <= ENDS_WITHIN, "{:?}", began.elapsed());
}
