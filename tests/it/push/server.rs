//! Real servers that run beside a test.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::Stored;
use crate::program::{Program, fed, until};
use crate::prometheus::free_address;

/// A server with Prometheus' API for queries.
pub(super) struct Server {
    program: Program,
    address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    /// A Prometheus that takes remote write, with `tsdb` as the settings of its storage.
    pub(super) async fn prometheus(dir: &TempDir, tsdb: &str) -> Self {
        let config = write_configuration(dir.path(), tsdb);
        let address = free_address();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.path().join("tsdb").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y"]);
        Self::start(command, address, dir).await
    }

    /// A VictoriaMetrics that keeps a century.
    pub(super) async fn victoria_metrics(dir: &TempDir) -> Self {
        let address = free_address();
        let mut command = Command::new("victoria-metrics");
        command.arg(format!("-httpListenAddr={address}"));
        command.arg(format!("-storageDataPath={}", dir.path().join("data").display()));
        command.args(["-retentionPeriod=100y", "-loggerLevel=ERROR"]);
        Self::start(command, address, dir).await
    }

    async fn start(mut command: Command, address: SocketAddr, dir: &TempDir) -> Self {
        let program = Program::start(&mut command, &dir.path().join("server.log"));
        let server = Self { program, address, folder: dir.path().to_owned() };
        until("the server to answer queries", async || server.query("vector(1)")).await;
        server
    }

    /// Has a running Prometheus read these settings of its storage.
    pub(super) async fn configure(&self, tsdb: &str) {
        write_configuration(&self.folder, tsdb);
        let loads = || self.program.said().matches("Completed loading of configuration file").count();
        let before = loads();
        self.program.signal("HUP");
        until("Prometheus to have read its configuration", async || (loads() > before).then_some(())).await;
    }

    /// An address of it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every sample of the metrics whose names begin so, back to `period` ago.
    pub(super) fn stored(&self, metrics: &str, period: &str) -> Stored {
        let rows = self.query(&format!("{{__name__=~\"{metrics}.*\"}}[{period}]")).unwrap_or_default();
        let of = |row: &Value| {
            let metric = &row["metric"];
            assert_eq!((&metric["job"], &metric["instance"]), (&"withings".into(), &"home:10064".into()), "{metric}");
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            let samples = row["values"].as_array().unwrap().iter();
            let samples = samples.map(|it| (it[0].as_i64().unwrap(), text(&it[1]).parse().unwrap()));
            (format!("{} {}", text(&metric["__name__"]), text(&metric["profile"])), samples.collect())
        };
        rows.iter().map(of).collect()
    }

    /// The rows of an answer; `None` before it answers.
    fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let mut promtool = Command::new("promtool");
        promtool.args(["query", "-o", "json", "instant", &self.url(""), expression]);
        serde_json::from_slice(&fed(&mut promtool, b"").stdout).ok()
    }
}

/// Writes what Prometheus is told, and gives the file.
fn write_configuration(folder: &Path, tsdb: &str) -> PathBuf {
    let path = folder.join("prometheus.yml");
    writeln!(File::create(&path).unwrap(), "storage: {{tsdb: {{{tsdb}}}}}").unwrap();
    path
}
