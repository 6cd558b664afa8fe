//! A real Prometheus on blocks that promtool has made of a history, with live scrapes after them.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Program, fed, until};
use crate::prometheus::free_address;

/// A Prometheus that keeps a century.
pub(crate) struct Prometheus {
    _program: Program,
    pub(crate) address: SocketAddr,
}

impl Prometheus {
    /// Starts it on the blocks in `data`, scraping `target` every second.
    pub(crate) async fn start(dir: &TempDir, data: &Path, target: SocketAddr) -> Self {
        let job = format!("{{job_name: withings, scrape_interval: 1s, static_configs: [{{targets: [\"{target}\"]}}]}}");
        let prometheus = Self::launch(dir, data, &job);
        until("the target to be up", async || (!prometheus.query("up == 1").is_empty()).then_some(())).await;
        prometheus
    }

    /// Starts it with nothing to scrape.
    pub(crate) async fn empty(dir: &TempDir) -> Self {
        let prometheus = Self::launch(dir, &dir.path().join("tsdb"), "");
        until("an answer", async || (!prometheus.query("vector(1)").is_empty()).then_some(())).await;
        prometheus
    }

    fn launch(dir: &TempDir, data: &Path, job: &str) -> Self {
        let config = dir.path().join("prometheus.yml");
        writeln!(File::create(&config).unwrap(), "scrape_configs: [{job}]").unwrap();
        let address = free_address();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command.args([format!("--web.listen-address={address}"), "--storage.tsdb.retention.time=100y".to_owned()]);
        let program = Program::start(&mut command, &dir.path().join("prometheus.log"));
        Self { _program: program, address }
    }

    /// The rows of an answer; none before it answers.
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        let mut promtool = Command::new("promtool");
        promtool.args(["query", "-o", "json", "instant", &format!("http://{}", self.address), expression]);
        serde_json::from_slice(&fed(&mut promtool, b"").stdout).unwrap_or_default()
    }
}

/// Has promtool make blocks of the text at `history`, and gives their directory.
pub(crate) fn blocks(history: &Path, dir: &TempDir) -> PathBuf {
    let data = dir.path().join("tsdb");
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=9000h"]);
    let made = fed(promtool.arg(history).arg(&data), b"");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    data
}
