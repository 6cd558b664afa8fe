//! A real Prometheus and a real VictoriaMetrics scrape the demo, plainly and over TLS with a password.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::catalogue::Measurement;

use crate::certificates::certificates;
use crate::demo::{Demo, PEOPLE, RARELY_MEASURED};
use crate::http_client::Connection;
use crate::judges::read_by_python;
use crate::page::Page;
use crate::program::{fed, until};
use crate::tsdb::{Server, series_of};

const OPENMETRICS: &str = "Accept: application/openmetrics-text;version=1.0.0";
const TEXT: &str = "Accept: text/plain;version=0.0.4";

/// The password of the user `prometheus`.
const PASSWORD: &str = "hush:hush";

/// The findings of promtool about names that cannot be changed.
const ACCEPTED_FINDINGS: &str = "\
withings_height_m metric names should not contain abbreviated units
withings_sleep_wakeup_count non-histogram and non-summary metrics should not have \"_count\" suffix
";

/// A scraped demo, and how it is scraped.
struct Target {
    address: SocketAddr,
    /// The folder with the authority of the certificate, with TLS. Then a password is wanted too.
    certificates: Option<PathBuf>,
}

impl Target {
    /// A Prometheus that has scraped the demo; it prefers OpenMetrics.
    async fn prometheus(&self, dir: &TempDir) -> Server {
        scraped(Server::prometheus(dir, &self.configuration()).await).await
    }

    /// A VictoriaMetrics that has scraped the demo; it wants the text format.
    async fn victoria_metrics(&self, dir: &TempDir) -> Server {
        scraped(Server::victoria_metrics(dir, &self.configuration()).await).await
    }

    /// The configuration of a scrape each second.
    fn configuration(&self) -> String {
        let security = self.certificates.as_ref().map(|folder| {
            let authority = folder.join("ca.crt");
            format!(
                "scheme: https, tls_config: {{ca_file: \"{}\", server_name: localhost}}, \
                 basic_auth: {{username: prometheus, password: \"{PASSWORD}\"}}, ",
                authority.display()
            )
        });
        let address = self.address;
        format!(
            "scrape_configs: [{{job_name: withings, scrape_interval: 1s, {}static_configs: [{{targets: [\"{address}\"]}}]}}]",
            security.unwrap_or_default()
        )
    }

    /// The page as curl gets it; it accepts gzip.
    fn page(&self, accept: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--compressed", "--header", accept]);
        match &self.certificates {
            Some(folder) => {
                curl.arg("--cacert").arg(folder.join("ca.crt")).args(["--user", &format!("prometheus:{PASSWORD}")]);
                curl.arg(format!("https://localhost:{}/metrics", self.address.port()));
            }
            None => drop(curl.arg(format!("http://{}/metrics", self.address))),
        }
        let output = fed(&mut curl, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn scraped(server: Server) -> Server {
    until("the target to be up", async || (!server.query("up == 1").is_empty()).then_some(())).await;
    server
}

#[tokio::test]
async fn scrapers_have_what_the_page_has() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &[]).await;
    let target = Target { address: demo.address, certificates: None };
    everything_is_read(&target).await;
    let prometheus = target.prometheus(&dir).await;
    check_measurements(&same_as_page(&prometheus, &target, OPENMETRICS).await);
    check_sleep_states(&prometheus);
    check_metadata(&prometheus).await;
    check_lint(&target.page(TEXT));
    let victoria_metrics = target.victoria_metrics(&dir).await;
    check_measurements(&same_as_page(&victoria_metrics, &target, TEXT).await);
    check_sleep_states(&victoria_metrics);
}

#[tokio::test]
async fn scrapers_have_what_the_page_has_over_tls_with_a_password() {
    let (dir, certificates) = (TempDir::new().unwrap(), certificates());
    let hash = bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).unwrap();
    let web = certificates.path().join("web.yml");
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}";
    writeln!(File::create(&web).unwrap(), "{tls}\nbasic_auth_users: {{prometheus: {hash}}}").unwrap();
    let demo = Demo::start(&["--web.config.file", web.to_str().unwrap()], &dir, &[]).await;
    let target = Target { address: demo.address, certificates: Some(certificates.path().to_owned()) };
    everything_is_read(&target).await;
    let prometheus = target.prometheus(&dir).await;
    check_measurements(&same_as_page(&prometheus, &target, OPENMETRICS).await);
    check_metadata(&prometheus).await;
    let victoria_metrics = target.victoria_metrics(&dir).await;
    check_measurements(&same_as_page(&victoria_metrics, &target, TEXT).await);
    for (format, accept) in [("openmetrics", OPENMETRICS), ("text", TEXT)] {
        let page = target.page(accept);
        let (read, expected) = (read_by_python(format, &page), Page::read(&page));
        assert!(read.families == expected.families && measured(read.samples) == measured(expected.samples), "{page}");
    }
}

