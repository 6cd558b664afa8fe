//! The demo, as a program of its own.

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::http_client::Connection;
use crate::program::{Program, until};

/// The profiles of the demo.
pub(crate) const PEOPLE: [&str; 3] = ["Alice", "Bob", "Zoë"];

/// Measurements that may be missing in the demo at a moment.
pub(crate) const RARELY_MEASURED: [&str; 3] =
    ["withings_in_bed", "withings_sleep_nap_duration_seconds", "withings_unlisted_measure"];

/// A running `withings-exporter demo`.
pub(crate) struct Demo {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Demo {
    /// Starts the demo with its files in `dir`, and waits until the first refresh of each of `people` has ended, which
    /// takes a demo without TLS and passwords if there are any.
    pub(crate) async fn start(arguments: &[&str], dir: &TempDir, people: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        command.env_clear().args(["demo", "--web.listen-address", "127.0.0.1:0", "--storage.path"]);
        command.arg(dir.path().join("demo")).args(arguments);
        let program = Program::start(&mut command, &dir.path().join("demo.log"));
        let address = until("the demo's address", async || {
            let said = program.said();
            let (_, metrics) = said.split_once("Metrics ")?;
            Some(metrics.split_once("://")?.1.split_once("/metrics")?.0.parse().unwrap())
        });
        let demo = Self { address: address.await, program };
        if people.is_empty() {
            return demo;
        }
        until("everybody's first refresh", async || {
            let page = demo.page("").await;
            let refreshed = |name| page.contains(&format!("refresh_duration_seconds{{profile=\"{name}\"}}"));
            people.iter().all(refreshed).then_some(())
        })
        .await;
        demo
    }

    /// The metrics page; `headers` are whole lines.
    pub(crate) async fn page(&self, headers: &str) -> String {
        Connection::open(self.address).await.request("GET", "/metrics", headers).await.body
    }

    /// The output and the log so far.
    pub(crate) fn said(&self) -> String {
        self.program.said()
    }
}

#[tokio::test]
async fn the_overview_says_that_it_is_a_demo() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &[]).await;
    let page = Connection::open(demo.address).await.request("GET", "/", "").await.body;
    assert!(page.contains("This is the demo.") && page.contains("No account at Withings is used"), "{page}");
}
