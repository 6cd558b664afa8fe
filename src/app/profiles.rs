//! What the configuration decides while the exporter runs: who is configured, and what the profiles share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};

use super::{logins, nothing_known, remote};
use crate::clock::Clock;
use crate::config::Config;
use crate::login::{Logins, People, Remote};
use crate::reading::Snapshot;
use crate::refresh::{self, Occasion, Refresher, Settings};
use crate::storage::{Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::webhooks::{BedNews, DesiredSubscriptions, Inbox, Subscriptions};
use crate::withings::oauth::random_token;

/// How many profiles are restored at a time.
const AT_ONCE: usize = 8;

/// The profiles that are configured.
pub(super) struct Profiles {
    logins: Logins,
    refresher: Refresher,
    subscriptions: Subscriptions,
    inbox: Inbox,
    snapshots: watch::Sender<Snapshot>,
    remote: watch::Sender<Remote>,
    settings: watch::Sender<Settings>,
    desired: watch::Sender<Option<DesiredSubscriptions>>,
    telemetry: Telemetry,
    clock: Clock,
    /// The persons whose logins were followed last.
    followed: Mutex<Arc<People>>,
}

impl Profiles {
    /// Shows what is stored of the profiles of `config`, and plans their calls. With it comes where events of beds arrive.
    pub(super) async fn restore(
        config: &Config,
        storage: Storage,
        clock: &Clock,
        telemetry: &Telemetry,
    ) -> Result<(Self, mpsc::Receiver<BedNews>)> {
        telemetry.config_loaded(clock.unix());
        telemetry.refresh_interval(config.refresh_interval);
        if let Err(error) = storage.changes().await {
            tracing::error!(error = error.with_cause(), "the logins cannot be read; it is tried again");
        }
        let (logins, remote) = logins(config, &storage, clock, telemetry)?;
        let (settings, set) = watch::channel(settings(config));
        let secret = secret(config, &storage).await?;
        let (desired, is_desired) = watch::channel(secret.as_ref().map(|it| DesiredSubscriptions::of(config, it)));
        let subscriptions = Subscriptions::new(logins.clone(), is_desired);
        let (inbox, bed_news) = Inbox::new(logins.clone(), telemetry.clone(), clock.clone());
        inbox.open_at(secret.as_ref());
        let snapshots = watch::channel(nothing_known(&config.profiles)).0;
        let refresher = Refresher::new(refresh::Services {
            logins: logins.clone(),
            snapshots: snapshots.clone(),
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            settings: set,
            subscriptions: subscriptions.clone(),
        });
        let profiles = Self {
            followed: Mutex::new(logins.people()),
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            logins,
            refresher,
            subscriptions,
            inbox,
            snapshots,
            remote,
            settings,
            desired,
        };
        profiles.show(&config.profiles).await;
        Ok((profiles, bed_news))
    }

    /// Shows what is stored of these profiles, and plans their calls.
    async fn show(&self, profiles: &[Arc<str>]) {
        let mut restored = BTreeMap::new();
        for some in profiles.chunks(AT_ONCE) {
            let restore = async |profile: &Arc<str>| {
                self.telemetry.expect_profile(profile);
                (Arc::clone(profile), self.refresher.restore(profile).await)
            };
            restored.extend(join_all(some.iter().map(restore)).await);
        }
        self.refresher.plan(&Occasion::Start(restored)).await;
    }

    /// Refreshes whoever is due, for ever.
    pub(super) async fn refresh(self: Arc<Self>) {
        self.refresher.run().await;
    }

    /// Does as `config` says from now on, or goes on as before. Who leaves the configuration is shown no more, and stays
    /// stored.
    pub(super) async fn reconfigure(&self, config: &Config) -> Result<()> {
        // First whatever can fail.
        let remote = remote(config, &self.remote.borrow().client)?;
        let secret = secret(config, self.storage()).await?;
        self.storage().set_rate(config.requests_per_minute.get());
        self.remote.send_replace(remote);
        let before = self.logins.configured();
        self.logins.configure(&config.profiles);
        self.logins.try_again();
        self.telemetry.refresh_interval(config.refresh_interval);
        let settings = settings(config);
        let former = self.settings.send_replace(settings.clone());
        let desired = secret.as_ref().map(|it| DesiredSubscriptions::of(config, it));
        let subscriptions = self.desired.send_if_modified(|it| {
            let is_new = *it != desired;
            *it = desired;
            is_new
        });
        self.inbox.open_at(secret.as_ref());
        self.part_with(&before, &config.profiles);
        for profile in &config.profiles {
            let is_new = !before.contains(profile);
            if is_new {
                self.telemetry.expect_profile(profile);
            }
            if is_new || former.selection != settings.selection {
                self.refresher.restore(profile).await;
            }
        }
        self.snapshots.send_modify(|it| it.arrange(&config.profiles));
        self.follow_logins().await;
        self.refresher.plan(&Occasion::Reload { interval: former.interval, subscriptions }).await;
        Ok(())
    }

    fn part_with(&self, before: &[Arc<str>], profiles: &[Arc<str>]) {
        for profile in before.iter().filter(|it| !profiles.contains(it)) {
            self.telemetry.forget(profile);
            tracing::info!(%profile, "no longer in the configuration; what is stored of it stays");
        }
    }

    /// Does what logins ask for that have changed since the last time, in this process or another one.
    pub(super) async fn follow_logins(&self) {
        let people = self.logins.people();
        let before =
            std::mem::replace(&mut *self.followed.lock().unwrap_or_else(PoisonError::into_inner), Arc::clone(&people));
        let (mut new, mut gone) = (BTreeMap::new(), Vec::new());
        let mut has_changed = false;
        for profile in self.logins.configured().iter() {
            let consent = |people: &People| people.get(profile).map(|it| (it.known.consent, it.duplicate_of.clone()));
            let (is, was) = (consent(&people), consent(&before));
            if is == was {
                continue;
            }
            has_changed = true;
            match is {
                None => gone.push(Arc::clone(profile)),
                Some((_, Some(other))) => self.refresher.show_duplicate(profile, other),
                Some((_, None)) => {
                    let person = |people: &People| people.get(profile).map(|it| Arc::clone(&it.known.login.user_id));
                    let is_of_another = person(&before).is_some_and(|it| Some(it) != person(&people));
                    if is_of_another {
                        self.refresher.show_nobody(profile);
                    }
                    new.insert(Arc::clone(profile), is_of_another);
                }
            }
        }
        if has_changed {
            for profile in &gone {
                self.refresher.show_nobody(profile);
            }
            self.refresher.plan(&Occasion::Logins(new)).await;
        }
        for profile in &gone {
            self.refresher.show_without_login(profile).await;
        }
    }

    /// Shows what happened in bed, and stores it.
    pub(super) async fn note_bed_news(&self, news: BedNews) {
        let BedNews { profile, user_id, event } = news;
        let in_bed = self.storage().note_event(&profile, &user_id, event).await;
        self.refresher.publish_in_bed(&profile, &user_id, &in_bed);
    }

    /// Makes everybody due: the wall clock has run away from the monotonic one.
    pub(super) fn hurry(&self) {
        self.storage().hurry(self.settings.borrow().interval);
    }

    /// Tells how long the most overdue call has been due.
    pub(super) fn tell_lag(&self) {
        self.telemetry.refresh_lag(self.storage().lag());
    }

    pub(super) fn storage(&self) -> &Storage {
        self.logins.storage()
    }

    /// The host's clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The logins of the profiles.
    pub(super) fn logins(&self) -> Logins {
        self.logins.clone()
    }

    /// What is shown of the profiles.
    pub(super) fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.subscribe()
    }

    /// Where notifications arrive.
    pub(super) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// How the subscriptions are.
    pub(super) fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.clone()
    }
}

/// The secret part of the address that Withings calls, if it shall call.
async fn secret(config: &Config, storage: &Storage) -> Result<Option<SecretString>, StorageError> {
    if !config.webhooks {
        return Ok(None);
    }
    storage.installation_secret("webhook", random_token).await.map(Some)
}

fn settings(config: &Config) -> Settings {
    Settings { selection: config.measured(), interval: config.refresh_interval, webhooks: config.webhooks }
}
