//! Real servers for time series, which scrape or receive history.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::installation::free_address;
use crate::page::series;
use crate::program::{Program, fed, until};

/// The samples of each series on a server, by [`series`]: values by their times in Unix seconds.
pub(crate) type Stored = BTreeMap<String, Vec<(i64, f64)>>;

/// A server with Prometheus' API for queries.
pub(crate) struct Server {
    program: Program,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    /// A Prometheus with this configuration, which takes remote write and keeps a century in [`tsdb`].
    pub(crate) async fn prometheus(dir: &TempDir, configuration: &str) -> Self {
        let config = write_configuration(dir.path(), configuration);
        let address = free_address();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", tsdb(dir).display()));
        command.arg(format!("--web.listen-address={address}"));
        command.args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y"]);
        Self::start(command, address, dir).await
    }

    /// A VictoriaMetrics that scrapes what this configuration of Prometheus says, keeps a century, and answers the
    /// newest samples, too.
    pub(crate) async fn victoria_metrics(dir: &TempDir, configuration: &str) -> Self {
        let config = write_configuration(dir.path(), configuration);
        let address = free_address();
        let mut command = Command::new("victoria-metrics");
        command.arg(format!("-promscrape.config={}", config.display()));
        command.arg(format!("-httpListenAddr={address}"));
        command.arg(format!("-storageDataPath={}", dir.path().join("data").display()));
        command.args(["-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s"]);
        Self::start(command, address, dir).await
    }

    async fn start(mut command: Command, address: SocketAddr, dir: &TempDir) -> Self {
        let log = Path::new(command.get_program()).with_extension("log");
        let program = Program::start(&mut command, &dir.path().join(log));
        let server = Self { program, address, folder: dir.path().to_owned() };
        until("the server to answer queries", async || server.rows("vector(1)")).await;
        server
    }

    /// Lets a running Prometheus read this configuration.
    pub(crate) async fn configure(&self, configuration: &str) {
        write_configuration(&self.folder, configuration);
        let loads = || self.program.said().matches("Completed loading of configuration file").count();
        let before = loads();
        self.program.signal(Signal::HUP);
        until("Prometheus to have read its configuration", async || (loads() > before).then_some(())).await;
    }

    /// The URL of a path on the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every sample of the metrics whose names begin with this, back to `period` ago.
    pub(crate) fn stored(&self, metrics: &str, period: &str) -> Stored {
        #[expect(clippy::cast_possible_truncation, reason = "a history has whole seconds")]
        let sample = |point: &Value| (point[0].as_f64().unwrap() as i64, point[1].as_str().unwrap().parse().unwrap());
        let samples = |row: &Value| row["values"].as_array().unwrap().iter().map(sample).collect();
        let rows = self.query(&format!("{{__name__=~\"{metrics}.*\"}}[{period}]"));
        rows.iter().map(|row| (series_of(&row["metric"]), samples(row))).collect()
    }

    /// The rows of an answer.
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        self.rows(expression).unwrap_or_else(|| panic!("no answer to {expression}"))
    }

    /// The rows of an answer; `None` before it answers.
    fn rows(&self, expression: &str) -> Option<Vec<Value>> {
        let mut promtool = Command::new("promtool");
        promtool.args(["query", "-o", "json", "instant", &self.url(""), expression]);
        serde_json::from_slice(&fed(&mut promtool, b"").stdout).ok()
    }
}

/// The data directory of a Prometheus in this folder.
pub(crate) fn tsdb(dir: &TempDir) -> PathBuf {
    dir.path().join("tsdb")
}

/// Writes the configuration of Prometheus, and gives the file.
fn write_configuration(folder: &Path, configuration: &str) -> PathBuf {
    let path = folder.join("prometheus.yml");
    writeln!(File::create(&path).unwrap(), "{configuration}").unwrap();
    path
}

/// A series as [`series`] writes it.
pub(crate) fn series_of(metric: &Value) -> String {
    let mut labels: BTreeMap<String, String> = serde_json::from_value(metric.clone()).unwrap();
    let name = labels.remove("__name__").unwrap_or_default();
    series(&name, &labels)
}

/// Has promtool make the blocks of a text for a Prometheus that starts in `dir`.
pub(crate) fn make_blocks(history: &Path, dir: &TempDir) {
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=9000h"]);
    let made = fed(promtool.arg(history).arg(tsdb(dir)), b"");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
