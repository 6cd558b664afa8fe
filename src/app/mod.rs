//! The composition root: what the parts are made of, and how they start, reload and end together.

mod listen;
mod profiles;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use crate::clock::{Clock, ServerClock};
use crate::config::{Config, format_duration};
use crate::exposition::{Exposition, SelfMetrics};
use crate::http::{Http, is_loopback};
use crate::login::{self, Logins, Remote};
use crate::process::most_open_files;
use crate::reading::{Attempt, ProfileSnapshot, Sleep, Snapshot};
use crate::refresh::polling_per_minute;
use crate::storage::Storage;
use crate::telemetry::Telemetry;
use crate::web::{
    self, AllowedHost, App, Connections, ExporterPages, Hosts, Reloads, Scrapes, Security, ServerLimits, VisitorCookie,
};
use crate::webhooks::BedNotification;
use crate::withings::client::Client;
use crate::withings::oauth::{Application, OAuth};
use profiles::Profiles;
pub use reload::ReadConfig;
use reload::ReloadTask;

/// How long after the start the exporter calls itself ready, whatever Withings does.
const READY_AFTER: Duration = Duration::from_secs(30);

/// How long an end waits for answers to requests that are under way.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long an end waits for a token rotation under way. Withings keeps the former token alive until the new one is used.
const SETTLE_WITHIN: Duration = Duration::from_secs(8);

/// How long an end waits for the plans to be stored.
const STORED_WITHIN: Duration = Duration::from_secs(1);

/// An exporter that does not serve yet.
pub struct Exporter {
    app: App,
    ready: watch::Sender<bool>,
    profiles: Arc<Profiles>,
    bed_notifications: mpsc::Receiver<BedNotification>,
    reload_task: Option<ReloadTask>,
}

/// What an exporter is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// How the configuration is read again at a reload; `None`: it cannot be.
    pub reread: Option<ReadConfig>,
    /// The storage of what survives a restart.
    pub storage: Storage,
    /// The exporter's own metrics.
    pub telemetry: Telemetry,
    /// The present time.
    pub clock: Clock,
    /// The path of the metrics.
    pub telemetry_path: String,
    /// TLS, passwords and client certificates of the web server.
    pub security: Security,
    /// The further names that the server answers to where it needs no password.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The most scrapes at the same time; 0 is no limit.
    pub max_requests: usize,
    /// Whether the exporter's own metrics are shown.
    pub self_metrics: SelfMetrics,
    /// The runtime whose blocking threads render the pages.
    pub rendering: Handle,
}

impl Exporter {
    /// Puts the parts together and shows what is stored.
    pub async fn assemble(parts: Parts) -> Result<Self> {
        let Parts { config, reread, storage, telemetry, clock, telemetry_path, security, .. } = parts;
        let (profiles, bed_notifications) = Profiles::restore(&config, storage, &clock, &telemetry).await?;
        let (ready, is_ready) = watch::channel(false);
        let (reloads, asked) = Reloads::channel();
        let pages = ExporterPages {
            telemetry_path: telemetry_path.into(),
            exposition: Exposition::new(
                profiles.snapshots.subscribe(),
                telemetry.clone(),
                profiles.logins.server_clock(),
                parts.self_metrics,
                parts.rendering,
            ),
            scrapes: Scrapes::at_most(parts.max_requests),
            visitor: VisitorCookie::of(profiles.storage()).await,
            snapshots: profiles.snapshots.subscribe(),
            inbox: profiles.inbox.clone(),
            subscriptions: profiles.subscriptions.clone(),
            reloads: reread.is_some().then_some(reloads),
            ready: is_ready,
            clock: clock.clone(),
        };
        let app = App {
            security,
            hosts: Hosts::new(parts.allowed_hosts),
            connections: Connections::of_process_with(most_open_files()),
            logins: profiles.logins.clone(),
            exporter: Some(pages),
        };
        let reload_task = reread.map(|read| ReloadTask { read, asked, telemetry, clock });
        Ok(Self { app, ready, profiles: Arc::new(profiles), bed_notifications, reload_task })
    }

