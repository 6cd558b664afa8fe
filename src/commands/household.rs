//! What the configuration decides while the exporter runs: the profiles, each with tasks of its own, and what they share.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use anyhow::Result;
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking};

use super::exporter::{remote, sessions};
use super::webhooks;
use crate::clock::Clock;
use crate::config::Config;
use crate::reading::Snapshot;
use crate::refresh::{self, Cadence, Refresher, Settings, Slots};
use crate::session::{Remote, Sessions};
use crate::storage::Storage;
use crate::subscription::{Subscriber, Wish};
use crate::telemetry::Telemetry;
use crate::web::{Addressee, Inbox};

/// The profiles that are configured, at work.
pub(super) struct Household {
    sessions: Sessions,
    services: Arc<refresh::Services>,
    remote: watch::Sender<Remote>,
    settings: watch::Sender<Settings>,
    wishes: watch::Sender<Option<Wish>>,
    inbox: watch::Sender<Option<Inbox>>,
    requests_per_minute: watch::Sender<NonZeroU32>,
    members: BTreeMap<Arc<str>, Member>,
}

/// A profile at work.
struct Member {
    addressee: Addressee,
    /// Its tasks end when this is dropped.
    end: watch::Sender<()>,
    tasks: JoinSet<()>,
}

/// Hears when a profile has something to show.
pub(super) type Settled = oneshot::Receiver<()>;

impl Household {
    /// Restores what was stored and begins to refresh. Blocks; must be called within a tokio runtime.
    pub(super) fn start(
        config: &Config,
        storage: &Storage,
        clock: &Clock,
        telemetry: &Telemetry,
    ) -> Result<(Self, Vec<Settled>)> {
        telemetry.config_loaded(clock.unix());
        let (sessions, remote) = sessions(config, storage, clock, telemetry)?;
        let (settings, set) = watch::channel(settings(config));
        let secret = webhooks::secret(config, storage)?;
        let services = refresh::Services {
            storage: storage.clone(),
            snapshots: watch::channel(Snapshot::default()).0,
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            settings: set,
            slots: Slots::new(),
            cadence: Cadence::new(telemetry.clone(), config.refresh_interval),
        };
        let mut household = Self {
            sessions,
            services: Arc::new(services),
            remote,
            settings,
            wishes: watch::channel(webhooks::wish(config, secret.as_ref())).0,
            inbox: watch::channel(None).0,
            requests_per_minute: watch::channel(config.requests_per_minute).0,
            members: BTreeMap::new(),
        };
        let restored = restored(&household.sessions, &config.profiles, &household.services);
        let settled = household.take_in(restored);
        household.inbox.send_replace(secret.map(|it| household.inbox_at(&it)));
        Ok((household, settled))
    }

    /// The logins of the profiles.
    pub(super) fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }

    /// What is shown of the profiles.
    pub(super) fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.services.snapshots.subscribe()
    }

    /// Where notifications arrive, if there shall be some.
    pub(super) fn inbox(&self) -> watch::Receiver<Option<Inbox>> {
        self.inbox.subscribe()
    }

    /// What all of it may ask of Withings in a minute.
    pub(super) fn requests_per_minute(&self) -> watch::Receiver<NonZeroU32> {
        self.requests_per_minute.subscribe()
    }

    /// Does as `config` says from now on, or goes on as before. Who stays in the configuration hears only of what concerns
    /// him; who leaves it is shown no more, and stays on the disk.
    pub(super) async fn reconfigure(&mut self, config: &Config) -> Result<()> {
        // First whatever can fail.
        let remote = remote(config, &self.remote.borrow().client, &self.services.clock)?;
        let (storage, wanted) = (self.services.storage.clone(), config.clone());
        let secret =
            spawn_blocking(move || webhooks::secret(&wanted, &storage)).await.expect("storage does not panic")?;
        self.requests_per_minute.send_replace(config.requests_per_minute);
        self.remote.send_replace(remote);
        self.part_with_others_than(&config.profiles).await;
        self.sessions.configure(&config.profiles).await;
        self.services.cadence.want(config.refresh_interval);
        self.settings.send_replace(settings(config));
        self.wishes.send_if_modified(|it| {
            let wish = webhooks::wish(config, secret.as_ref());
            let is_new = *it != wish;
            *it = wish;
            is_new
        });
        self.take_in_new(&config.profiles).await;
        self.services.snapshots.send_modify(|it| it.arrange(&config.profiles));
        self.inbox.send_replace(secret.map(|it| self.inbox_at(&it)));
        Ok(())
    }

    /// Ends all work and stores what is not stored yet.
    pub(super) async fn end(self) {
        join_all(self.members.into_values().map(Member::end)).await;
    }

    async fn part_with_others_than(&mut self, profiles: &[Arc<str>]) {
        let leaving: Vec<_> = self.members.extract_if(.., |profile, _| !profiles.contains(profile)).collect();
        let part = async |(profile, member): (Arc<str>, Member)| {
            member.end().await;
            if let Some(session) = self.sessions.get(&profile) {
                self.sessions.part(&session).await;
                session.settle().await;
            }
            self.services.telemetry.forget(&profile);
            tracing::info!(%profile, "no longer in the configuration; what is stored of it stays");
        };
        join_all(leaving.into_iter().map(part)).await;
    }

    async fn take_in_new(&mut self, profiles: &[Arc<str>]) {
        let new: Vec<_> = profiles.iter().filter(|it| !self.members.contains_key(*it)).cloned().collect();
        let (sessions, services) = (self.sessions.clone(), Arc::clone(&self.services));
        let restored = spawn_blocking(move || restored(&sessions, &new, &services)).await;
        // They have no say in whether the exporter is ready.
        drop(self.take_in(restored.expect("restoring readings does not panic")));
    }

    fn take_in(&mut self, restored: Vec<(Refresher, Settled)>) -> Vec<Settled> {
        let take_in = |(refresher, settled): (Refresher, Settled)| {
            let session = refresher.session().clone();
            let subscriber = Subscriber::new(session.clone(), self.wishes.subscribe());
            let addressee = Addressee::new(session.clone(), refresher.nudges(), subscriber.standing());
            self.members.insert(Arc::clone(session.profile()), Member::at_work(addressee, refresher, subscriber));
            settled
        };
        restored.into_iter().map(take_in).collect()
    }

    fn inbox_at(&self, secret: &SecretString) -> Inbox {
        let addressees = self.members.values().map(|it| it.addressee.clone()).collect();
        Inbox::new(secret, addressees, self.services.telemetry.clone(), self.services.clock.clone())
    }
}

impl Member {
    fn at_work(addressee: Addressee, refresher: Refresher, subscriber: Subscriber) -> Self {
        let (end, ended) = watch::channel(());
        let until_end = || {
            let mut ended = ended.clone();
            async move { while ended.changed().await.is_ok() {} }
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(refresher.run(until_end()));
        tasks.spawn(subscriber.run(until_end()));
        Self { addressee, end, tasks }
    }

    async fn end(self) {
        let Self { end, tasks, .. } = self;
        drop(end);
        tasks.join_all().await;
    }
}

/// The refreshers of `profiles`, with what was stored. Blocks.
fn restored(
    sessions: &Sessions,
    profiles: &[Arc<str>],
    services: &Arc<refresh::Services>,
) -> Vec<(Refresher, Settled)> {
    let sessions = profiles.iter().map(|it| sessions.get(it).expect("every configured profile has a session"));
    sessions.map(|it| Refresher::restore(it, Arc::clone(services))).collect()
}

fn settings(config: &Config) -> Settings {
    Settings { selection: config.measured(), interval: config.refresh_interval }
}
