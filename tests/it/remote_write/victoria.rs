//! A real VictoriaMetrics is given ten years.

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::remote_write::TimeSeries;

use super::{count, push, series, stored};
use crate::program::until;
use crate::tsdb::Server;

/// Two samples a day for ten years, for each of ten series.
fn years(metrics: &str) -> Vec<TimeSeries> {
    let (years, half_a_day) = (10 * 365 * 86_400, 43_200);
    let start = Clock::system().unix() - years;
    (0..10).map(|n| series(&format!("{metrics}_{n}"), "Zoë", start + n, half_a_day, 7_300)).collect()
}

#[tokio::test]
async fn victoria_metrics_has_every_sample_of_ten_years() {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let victoria = Server::victoria_metrics(&data, "").await;
    let years = years("withings_written");
    assert_eq!(push(&victoria.url("/api/v1/write"), dir.path(), &years).await.unwrap(), count(&years));
    let sent = stored(&years);
    // New samples show after a second or two.
    let all = async || (victoria.stored("withings_written", "11y") == sent).then_some(());
    until("VictoriaMetrics to show everything", all).await;
}
