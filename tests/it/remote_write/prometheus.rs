//! A real Prometheus is given some weeks.

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::remote_write::TimeSeries;

use super::{count, push, series, stored};
use crate::tsdb::Server;

const DAY: i64 = 86_400;

/// How much older than the newest sample another one may be.
const FIVE_WEEKS: &str = "storage: {tsdb: {out_of_order_time_window: 5w}}";

/// Four weeks of two people: series with a sample every ten minutes, and a series of one sample.
fn weeks() -> Vec<TimeSeries> {
    let now = Clock::system().unix();
    let start = now - 28 * DAY;
    vec![
        series("withings_weight_kg", "Bob", start, 600, 4_000),
        series("withings_weight_kg", "Zoë \"Z\" \\", start, 600, 4_000),
        series("withings_heart_pulse_bpm", "Bob", start + 60, DAY, 28),
        series("withings_height_m", "Bob", now - DAY, 600, 1),
    ]
}

#[tokio::test]
async fn prometheus_has_every_sample_of_some_weeks_once() {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let prometheus = Server::prometheus(&data, FIVE_WEEKS).await;
    let (weeks, url) = (weeks(), prometheus.url("/api/v1/write"));
    assert_eq!(push(&url, dir.path(), &weeks).await.unwrap(), count(&weeks));
    assert_eq!(prometheus.stored("withings_", "5w"), stored(&weeks));
    let again = TempDir::new().unwrap();
    push(&url, again.path(), &weeks).await.unwrap();
    assert_eq!(prometheus.stored("withings_", "5w"), stored(&weeks), "what comes twice is there once");
}

#[tokio::test]
async fn prometheus_without_a_window_takes_nothing_old_until_it_has_one() {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let prometheus = Server::prometheus(&data, "").await;
    let (live, weeks) = (live(&prometheus).await, weeks());
    let error = push(&prometheus.url("/api/v1/write"), dir.path(), &weeks).await.unwrap_err().to_string();
    assert!(error.contains("does not take samples this old (HTTP 400: out of "), "{error}");
    assert!(error.contains("set `out_of_order_time_window` under `storage: tsdb:`"), "{error}");
    assert_eq!(prometheus.stored("withings_", "5w"), stored(&live));
    prometheus.configure(FIVE_WEEKS).await;
    assert_eq!(push(&prometheus.url("/api/v1/write"), dir.path(), &weeks).await.unwrap(), count(&weeks));
    assert_eq!(prometheus.stored("withings_", "5w"), stored(&[&weeks[..], &live[..]].concat()));
}

#[tokio::test]
async fn prometheus_with_too_small_a_window_is_not_asked_for_ever() {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let prometheus = Server::prometheus(&data, "storage: {tsdb: {out_of_order_time_window: 1d}}").await;
    let live = live(&prometheus).await;
    let error = push(&prometheus.url("/api/v1/write"), dir.path(), &weeks()).await.unwrap_err().to_string();
    assert!(error.contains("does not take samples this old (HTTP "), "{error}");
    assert_eq!(prometheus.stored("withings_", "5w"), stored(&live));
}

/// Gives it a sample of a minute ago, as a scrape would.
async fn live(prometheus: &Server) -> [TimeSeries; 1] {
    let live = [series("withings_spo2_pct", "Bob", Clock::system().unix() - 60, 1, 1)];
    push(&prometheus.url("/api/v1/write"), TempDir::new().unwrap().path(), &live).await.unwrap();
    live
}
