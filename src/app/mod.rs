//! The composition root: what the parts are made of, and how they start, reload and end together.

mod listen;
mod profiles;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::{Clock, ServerClock};
use crate::config::Config;
use crate::exposition::{Exposition, Live};
use crate::http::Http;
use crate::login::{self, Logins, Remote};
use crate::reading::{Attempt, ProfileSnapshot, Sleep, Snapshot};
use crate::storage::Storage;
use crate::telemetry::Telemetry;
use crate::web::{self, App, Limits, Reloads, Scrapes, Security};
use crate::webhooks::BedNews;
use crate::withings::client::Client;
use crate::withings::oauth::{Application, OAuth};
use profiles::Profiles;
use reload::Reloading;
pub use reload::Reread;

/// How long after the start the exporter calls itself ready, whatever Withings does.
const READY_AFTER: Duration = Duration::from_secs(30);

/// How long an end waits for answers to requests that are under way.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long it waits for a token rotation under way. Withings keeps the former token alive until the new one is used.
const SETTLE_WITHIN: Duration = Duration::from_secs(8);

/// How long it waits for the plans to be stored.
const STORED_WITHIN: Duration = Duration::from_secs(1);

/// An exporter that does not serve yet.
pub struct Exporter {
    app: App,
    ready: watch::Sender<bool>,
    profiles: Arc<Profiles>,
    bed_news: mpsc::Receiver<BedNews>,
    reloading: Option<Reloading>,
}

/// What an exporter is made of.
pub struct Parts {
    /// What was configured.
    pub config: Config,
    /// How it is read again when somebody asks for it; `None`: never.
    pub reread: Option<Reread>,
    /// Where it keeps what survives a restart.
    pub storage: Storage,
    /// Where it counts.
    pub telemetry: Telemetry,
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
    /// Puts the parts together and shows what was stored.
    pub async fn assemble(parts: Parts) -> Result<Self> {
        let Parts { config, reread, storage, telemetry, clock, telemetry_path, security, max_requests, live } = parts;
        let (profiles, bed_news) = Profiles::restore(&config, storage, &clock, &telemetry).await?;
        let (ready, is_ready) = watch::channel(false);
        let (reloads, asked) = Reloads::channel();
        let app = App {
            telemetry_path: telemetry_path.into(),
            exposition: Exposition::new(
                profiles.snapshots(),
                telemetry.clone(),
                profiles.logins().server_clock(),
                live,
            ),
            security,
            scrapes: Scrapes::at_most(max_requests),
            snapshots: profiles.snapshots(),
            logins: profiles.logins(),
            inbox: profiles.inbox(),
            subscriptions: profiles.subscriptions(),
            reloads: reread.is_some().then_some(reloads),
            ready: is_ready,
            clock: clock.clone(),
        };
        let reloading = reread.map(|reread| Reloading { reread, asked, telemetry, clock });
        Ok(Self { app, ready, profiles: Arc::new(profiles), bed_news, reloading })
    }

    /// What is shown of the profiles, now and whenever it changes.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.app.snapshots.clone()
    }

    /// The logins of the profiles.
    #[must_use]
    pub fn logins(&self) -> Logins {
        self.app.logins.clone()
    }

    /// Where a reload of the configuration is asked for, if it can be read again.
    #[must_use]
    pub fn reloads(&self) -> Option<Reloads> {
        self.app.reloads.clone()
    }

    /// Serves and refreshes until `shutdown`, then lets answers finish and stores what is not stored yet: within 10 s,
    /// whatever Withings, the budget, a pause or a disk does.
    pub async fn run(self, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()>) {
        let Self { app, ready, profiles, bed_news, reloading } = self;
        let (end, ended) = watch::channel(false);
        let until_end = || {
            let mut ended = ended.clone();
            async move { drop(ended.wait_for(|it| *it).await) }
        };
        let mut answering = JoinSet::new();
        for listener in listeners {
            answering.spawn(web::serve(listener, app.clone(), Limits::default(), until_end()));
        }
        answering.spawn(app.security.clone().keep_current(until_end()));
        let mut working = JoinSet::new();
        working.spawn(profiles.clone().refresh());
        listen::spawn(&mut working, &profiles, bed_news, reloading);
        tokio::spawn(become_ready(app.snapshots.clone(), ready));
        shutdown.await;
        tracing::info!("ending: answers under way are finished");
        end.send_replace(true);
        // What they wait for may take as long as it likes; what they have stored is stored.
        working.shutdown().await;
        let answered = async {
            let all = async { while answering.join_next().await.is_some() {} };
            if timeout(ANSWERS_WITHIN, all).await.is_err() {
                tracing::warn!("some answers are cut off");
                answering.shutdown().await;
            }
        };
        tokio::join!(answered, settle(app.logins.storage()));
    }
}

/// Stores what is not stored yet, as far as that works in time.
pub(crate) async fn settle(storage: &Storage) {
    if !storage.settle(SETTLE_WITHIN).await {
        tracing::warn!(
            "not everything could be stored; a login that was just refreshed may have to be connected again"
        );
    }
    drop(timeout(STORED_WITHIN, storage.end_in_order()).await);
}

/// Waits until every connected profile was restored or tried once; or long enough.
async fn become_ready(mut snapshots: watch::Receiver<Snapshot>, ready: watch::Sender<bool>) {
    let is_settled = |it: &Arc<ProfileSnapshot>| {
        let is_tried = it.calls.values().any(|call| call.latest != Attempt::None);
        it.login.is_none() || is_tried || !it.readings.is_empty()
    };
    drop(timeout(READY_AFTER, snapshots.wait_for(|all| all.profiles.iter().all(is_settled))).await);
    ready.send_replace(true);
}

/// The logins of all configured profiles, and how they are told of a new way to Withings.
pub(crate) fn logins(
    config: &Config,
    storage: &Storage,
    clock: &Clock,
    telemetry: &Telemetry,
) -> Result<(Logins, watch::Sender<Remote>)> {
    storage.set_rate(config.requests_per_minute.get());
    let http = Http::reaching(&[&config.api_url])?;
    let client =
        Client::new(http, config.api_url.clone(), storage.clone(), telemetry.clone(), ServerClock::new(clock.clone()));
    let (changes, remote) = watch::channel(remote(config, &client)?);
    let (storage, clock, telemetry) = (storage.clone(), clock.clone(), telemetry.clone());
    let services = login::Services { storage, remote, clock, telemetry };
    Ok((Logins::new(&config.profiles, services), changes))
}

/// Withings as `config` says that it is reached, with what `client` shares.
pub(crate) fn remote(config: &Config, client: &Client) -> Result<Remote> {
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
    Ok(Remote { oauth: OAuth::new(&application, client.clone()), client })
}

/// The snapshot before anything was restored.
pub(crate) fn nothing_known(profiles: &[Arc<str>]) -> Snapshot {
    let empty = |profile: &Arc<str>| Arc::new(ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected));
    Snapshot { profiles: profiles.iter().map(empty).collect() }
}
