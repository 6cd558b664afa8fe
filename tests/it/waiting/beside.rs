//! The program on the disk of a world in real time: as its exporter, or as a command beside one.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::config::write;
use crate::http_client::Connection;
use crate::program::{Program, until};
use crate::world::World;

/// A running program with the configuration of a world.
pub(super) struct Beside {
    program: Program,
    _folder: TempDir,
}

impl Beside {
    /// Starts the exporter, which refreshes every 15 s.
    pub(super) fn serve(world: &World) -> Self {
        Self::start(world, &["--web.listen-address", "127.0.0.1:0"])
    }

    /// Starts the program with these arguments.
    pub(super) fn start(world: &World, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("withings.yaml");
        let profiles: Vec<_> = world.config.profiles.iter().map(|profile| &**profile).collect();
        let text = format!(
            "withings:\n  client_id: the-app\n  client_secret: secret-of-the-app\n  profiles: [{}]\n  \
             requests_per_minute: 120\n  refresh_interval: 15s\n  api_url: {url}\n  account_url: {url}\n",
            profiles.join(", "),
            url = world.config.api_url
        );
        write(&config, &text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        command.env_clear().args(arguments).arg("--config.file").arg(config);
        command.arg("--storage.path").arg(world.disk.path());
        Self { program: Program::start(&mut command, &folder.path().join("log")), _folder: folder }
    }

    pub(super) fn said(&self) -> String {
        self.program.said()
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// Waits for the end of the program, and gives its exit code; `None` if it does not end in time.
    pub(super) async fn ended_within(&mut self, time: Duration) -> Option<i32> {
        timeout(time, self.program.ended()).await.ok().flatten()
    }

    /// Waits until the page has this line.
    pub(super) async fn until_line(&self, line: &str) {
        let (series, value) = line.split_once(' ').unwrap();
        until(line, async || self.line(series).await.filter(|found| found == value)).await;
    }

    /// The value of this sample on the page.
    pub(super) async fn line(&self, series: &str) -> Option<String> {
        let page = Connection::open(self.address().await).await.request("GET", "/metrics", "").await.body;
        page.lines().find_map(|line| Some(line.strip_prefix(series)?.strip_prefix(' ')?.to_owned()))
    }

    async fn address(&self) -> SocketAddr {
        self.program.address("address=").await
    }
}