/// Waits for the devices of all people, which are read last after a login.
async fn everything_is_read(target: &Target) {
    until("everybody's devices", async || {
        let page = target.page(TEXT);
        PEOPLE.iter().all(|name| page.contains(&format!("withings_device_info{{profile=\"{name}\""))).then_some(())
    })
    .await;
}

/// The samples of people in a scraper, as soon as they are those of the page: new rows arrive in the demo, and the page
/// may have changed since the last scrape.
async fn same_as_page(scraper: &Server, target: &Target, accept: &str) -> BTreeMap<String, f64> {
    until("the scraper to have what the page has", async || {
        let has = measured(values(scraper, "{job=\"withings\"}"));
        (has == measured(Page::read(&target.page(accept)).samples)).then_some(has)
    })
    .await
}

/// The people own every device between them, and each has a scale at least.
fn check_measurements(scraped: &BTreeMap<String, f64>) {
    let has = |metric: &str, name: &str| {
        let (start, label) = (format!("{metric}{{"), format!("profile=\"{name}\""));
        scraped.keys().any(|series| series.starts_with(&start) && series.contains(&label))
    };
    for metric in Measurement::all()
        .map(|measurement| measurement.metric())
        .filter(|metric| !RARELY_MEASURED.contains(&metric.as_str()))
    {
        assert!(PEOPLE.iter().any(|name| has(&metric, name)), "{metric} is not in {scraped:#?}");
    }
    assert!(PEOPLE.iter().all(|name| has("withings_weight_kg", name)), "{scraped:#?}");
}

fn check_sleep_states(prometheus: &Server) {
    let each = |value: f64| PEOPLE.map(|name| (format!("{{profile=\"{name}\"}}"), value)).into();
    assert_eq!(values(prometheus, "count by (profile) (withings_sleep_state)"), each(5.0));
    assert_eq!(values(prometheus, "count by (profile) (withings_sleep_state == 1)"), each(1.0));
    assert_eq!(values(prometheus, "sum by (profile) (withings_sleep_state)"), each(1.0));
}

async fn check_metadata(prometheus: &Server) {
    for (metric, kind, unit) in [
        ("withings_sleep_state", "stateset", ""),
        ("withings_weight_kg", "gauge", "kg"),
        ("withings_exporter_build", "info", ""),
        ("withings_exporter_api_requests", "counter", ""),
        ("withings_exporter_api_request_duration_seconds", "histogram", ""),
    ] {
        let target = format!("/api/v1/metadata?metric={metric}");
        let answer = Connection::open(prometheus.address).await.request("GET", &target, "").await;
        let metadata = &serde_json::from_str::<Value>(&answer.body).unwrap()["data"][metric][0];
        assert_eq!((&metadata["type"], &metadata["unit"]), (&kind.into(), &unit.into()), "{metric}: {metadata}");
    }
}

fn check_lint(page: &str) {
    let output = fed(&mut promtool(&["check", "metrics"]), page.as_bytes());
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8(said).unwrap(), ACCEPTED_FINDINGS);
}

/// The samples that belong to people, to eleven digits: VictoriaMetrics cuts a mean such as 0.046656804733727808 off
/// after the thirteenth.
fn measured(samples: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    samples
        .into_iter()
        .filter(|(series, _)| series.starts_with("withings_") && !series.starts_with("withings_exporter_"))
        .map(|(series, value)| (series, format!("{value:.10e}").parse().unwrap()))
        .collect()
}

/// The present values of an expression, without the labels that scrapers add.
fn values(scraper: &Server, expression: &str) -> BTreeMap<String, f64> {
    let value = |mut row: Value| {
        row["metric"].as_object_mut().unwrap().retain(|label, _| !["instance", "job"].contains(&label.as_str()));
        (series_of(&row["metric"]), row["value"][1].as_str().unwrap().parse().unwrap())
    };
    scraper.query(expression).into_iter().map(value).collect()
}

fn promtool(arguments: &[&str]) -> Command {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments);
    promtool
}
