//! A disk that hangs, as a network file system does whose server is away.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Measure, MeasureGroup};

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

/// Lets the exporter read the configuration with these measurements.
async fn select(world: &mut World, keys: &[&str]) {
    world.config.measurements = keys.iter().filter_map(|key| Measurement::by_key(key)).collect();
    let began = Instant::now();
    world.reload().await;
    assert!(began.elapsed() <= RELOADS_WITHIN, "{:?}", began.elapsed());
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_while_the_disk_hangs_keeps_what_is_selected_and_reads_the_rest_afterwards() {
    let mut world = World::with_accounts(&["Alice", "Bob", "Carol"]).await;
    world.config.refresh_interval = Duration::from_hours(12);
    for name in ["Alice", "Bob", "Carol"] {
        let measures = [Measure::new(1, 72, 0), Measure::new(4, 2, 0)];
        world.account(name).add(MeasureGroup::new(world.clock.unix(), measures));
    }
    world.start_exporter().await;
    for name in ["Alice", "Bob", "Carol"] {
        world.connect(name).await;
    }
    world.pass(Duration::from_mins(2)).await;
    let calls = world.cloud.requests().len();
    world.hang_disk(true);
    select(&mut world, &["weight_kg"]).await;
    for name in ["Alice", "Bob", "Carol"] {
        assert_eq!((world.value(name, "weight_kg").await, world.value(name, "height_m").await), (Some(72.0), None));
    }
    assert!(!world.metrics().await.contains("withings_sleep_state"), "it is not selected any more");
    world.config.profiles = ["Dan", "Alice", "Bob"].map(Into::into).into();
    select(&mut world, &["weight_kg", "height_m", "sleep_state"]).await;
    until(&world, "Dan", async || world.metrics().await.contains("withings_authorized{profile=\"Dan\"} 0")).await;
    assert!(!world.metrics().await.contains("Carol"), "she is not configured any more");
    assert_eq!(world.sleep_state("Alice").await, "unknown");
    for name in ["Alice", "Bob"] {
        assert_eq!((world.value(name, "weight_kg").await, world.value(name, "height_m").await), (Some(72.0), None));
    }
    world.pass(Duration::from_mins(2)).await;
    world.hang_disk(false);
    let has_heights = async || {
        world.value("Alice", "height_m").await == Some(2.0) && world.value("Bob", "height_m").await == Some(2.0)
    };
    until(&world, "the heights", has_heights).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    let refreshed = world.cloud.requests().split_off(calls);
    assert!(refreshed.iter().all(|call| call.action.as_deref() != Some("getmeas")), "{refreshed:#?}");
}
