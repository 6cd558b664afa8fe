//! Ten years of a person in a real Prometheus, with the live scrapes after them, and in a real VictoriaMetrics.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::Command;

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Cloud, Limits, MeasureGroup};

use super::read;
use crate::page::series;
use crate::program::{fed, until};
use crate::tsdb::{Server, Stored, tsdb};
use crate::world::World;

/// How far back is looked.
const PERIOD: &str = "11y";

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn ten_years_are_in_the_servers_and_live_scrapes_go_on_with_the_same_series() {
    let mut world = World::around(Cloud::with_history(7, 10, Clock::system()), &["Alice"]).await;
    // In real time, which the servers live in: nobody wants to wait for half of what Withings allows.
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world.until_measured("Alice", "sleep_score").await;
    let (target, file) = (world.address(), world.file("history.om"));
    let flags = format!("--output {} --label job=withings --label instance={target}", file.display());
    let advice = world.try_backfill(&flags).await.unwrap();
    let history = History { written: read(&fs::read_to_string(&file).unwrap()), end: world.clock.unix() - 3 * 3600 };
    history.check_against_the_cloud(&world, target);
    history.check_prometheus(&command(&advice, "promtool"), target).await;
    history.check_victoria_metrics(&command(&advice, "curl")).await;
}

/// The command that a backfill recommends and that begins so.
fn command(advice: &str, program: &str) -> String {
    let command = advice.lines().map(str::trim).find(|line| line.starts_with(program));
    command.unwrap_or_else(|| panic!("no {program} in {advice}")).to_owned()
}

fn run(command: &str) {
    let output = fed(Command::new("sh").args(["-c", command]), b"");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What a backfill has written.
struct History {
    written: Stored,
    /// Before everything that is scraped, Unix seconds.
    end: i64,
}

impl History {
    /// Prometheus has every sample of it and no other from before its end, and goes on with the same series.
    async fn check_prometheus(&self, make_blocks: &str, target: SocketAddr) {
        let dir = TempDir::new().unwrap();
        run(&make_blocks.replace(" DATA", &format!(" {}", tsdb(&dir).display())));
        let job = format!("{{job_name: withings, scrape_interval: 1s, static_configs: [{{targets: [\"{target}\"]}}]}}");
        let prometheus = Server::prometheus(&dir, &format!("scrape_configs: [{job}]")).await;
        until("a scrape", async || (!prometheus.query("up == 1").is_empty()).then_some(())).await;
        let all = prometheus.stored("withings_", PERIOD);
        self.check_stored(&all);
        for metric in ["withings_weight_kg", "withings_sleep_score"] {
            let name = of_alice(metric, target);
            assert!(all[&name].len() > self.written[&name].len(), "nothing is scraped of {name}");
        }
    }

    /// VictoriaMetrics has every sample of it and no other.
    async fn check_victoria_metrics(&self, import: &str) {
        let dir = TempDir::new().unwrap();
        let victoria = Server::victoria_metrics(&dir, "").await;
        let is_there = || self.written == victoria.stored("withings_", PERIOD);
        run(&import.replace("http://localhost:8428", &victoria.url("")));
        // New samples show after a second or two.
        until("VictoriaMetrics to show everything", async || is_there().then_some(())).await;
    }

    fn check_stored(&self, all: &Stored) {
        let before = |samples: &[(i64, f64)]| samples.iter().copied().filter(|sample| sample.0 <= self.end).collect();
        let stored: Stored = all.iter().map(|(name, samples)| (name.clone(), before(samples))).collect();
        let stored: Stored = stored.into_iter().filter(|(_, samples)| !samples.is_empty()).collect();
        assert!(stored.len() > 100 && stored.keys().eq(self.written.keys()), "{:?}", stored.keys());
        for (name, samples) in &stored {
            assert!(*samples == self.written[name], "{name} is not what was written");
        }
    }

    /// The text has what the cloud has of ten years: each weigh-in of the person's own and hundreds of nights a year.
    fn check_against_the_cloud(&self, world: &World, target: SocketAddr) {
        let of_alice = |metric: &str| &self.written[&of_alice(metric, target)];
        let is_own = |group: &MeasureGroup| group.category == 1 && ![1, 4, 10].contains(&group.attrib);
        let own =
            world.account("Alice").groups().into_iter().filter(|group| group.row.date < self.end && is_own(&group.row));
        let weight = |group: &MeasureGroup| {
            let measure = group.measures.iter().find(|measure| measure.kind == 1)?;
            Some(measure.value as f64 * 10_f64.powi(measure.unit))
        };
        let weighed: BTreeMap<i64, f64> = own.filter_map(|group| Some((group.row.date, weight(&group.row)?))).collect();
        let weights = of_alice("withings_weight_kg");
        assert!(weighed.len() > 2500 && weights.len() == weighed.len(), "{} of {}", weights.len(), weighed.len());
        for ((at, value), (measured_at, weighed)) in weights.iter().zip(&weighed) {
            assert!(at == measured_at && (value - weighed).abs() < 1e-9, "{value} at {at}, {weighed} at {measured_at}");
        }
        assert!(of_alice("withings_sleep_score").len() > 3000);
    }
}

/// The live series of Alice's without labels of its own.
fn of_alice(metric: &str, target: SocketAddr) -> String {
    let labels = [("instance", target.to_string()), ("job", "withings".into()), ("profile", "Alice".into())];
    series(metric, &labels.map(|(name, value)| (name.to_owned(), value)).into())
}
