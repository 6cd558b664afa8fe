//! The composition root: what the parts are made of, and how they start and end together.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::budget;
use super::household::{Household, Settled};
use crate::clock::Clock;
use crate::config::Config;
use crate::exposition::{Exposition, Live};
use crate::http::Http;
use crate::reading::{ProfileSnapshot, Sleep, Snapshot};
use crate::session::{self, Remote, Sessions};
use crate::storage::Storage;
use crate::telemetry::{Build, Telemetry};
use crate::web::{self, App, Limits, Reload, Reloads, Scrapes, Security};
use crate::withings::client::Client;
use crate::withings::oauth::{Application, OAuth};
use crate::withings::pace::Pace;

/// How long after the start the exporter calls itself ready, whatever Withings does.
const READY_AFTER: Duration = Duration::from_secs(30);

/// How long an end waits for a token rotation under way: longer than its request may take.
pub(super) const SETTLE_WITHIN: Duration = Duration::from_secs(35);

/// An exporter that refreshes and does not serve yet.
pub struct Exporter {
    app: App,
    ready: watch::Sender<bool>,
    household: Household,
    storage: Storage,
    settled: Vec<Settled>,
    reloading: Option<Reloading>,
}

/// Reads the configuration again, or says in words for the user why not. Blocks.
pub type Reread = Arc<dyn Fn() -> Result<Config> + Send + Sync>;

/// How the configuration is read again while the exporter runs.
struct Reloading {
    reread: Reread,
    asked: mpsc::Receiver<Reload>,
    telemetry: Telemetry,
    clock: Clock,
}

/// What an exporter is made of.
pub struct Parts {
    /// What was configured.
    pub config: Config,
    /// How it is read again when somebody asks for it; `None`: never.
    pub reread: Option<Reread>,
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
    /// Puts the parts together, restores what was stored, and begins to refresh. Blocks; must be called within a tokio
    /// runtime.
    pub fn assemble(parts: Parts) -> Result<Self> {
        let Parts { config, reread, storage, clock, telemetry_path, security, max_requests, live } = parts;
        let telemetry = Telemetry::new(Build::this());
        let (household, settled) = Household::start(&config, &storage, &clock, &telemetry)?;
        let (ready, is_ready) = watch::channel(false);
        let (reloads, asked) = Reloads::channel();
        let app = App {
            telemetry_path: telemetry_path.into(),
            exposition: Exposition::new(household.snapshots(), telemetry.clone(), clock.clone(), live),
            security,
            scrapes: Scrapes::at_most(max_requests),
            snapshots: household.snapshots(),
            sessions: household.sessions(),
            inbox: household.inbox(),
            reloads: reread.is_some().then_some(reloads),
            ready: is_ready,
            clock: clock.clone(),
        };
        let reloading = reread.map(|reread| Reloading { reread, asked, telemetry, clock });
        Ok(Self { app, ready, household, storage, settled, reloading })
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

    /// Where a reload of the configuration is asked for, if it can be read again.
    #[must_use]
    pub fn reloads(&self) -> Option<Reloads> {
        self.app.reloads.clone()
    }

    /// Serves and refreshes until `shutdown`, then lets answers finish and stores what is not stored yet.
    pub async fn run(self, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()>) {
        let Self { app, ready, household, storage, settled, reloading } = self;
        let (end, ended) = watch::channel(false);
        let until_end = || {
            let mut ended = ended.clone();
            async move { drop(ended.wait_for(|it| *it).await) }
        };
        let mut tasks = JoinSet::new();
        let share = budget::keep_to_share(storage, app.sessions.pace(), household.requests_per_minute());
        let end_of_sharing = until_end();
        tasks.spawn(async move {
            tokio::select! {
                () = share => {}
                () = end_of_sharing => {}
            }
        });
        for listener in listeners {
            tasks.spawn(web::serve(listener, app.clone(), Limits::default(), until_end()));
        }
        tasks.spawn(app.security.clone().keep_current(until_end()));
        tasks.spawn(app.sessions.clone().part_with_former(until_end()));
        tasks.spawn(keep_configured(household, reloading, until_end()));
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

/// Does each reload that is asked for, one after the other, until `shutdown`; then ends the household.
async fn keep_configured(mut household: Household, mut reloading: Option<Reloading>, shutdown: impl Future) {
    let mut shutdown = pin!(shutdown);
    while let Some(it) = &mut reloading {
        let reload = tokio::select! {
            reload = it.asked.recv() => reload,
            _ = &mut shutdown => None,
        };
        let Some(reload) = reload else { return household.end().await };
        // Who asked may have gone.
        reload.send(it.reload(&mut household).await).ok();
    }
    shutdown.await;
    household.end().await;
}

impl Reloading {
    async fn reload(&self, household: &mut Household) -> Result<(), String> {
        let reread = Arc::clone(&self.reread);
        let config = spawn_blocking(move || reread()).await.expect("reading the configuration does not panic");
        let outcome = match config {
            Ok(config) => household.reconfigure(&config).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                self.telemetry.config_loaded(self.clock.unix());
                tracing::info!("the configuration was read again");
                Ok(())
            }
            Err(error) => {
                self.telemetry.config_refused();
                tracing::error!("the configuration stays as it was: {error:#}");
                Err(format!("{error:#}"))
            }
        }
    }
}

/// The sessions of all configured profiles, and how they are told of a new way to Withings. Blocks; must be called within
/// a tokio runtime.
pub(super) fn sessions(
    config: &Config,
    storage: &Storage,
    clock: &Clock,
    telemetry: &Telemetry,
) -> Result<(Sessions, watch::Sender<Remote>)> {
    let http = Http::reaching(&[&config.api_url])?;
    let pace = Pace::new(config.requests_per_minute.get());
    let client = Client::new(http, config.api_url.clone(), pace, telemetry.clone(), clock.clone());
    let (changes, remote) = watch::channel(remote(config, &client, clock)?);
    let (storage, clock, telemetry) = (storage.clone(), clock.clone(), telemetry.clone());
    let services = session::Services { storage, remote, clock, telemetry };
    Ok((Sessions::restore(&config.profiles, services), changes))
}

/// Withings as `config` says that it is reached, with what `client` shares.
pub(super) fn remote(config: &Config, client: &Client, clock: &Clock) -> Result<Remote> {
    let client = if *client.api_url() == config.api_url {
        client.clone()
    } else {
        client.moved(Http::reaching(&[&config.api_url])?, config.api_url.clone())
    };
    let application = Application {
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.clone(),
        account_url: config.account_url.clone(),
        api_url: config.api_url.clone(),
        redirect_uri: config.redirect_uri(),
        webhooks: config.webhooks,
    };
    Ok(Remote { oauth: OAuth::new(&application, client.clone(), clock.clone()), client })
}

/// The snapshot before anything was restored.
pub(super) fn nothing_known(config: &Config) -> Snapshot {
    let empty = |profile: &Arc<str>| Arc::new(ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected));
    Snapshot { profiles: config.profiles.iter().map(empty).collect() }
}
