//! A real Prometheus scrapes the demo.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::catalogue::Measurement;

use crate::demo::Demo;
use crate::http_client::Connection;
use crate::page::{Page, series};
use crate::program::{Program, fed, until};

const PEOPLE: [&str; 3] = ["Alice", "Bob", "Zoë"];

/// What promtool says of the names that are given.
const ACCEPTED_FINDINGS: &str = "\
withings_height_m metric names should not contain abbreviated units
withings_sleep_wakeup_count non-histogram and non-summary metrics should not have \"_count\" suffix
";

/// A Prometheus.
struct Prometheus {
    _program: Program,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts it with one target, which it scrapes every second, and waits until it has.
    async fn start(target: SocketAddr, dir: &TempDir) -> Self {
        let config = dir.path().join("prometheus.yml");
        let job = format!("{{job_name: withings, scrape_interval: 1s, static_configs: [{{targets: [\"{target}\"]}}]}}");
        writeln!(File::create(&config).unwrap(), "scrape_configs: [{job}]").unwrap();
        let address = free_address();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.path().join("tsdb").display()));
        command.arg(format!("--web.listen-address={address}"));
        let program = Program::start(&mut command, &dir.path().join("prometheus.log"));
        let prometheus = Self { address, _program: program };
        until("the target to be up", async || (!prometheus.query("up == 1").is_empty()).then_some(())).await;
        prometheus
    }

    /// The present values of an expression; none before it answers.
    fn query(&self, expression: &str) -> BTreeMap<String, f64> {
        let server = format!("http://{}", self.address);
        let output = fed(&mut promtool(&["query", "-o", "json", "instant", &server, expression]), b"");
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        rows.iter().map(|row| (series_of(&row["metric"]), row["value"][1].as_str().unwrap().parse().unwrap())).collect()
    }

    /// What it knows of a metric besides its samples.
    async fn metadata(&self, metric: &str) -> Value {
        let target = format!("/api/v1/metadata?metric={metric}");
        let answer = Connection::open(self.address).await.request("GET", &target, "").await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        answer["data"][metric][0].clone()
    }
}

#[tokio::test]
async fn prometheus_has_what_the_page_has() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &PEOPLE).await;
    let prometheus = Prometheus::start(demo.address, &dir).await;
    // The people of the demo live on: their page may have changed since the last scrape.
    let scraped = until("Prometheus to have what the page has", async || {
        let scraped = measured(prometheus.query("{job=\"withings\"}"));
        let page = demo.page("Accept: application/openmetrics-text;version=1.0.0\r\n").await;
        (scraped == measured(Page::read(&page).samples)).then_some(scraped)
    });
    check_measurements(&scraped.await);
    check_sleep_states(&prometheus);
    check_metadata(&prometheus).await;
    check_lint(&demo.page("Accept: text/plain;version=0.0.4\r\n").await);
}

/// Alice owns every device; the others have a scale at least.
fn check_measurements(scraped: &BTreeMap<String, f64>) {
    let has = |metric: &str, name: &str| {
        let start = format!("{metric}{{profile=\"{name}\"");
        scraped.keys().any(|it| it.starts_with(&start))
    };
    for measurement in Measurement::all() {
        let metric = measurement.metric();
        assert!(has(&metric, "Alice"), "{metric} is not in {scraped:#?}");
    }
    assert!(PEOPLE.iter().all(|name| has("withings_weight_kg", name)), "{scraped:#?}");
}

fn check_sleep_states(prometheus: &Prometheus) {
    let each = |value: f64| PEOPLE.map(|name| (format!("{{profile=\"{name}\"}}"), value)).into();
    assert_eq!(prometheus.query("count by (profile) (withings_sleep_state)"), each(5.0));
    assert_eq!(prometheus.query("count by (profile) (withings_sleep_state == 1)"), each(1.0));
    assert_eq!(prometheus.query("sum by (profile) (withings_sleep_state)"), each(1.0));
}

async fn check_metadata(prometheus: &Prometheus) {
    for (metric, kind, unit) in [
        ("withings_sleep_state", "stateset", ""),
        ("withings_weight_kg", "gauge", "kg"),
        ("withings_exporter_build", "info", ""),
        ("withings_exporter_api_requests", "counter", ""),
        ("withings_exporter_api_request_duration_seconds", "histogram", ""),
    ] {
        let metadata = prometheus.metadata(metric).await;
        assert_eq!((&metadata["type"], &metadata["unit"]), (&kind.into(), &unit.into()), "{metric}: {metadata}");
    }
}

fn check_lint(page: &str) {
    let output = fed(&mut promtool(&["check", "metrics"]), page.as_bytes());
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8(said).unwrap(), ACCEPTED_FINDINGS);
}

/// The samples that belong to people.
fn measured(samples: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    samples.into_iter().filter(|(it, _)| it.starts_with("withings_") && !it.starts_with("withings_exporter_")).collect()
}

/// A series as [`Page`] names it, without the labels that Prometheus adds.
fn series_of(metric: &Value) -> String {
    let mut labels: BTreeMap<String, String> = serde_json::from_value(metric.clone()).unwrap();
    let name = labels.remove("__name__").unwrap_or_default();
    labels.retain(|label, _| !["instance", "job"].contains(&label.as_str()));
    series(&name, &labels)
}

fn promtool(arguments: &[&str]) -> Command {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments);
    promtool
}

/// An address that nobody listens on at this moment.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
