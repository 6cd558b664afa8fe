//! The HTTP server as browsers, scrapers and probes meet it: a real listener, raw requests.

mod abuse;
mod connections;
mod exchanges;
mod failed_logins;
mod floods;
mod hosts;
mod login;
mod pages;
mod passwords;
mod routes;
pub(crate) mod shards;
mod strangers;
mod tls;

use std::net::SocketAddr;

use chrono::DateTime;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use url::Url;
use withings_exporter::clock::{Clock, ServerClock};
use withings_exporter::exposition::{Exposition, SelfMetrics};
use withings_exporter::http::Http;
use withings_exporter::login::{LoginServices, Logins, Remote};
use withings_exporter::reading::Snapshot;
use withings_exporter::telemetry::{Build, Telemetry};
use withings_exporter::web::{
    App, Connections, ExporterPages, Hosts, Scrapes, Security, ServerLimits, VisitorCookie, serve,
};
use withings_exporter::webhooks::{Inbox, Subscriptions};
use withings_exporter::withings::client::Client;
use withings_exporter::withings::oauth::{Application, OAuth};

use crate::http_client::{Answer, Connection};
use crate::world::opened;

/// 2026-11-22 17:05 UTC.
const NOW: i64 = 1_795_367_100;

/// The settings of a server. It has no profiles to log in: logins need a [`crate::world::World`].
struct Setup {
    telemetry_path: &'static str,
    snapshot: Snapshot,
    security: Security,
    allowed_hosts: &'static [&'static str],
    self_metrics: SelfMetrics,
    connections: Connections,
    scrapes: Scrapes,
    limits: ServerLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            telemetry_path: "/metrics",
            snapshot: Snapshot::default(),
            security: Security::none(),
            allowed_hosts: &[],
            self_metrics: SelfMetrics::Shown { process: || None },
            connections: Connections::at_most(512),
            scrapes: Scrapes::at_most(40),
            limits: ServerLimits::default(),
        }
    }
}

/// A running server.
struct Server {
    address: SocketAddr,
    ready: watch::Sender<bool>,
    shutdown: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    _disk: TempDir,
}

impl Setup {
    async fn start(self) -> Server {
        self.start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn start_on(self, listener: TcpListener) -> Server {
        let address = listener.local_addr().unwrap();
        let telemetry = Telemetry::new(Build::this());
        self.snapshot.profiles().for_each(|person| telemetry.expect_profile(&person.profile));
        let (_, snapshots) = watch::channel(self.snapshot);
        let (ready, readiness) = watch::channel(false);
        let (shutdown, told) = oneshot::channel();
        let clock = Clock::frozen(DateTime::from_timestamp(NOW, 0).unwrap());
        let disk = TempDir::new().unwrap();
        let logins = logins_of_nobody(&disk, &clock, &telemetry);
        let pages = ExporterPages {
            telemetry_path: self.telemetry_path.into(),
            exposition: Exposition::new(
                snapshots.clone(),
                telemetry.clone(),
                ServerClock::new(clock.clone()),
                self.self_metrics,
                Handle::current(),
            ),
            scrapes: self.scrapes,
            visitor: VisitorCookie::new(),
            snapshots,
            inbox: Inbox::new(logins.clone(), telemetry.clone(), clock.clone()).0,
            subscriptions: Subscriptions::new(logins.clone(), watch::channel(None).1),
            reloads: None,
            ready: readiness,
            clock,
        };
        let app = App {
            security: self.security,
            hosts: Hosts::new(self.allowed_hosts.iter().map(|host| host.parse().unwrap()).collect()),
            connections: self.connections,
            logins,
            exporter: Some(pages),
        };
        let end = async { told.await.unwrap_or_default() };
        let ended = tokio::spawn(serve(listener, app, self.limits, end));
        Server { address, ready, shutdown, ended, _disk: disk }
    }
}

/// The logins of a configuration without profiles and without a cloud.
fn logins_of_nobody(disk: &TempDir, clock: &Clock, telemetry: &Telemetry) -> Logins {
    let nowhere = Url::parse("http://127.0.0.1:1").unwrap();
    let application = Application {
        client_id: "the-app".to_owned(),
        client_secret: "secret-of-the-app".into(),
        account_url: nowhere.clone(),
        api_url: nowhere.clone(),
        redirect_uri: "http://localhost:10064/callback".to_owned(),
        webhooks: false,
    };
    let http = Http::reaching(&[&nowhere]).unwrap();
    let storage = opened(disk.path(), clock.clone()).unwrap();
    let client = Client::new(http, nowhere, storage.clone(), telemetry.clone(), ServerClock::new(clock.clone()));
    let services = LoginServices {
        storage,
        remote: watch::channel(Remote { oauth: OAuth::new(&application, client.clone()), client }).1,
        clock: clock.clone(),
        telemetry: telemetry.clone(),
    };
    Logins::new(&[], services)
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