    /// A receiver of what is shown of the profiles, now and whenever it changes.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.profiles.snapshots.subscribe()
    }

    /// The logins of the profiles.
    #[must_use]
    pub fn logins(&self) -> Logins {
        self.app.logins.clone()
    }

    /// The handle that asks for a reload; `None` if the configuration cannot be read again.
    #[must_use]
    pub fn reloads(&self) -> Option<Reloads> {
        self.app.exporter.as_ref()?.reloads.clone()
    }

    /// Serves and refreshes until `shutdown`, then lets answers finish and stores what is not stored yet: within 10 s,
    /// whatever Withings, the budget, a pause or a disk does.
    pub async fn run(self, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()>) {
        let Self { app, ready, profiles, bed_notifications, reload_task } = self;
        let (end, ended) = watch::channel(false);
        let until_end = || {
            let mut ended = ended.clone();
            async move { drop(ended.wait_for(|has_ended| *has_ended).await) }
        };
        let mut answering = JoinSet::new();
        for listener in listeners {
            answering.spawn(web::serve(listener, app.clone(), ServerLimits::default(), until_end()));
        }
        answering.spawn(app.security.clone().keep_current(until_end()));
        let mut working = JoinSet::new();
        working.spawn(profiles.clone().refresh());
        listen::spawn(&mut working, &profiles, bed_notifications, reload_task);
        tokio::spawn(become_ready(profiles.snapshots.subscribe(), ready));
        shutdown.await;
        tracing::info!("ending: answers under way are finished");
        end.send_replace(true);
        // The workers are ended wherever they wait, which may be for long; each call that was whole is stored already.
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

/// Stores what is not stored yet, as far as that works in time: first the tokens, which cannot be asked for again.
pub(crate) async fn settle(storage: &Storage) {
    if !storage.settle(SETTLE_WITHIN).await {
        tracing::warn!(
            "not everything could be stored; a login that was just refreshed may have to be connected again"
        );
    }
    drop(timeout(STORED_WITHIN, storage.end_in_order()).await);
}

/// Becomes ready when every connected profile was restored or tried once, at the latest after [`READY_AFTER`].
async fn become_ready(mut snapshots: watch::Receiver<Snapshot>, ready: watch::Sender<bool>) {
    let is_settled = |profile: &Arc<ProfileSnapshot>| {
        let is_tried = profile.calls.values().any(|call| call.latest != Attempt::None);
        profile.login.is_none() || is_tried || !profile.readings.is_empty()
    };
    drop(timeout(READY_AFTER, snapshots.wait_for(|all| all.profiles().all(is_settled))).await);
    ready.send_replace(true);
}

/// The logins of all configured profiles, and the sender that tells them of another address or secret after a reload.
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
    let services = login::LoginServices { storage, remote, clock, telemetry };
    Ok((Logins::new(&config.profiles, services), changes))
}

/// Withings as `config` says that it is reached, with the budget and the clock of `client`.
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

/// What a good configuration had better say otherwise, in sentences for its user.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let urls = [("api_url", &config.api_url), ("account_url", &config.account_url)];
    let is_open = |url: &Url| url.scheme() == "http" && !is_loopback(url);
    let unencrypted = urls.into_iter().filter(|(_, url)| is_open(url)).map(|(key, _)| {
        format!(
            "`{key}` is `http://` to another host: whoever reads the network between has the logins; use `https://`"
        )
    });
    config.warnings.iter().cloned().chain(unencrypted).chain(too_few_requests(config)).collect()
}

/// What to do where the budget does not carry the profiles.
fn too_few_requests(config: &Config) -> Option<String> {
    let (profiles, interval, budget) =
        (config.profiles.len(), config.refresh_interval, config.requests_per_minute.get());
    let needed = polling_per_minute(profiles, &config.measured(), interval);
    // One request of each minute is left to logins.
    let is_carried = needed <= f64::from(budget.max(2) - 1);
    (!is_carried).then(|| {
        format!(
            "{profiles} profiles with a `refresh_interval` of {} need about {} requests a minute, and `requests_per_minute` is \
             {budget}: everybody is refreshed less often. Use webhooks with `refresh_interval: 12h`, or a longer interval, or more \
             requests (Withings allows 120)",
            format_duration(interval),
            needed.ceil(),
        )
    })
}

/// The snapshot before anything was restored.
fn nothing_known(profiles: &[Arc<str>]) -> Snapshot {
    profiles.iter().map(|profile| ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected)).collect()
}
