//! The whole page about the simulated people at one moment.

use std::num::NonZeroU32;
use std::time::Duration;

use withings_exporter::sim::Cloud;
use withings_exporter::telemetry::Build;

use crate::judges::Pages;
use crate::world::World;

#[tokio::test(crate = "crate::paused")]
async fn the_whole_page_of_the_simulated_people() {
    let mut world = World::asleep(&["Alice", "Bob", "Zoë"], |clock| Cloud::seeded(7, clock)).await;
    // Each login within a second: the page after it asks Withings too, and whose turn is first is up to the scheduler.
    world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
    world.start_exporter().await;
    for account in world.cloud.accounts() {
        let name = account.person().name;
        assert_eq!(world.log_in(&name, &account).await.status, 200);
        world.until_up(&name).await;
    }
    let pages = pages(&world).await;
    pages.check_parsed();
    pages.check_golden("household");
}

#[tokio::test(crate = "crate::paused")]
async fn who_has_not_logged_in_is_not_refreshed() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.start_exporter().await;
    world.pass(Duration::from_mins(10)).await;
    let page = world.metrics().await;
    assert!(page.contains("withings_up{profile=\"Alice\"} 0\n"), "{page}");
    assert!(!page.contains("refresh_duration_seconds{"), "{page}");
    assert!(world.cloud.requests().is_empty(), "{:?}", world.cloud.requests());
}

/// The page in both formats, without what changes with the compiler, the commit and the scheduler.
async fn pages(world: &World) -> Pages {
    let openmetrics = world.request("GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n").await;
    let text = world.request("GET", "/metrics", "Accept: text/plain; version=0.0.4\r\n").await;
    assert!(openmetrics.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(text.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let Build { version, revision, branch, os, arch, rustc } = Build::this();
    let labels = [
        ("version", version),
        ("revision", revision),
        ("branch", branch),
        ("os", os),
        ("arch", arch),
        ("rustc", rustc),
    ];
    let without_build = |page: &str| {
        labels.iter().fold(page.to_owned(), |page, (label, value)| {
            page.replace(&format!("{label}=\"{value}\""), &format!("{label}=\"{}\"", label.to_uppercase()))
        })
    };
    let stable = |page: &str| without_build(page).lines().map(with_stable_duration).collect::<String>();
    Pages { openmetrics: stable(&openmetrics.body), text: stable(&text.body) }
}

/// A refresh takes a few milliseconds here, and some more where another task was let pass first.
fn with_stable_duration(line: &str) -> String {
    match line.split_once(' ') {
        Some((series, seconds)) if series.starts_with("withings_exporter_refresh_duration_seconds{") => {
            assert!(seconds.parse::<f64>().unwrap() < 0.1, "{line}");
            format!("{series} 0.005\n")
        }
        _ => format!("{line}\n"),
    }
}
