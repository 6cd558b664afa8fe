//! A real VictoriaMetrics is given ten years, by its own import and by remote write.

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::history::Series;

use super::{count, push, series, stored};
use crate::program::until;
use crate::tsdb::Server;

/// Two samples a day for ten years, for each of ten series.
fn years(metrics: &str) -> Vec<Series> {
    let (years, half_a_day) = (10 * 365 * 86_400, 43_200);
    let start = Clock::system().unix() - years;
    (0..10).map(|n| series(&format!("{metrics}_{n}"), "Zoë", start + n, half_a_day, 7_300)).collect()
}

/// Expects that what is sent to `path` is all there, and nothing else.
async fn check(path: &str, metrics: &str) {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let victoria = Server::victoria_metrics(&data, "").await;
    let years = years(metrics);
    assert_eq!(push(&victoria.url(path), dir.path(), &years).await.unwrap(), count(&years));
    let sent = stored(&years);
    // New samples show after a second or two.
    until("VictoriaMetrics to show everything", async || (victoria.stored(metrics, "11y") == sent).then_some(())).await;
}

#[tokio::test]
async fn victoria_metrics_imports_ten_years() {
    check("/api/v1/import/prometheus", "withings_imported").await;
}

#[tokio::test]
async fn victoria_metrics_takes_ten_years_by_remote_write() {
    check("/api/v1/write", "withings_written").await;
}
