//! Everything that the exporter says about the simulated people at one moment.

use std::time::Duration;

use withings_exporter::sim::Cloud;

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn who_has_not_logged_in_is_not_refreshed() {
    let world = World::start(&["Alice"], |clock| Cloud::seeded(7, clock)).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let page = world.metrics().await;
    assert!(page.contains("withings_up{profile=\"Alice\"} 0\n"), "{page}");
    assert!(!page.contains("refresh_duration_seconds{") && !page.contains("kind=\"achieved\""), "{page}");
}
