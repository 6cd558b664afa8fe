//! The composition root: what the parts are made of, and how they start and end together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::webhooks;
use crate::clock::Clock;
use crate::config::Config;
use crate::exposition::{Exposition, Live};
use crate::http::Http;
use crate::reading::{ProfileSnapshot, Sleep, Snapshot};
use crate::refresh::{self, Refresher};
use crate::session::{self, Sessions};
use crate::storage::Storage;
use crate::subscription::Subscriber;
use crate::telemetry::{Build, Telemetry};
use crate::web::{self, App, Limits, Scrapes, Security};
use crate::withings::client::Client;
use crate::withings::oauth::{Application, OAuth};
use crate::withings::pace::Pace;

/// How long after the start the exporter calls itself ready, whatever Withings does.
const READY_AFTER: Duration = Duration::from_secs(30);

/// How long an end waits for a token rotation under way: longer than its request may take.
const SETTLE_WITHIN: Duration = Duration::from_secs(35);

/// An exporter, put together and not yet running.
pub struct Exporter {
    app: App,
    ready: watch::Sender<bool>,
    refreshers: Vec<Refresher>,
    subscribers: Vec<Subscriber>,
    settled: Vec<tokio::sync::oneshot::Receiver<()>>,
}

/// What an exporter is made of.
pub struct Parts {
    /// What was configured.
    pub config: Config,
    /// Where it keeps what survives a restart.
    pub storage: Storage,
    /// The present time.
    pub clock: Clock,
    /// The path of the metrics.
    pub telemetry_path: String,
    /// Who may talk to it, and how.
    pub security: Security,
    /// The most scrapes at the same time; 0 is no limit.
    pub max_requests: usize,
    /// Whether the exporter's own metrics are shown.
    pub live: Live,
}

impl Exporter {
    /// Puts the parts together and restores what was stored. Blocks; must be called within a tokio runtime.
    pub fn assemble(parts: Parts) -> Result<Self> {
        let Parts { config, storage, clock, telemetry_path, security, max_requests, live } = parts;
        let telemetry = Telemetry::new(Build::this());
        telemetry.config_loaded(clock.unix());
        telemetry.refresh_interval(config.refresh_interval, None);
        let sessions = sessions(&config, &storage, &clock, &telemetry)?;
        let (snapshots, shown) = watch::channel(nothing_known(&config));
        let services = Arc::new(refresh::Services {
            storage,
            snapshots,
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            selection: config.measured(),
            interval: config.refresh_interval,
        });
        let restore = |(place, profile): (usize, &Arc<str>)| {
            let session = sessions.get(profile).expect("every configured profile has a session");
            Refresher::restore(session.clone(), place, Arc::clone(&services))
        };
        let (refreshers, settled): (Vec<_>, _) = config.profiles.iter().enumerate().map(restore).unzip();
        let (subscribers, inbox) = webhooks::assemble(&config, &services, &refreshers)?;
        let (ready, is_ready) = watch::channel(false);
        let app = App {
            telemetry_path: telemetry_path.into(),
            exposition: Exposition::new(shown.clone(), telemetry, clock.clone(), live),
            security,
            scrapes: Scrapes::at_most(max_requests),
            snapshots: shown,
            sessions,
            inbox,
            ready: is_ready,
            clock,
        };
        Ok(Self { app, ready, refreshers, subscribers, settled })
    }

    /// What is shown of the profiles, now and whenever it changes.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.app.snapshots.clone()
    }

    /// The logins of the profiles.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        self.app.sessions.clone()
    }

    /// Serves and refreshes until `shutdown`, then lets answers finish and stores what is not stored yet.
    pub async fn run(self, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()>) {
        let Self { app, ready, refreshers, subscribers, settled } = self;
        let (end, ended) = watch::channel(false);
        let until_end = || {
            let mut ended = ended.clone();
            async move { drop(ended.wait_for(|it| *it).await) }
        };
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(web::serve(listener, app.clone(), Limits::default(), until_end()));
        }
        tasks.spawn(app.security.clone().keep_current(until_end()));
        for refresher in refreshers {
            tasks.spawn(refresher.run(until_end()));
        }
        for subscriber in subscribers {
            tasks.spawn(subscriber.run(until_end()));
        }
        tokio::spawn(async move {
            drop(timeout(READY_AFTER, join_all(settled)).await);
            ready.send_replace(true);
        });
        shutdown.await;
        tracing::info!("ending: answers under way are finished");
        end.send_replace(true);
        tasks.join_all().await;
        if timeout(SETTLE_WITHIN, app.sessions.settle()).await.is_err() {
            tracing::warn!("a token refresh is still under way; the login before it stays in storage");
        }
    }
}

/// The sessions of all configured profiles. Blocks; must be called within a tokio runtime.
pub(super) fn sessions(config: &Config, storage: &Storage, clock: &Clock, telemetry: &Telemetry) -> Result<Sessions> {
    let http = Http::reaching(&[&config.api_url])?;
    let pace = Pace::new(config.requests_per_minute.get());
    let client = Client::new(http, config.api_url.clone(), pace, telemetry.clone(), clock.clone());
    let application = Application {
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.clone(),
        account_url: config.account_url.clone(),
        api_url: config.api_url.clone(),
        redirect_uri: config.redirect_uri(),
        webhooks: config.webhooks,
    };
    let oauth = OAuth::new(&application, client.clone(), clock.clone());
    let (storage, clock, telemetry) = (storage.clone(), clock.clone(), telemetry.clone());
    Ok(Sessions::restore(&config.profiles, session::Services { storage, client, oauth, clock, telemetry }))
}

/// The snapshot before anything was restored.
pub(super) fn nothing_known(config: &Config) -> Snapshot {
    let empty = |profile: &Arc<str>| Arc::new(ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected));
    Snapshot { profiles: config.profiles.iter().map(empty).collect() }
}
