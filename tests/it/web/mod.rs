//! The HTTP server as browsers, scrapers and probes meet it: a real listener, raw requests.

mod connections;
mod login;
mod pages;
mod routes;

use std::net::SocketAddr;

use chrono::DateTime;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use withings_exporter::clock::Clock;
use withings_exporter::exposition::{Exposition, Live};
use withings_exporter::reading::Snapshot;
use withings_exporter::session::{BeginError, FinishError, Sessions};
use withings_exporter::telemetry::{Build, Telemetry};
use withings_exporter::web::{App, Limits, Scrapes, serve};

use crate::http_client::{Answer, Connection};

/// 2026-11-22 17:05 UTC.
const NOW: i64 = 1_795_367_100;

/// What a server is started with.
struct Setup {
    telemetry_path: &'static str,
    snapshot: Snapshot,
    sessions: Sessions,
    scrapes: Scrapes,
    limits: Limits,
}

impl Default for Setup {
    fn default() -> Self {
        let sessions = Sessions::programmed(
            |_, _| Err(BeginError::UnknownProfile),
            |_, _| Box::pin(async { Err(FinishError::State) }),
        );
        Self {
            telemetry_path: "/metrics",
            snapshot: Snapshot::default(),
            sessions,
            scrapes: Scrapes::at_most(40),
            limits: Limits::default(),
        }
    }
}

/// A running server.
struct Server {
    address: SocketAddr,
    ready: watch::Sender<bool>,
    shutdown: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Setup {
    async fn start(self) -> Server {
        self.start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn start_on(self, listener: TcpListener) -> Server {
        let address = listener.local_addr().unwrap();
        let (_, snapshots) = watch::channel(self.snapshot);
        let (ready, readiness) = watch::channel(false);
        let (shutdown, told) = oneshot::channel();
        let clock = Clock::frozen(DateTime::from_timestamp(NOW, 0).unwrap());
        let telemetry = Telemetry::new(Build::this());
        let app = App {
            telemetry_path: self.telemetry_path.into(),
            exposition: Exposition::new(snapshots.clone(), telemetry, clock.clone(), Live::Shown { process: || None }),
            scrapes: self.scrapes,
            snapshots,
            sessions: self.sessions,
            ready: readiness,
            clock,
        };
        let end = async { told.await.unwrap_or_default() };
        Server { address, ready, shutdown, ended: tokio::spawn(serve(listener, app, self.limits, end)) }
    }
}

impl Server {
    async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    async fn request(&self, method: &str, target: &str) -> Answer {
        self.connect().await.request(method, target, "").await
    }

    async fn get(&self, target: &str) -> Answer {
        self.request("GET", target).await
    }
}
