//! Ten years of a person in a real Prometheus, with the live scrapes after them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Cloud, Limits, MeasureGroup};

use super::prometheus::{Prometheus, blocks};
use super::{Samples, read};
use crate::page::series;
use crate::world::World;

impl Prometheus {
    /// Every sample of a metric up to a time, Unix seconds, by [`series`] without the name.
    fn stored(&self, metric: &str, until: i64) -> BTreeMap<String, Samples> {
        let rows = self.query(&format!("{metric}{{job=\"withings\"}}[11y]"));
        let samples = |row: &Value| {
            let sample = |it: &Value| (it[0].as_f64().unwrap(), it[1].as_str().unwrap().parse().unwrap());
            let samples = row["values"].as_array().unwrap().iter().map(sample);
            #[expect(clippy::cast_possible_truncation, reason = "a history has whole seconds")]
            samples.filter(|(at, _)| *at <= until as f64).map(|(at, value)| (at as i64, value)).collect()
        };
        rows.iter().map(|row| (series_of(&row["metric"]), samples(row))).collect()
    }
}

#[tokio::test]
async fn ten_years_are_in_prometheus_and_live_scrapes_go_on_with_the_same_series() {
    let mut world = World::around(Cloud::with_history(7, 10, Clock::system()), &["Alice"]).await;
    // In real time, which Prometheus lives in: nobody wants to wait for half of what Withings allows.
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
    world.start_exporter().await;
    world.connect("Alice").await;
    let target = world.address();
    let text = world.backfill(&format!("--label job=withings --label instance={target}")).await;
    let dir = TempDir::new().unwrap();
    let data = blocks(&world.file("history.om"), &dir);
    let prometheus = Prometheus::start(&dir, &data, target).await;
    let end = world.clock.unix() - 3 * 3600;
    let written = read(&text);
    check_stored(&prometheus, &written, end);
    check_against_the_cloud(&world, &written, target, end);
    for metric in ["withings_weight_kg", "withings_sleep_score"] {
        let rows = prometheus.query(&format!("count_over_time({metric}[11y])"));
        let [row] = &rows[..] else { panic!("history and live scrapes are one series: {rows:?}") };
        let samples: usize = row["value"][1].as_str().unwrap().parse().unwrap();
        let of_history = prometheus.stored(metric, end).values().next().unwrap().len();
        assert!(samples > of_history, "{samples} samples, {of_history} of them of the history");
    }
}

/// Prometheus has every sample of the text, and no other up to its end.
fn check_stored(prometheus: &Prometheus, written: &BTreeMap<String, Samples>, end: i64) {
    let mut by_metric: BTreeMap<&str, BTreeMap<String, Samples>> = BTreeMap::new();
    for (series, samples) in written {
        let metric = series.split_once('{').unwrap().0;
        by_metric.entry(metric).or_default().insert(series.clone(), samples.clone());
    }
    assert!(by_metric.len() > 100, "{:?}", by_metric.keys());
    for (metric, expected) in by_metric {
        let stored = prometheus.stored(metric, end);
        let of_history: BTreeMap<_, _> = stored.into_iter().filter(|(_, samples)| !samples.is_empty()).collect();
        assert!(of_history == expected, "{metric} is not what was written");
    }
}

/// The text has what the cloud has of ten years: each weigh-in of the person's own and hundreds of nights a year.
fn check_against_the_cloud(world: &World, written: &BTreeMap<String, Samples>, target: SocketAddr, end: i64) {
    let of_alice = |metric: &str| {
        let labels = [("instance", target.to_string()), ("job", "withings".into()), ("profile", "Alice".into())];
        &written[&series(metric, &labels.map(|(name, value)| (name.to_owned(), value)).into())]
    };
    let is_own = |it: &MeasureGroup| it.category == 1 && ![1, 4, 10].contains(&it.attrib);
    let own = world.account("Alice").groups().into_iter().filter(|it| it.row.date < end && is_own(&it.row));
    let weight =
        |it: &MeasureGroup| it.measures.iter().find(|it| it.kind == 1).map(|it| it.value as f64 * 10_f64.powi(it.unit));
    let weighed: BTreeMap<i64, f64> = own.filter_map(|it| Some((it.row.date, weight(&it.row)?))).collect();
    let weights = of_alice("withings_weight_kg");
    assert!(weighed.len() > 2500 && weights.len() == weighed.len(), "{} of {}", weights.len(), weighed.len());
    for ((at, value), (measured_at, weighed)) in weights.iter().zip(&weighed) {
        assert!(at == measured_at && (value - weighed).abs() < 1e-9, "{value} at {at}, {weighed} at {measured_at}");
    }
    assert!(of_alice("withings_sleep_score").len() > 3000);
}

/// A series as [`series`] writes it.
fn series_of(metric: &Value) -> String {
    let mut labels: BTreeMap<String, String> = serde_json::from_value(metric.clone()).unwrap();
    let name = labels.remove("__name__").unwrap_or_default();
    series(&name, &labels)
}
