//! Compressed pages as curl takes them: it gives up at a second gzip member and at a wrong length.

use std::process::Command;

use withings_exporter::sim::Cloud;

use crate::program::fed;
use crate::world::World;

#[tokio::test(crate = "crate::paused")]
async fn curl_reads_the_same_page_compressed_and_plain() {
    let world = World::start(&["Alice"], |clock| Cloud::with_history(7, 1, clock)).await;
    world.log_in("Alice", &world.cloud.account("Alice").unwrap()).await;
    world.until_up("Alice").await;
    for accept in ["Accept: text/plain", "Accept: application/openmetrics-text"] {
        let curl = |arguments: &[&'static str]| curl(&world, [&["--header", accept], arguments].concat());
        let plain = curl(&[]).await;
        assert!(plain.contains("withings_weight_kg{profile=\"Alice\"}"), "{plain}");
        assert_eq!(curl(&["--compressed"]).await, plain);

        let head = curl(&["--compressed", "--head"]).await;
        let size = curl(&["--compressed", "--output", "/dev/null", "--write-out", "%{size_download}"]).await;
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {size}\r\n")), "{size} bytes after\n{head}");
    }
}

/// What curl prints about the metrics; it must succeed.
async fn curl(world: &World, arguments: Vec<&'static str>) -> String {
    let url = format!("http://{}/metrics", world.address());
    let run = move || fed(Command::new("curl").args(["--silent", "--show-error"]).args(arguments).arg(url), b"");
    // While it runs, the world's time stands still.
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
