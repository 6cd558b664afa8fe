//! A directory that version 0.1.0 has left: the page is the same before Withings is asked, and while it cannot be.
//!
//! `tests/fixtures/storage-0.1.0` is what the simulated household (seed 7, with webhooks) had on its disk 16 hours after
//! the last of three logins, and `storage-0.1.0.prom` the page of the next start, but for what is of the exporter itself.

use std::fs;
use std::time::Duration;

use withings_exporter::sim::Cloud;

use crate::sources::root;
use crate::webhooks::{HOST, move_to};
use crate::world::{World, beginning, copy};

/// When the page was made, Unix seconds: 2026-11-23 09:06:30 UTC.
const MADE_AT: i64 = 1_795_424_790;

/// Lines of the page that are not about what is stored.
const LEFT_OUT: [&str; 4] = ["#", "withings_exporter_", "withings_up{", "process_"];

/// The samples of the people.
fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !LEFT_OUT.iter().any(|prefix| line.starts_with(prefix))).collect()
}

/// Expects every sample of 0.1.0 and no other.
async fn check_page(world: &World, expected: &str) {
    let page = world.metrics().await;
    let (shown, expected) = (samples(&page), samples(expected));
    let missing: Vec<_> = expected.iter().filter(|line| !shown.contains(line)).collect();
    let new: Vec<_> = shown.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && new.is_empty(), "missing: {missing:#?}\nnew: {new:#?}");
    assert_eq!(shown, expected, "the order");
}

#[tokio::test(crate = "crate::paused")]
async fn what_version_0_1_0_has_stored_is_shown_as_it_was_without_the_cloud() {
    let fixtures = root().join("tests/fixtures");
    let page = fs::read_to_string(fixtures.join("storage-0.1.0.prom")).unwrap();
    // The key of one measurement was wrong, and what is stored under it is dropped, alone.
    let is_known = |line: &&str| !line.contains("activity_elevation_floors");
    let expected = page.lines().filter(is_known).collect::<Vec<_>>().join("\n");
    let mut world = World::asleep(&["Alice", "Bob", "Zoë"], Cloud::new).await;
    world.config.webhooks = true;
    move_to(&mut world, HOST);
    world.clock.advance(Duration::from_secs((MADE_AT - beginning().timestamp()).unsigned_abs()));
    copy(&fixtures.join("storage-0.1.0"), world.disk.path());
    world.stop_cloud().await;
    world.start_exporter().await;
    check_page(&world, &expected).await;
    world.pass(Duration::from_mins(1)).await;
    check_page(&world, &expected).await;
}
