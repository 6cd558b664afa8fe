//! The configured profiles while the exporter runs: what a start, a reload and a changed login do to them, and what they share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{logins, nothing_known, remote, warnings};
use crate::clock::Clock;
use crate::config::Config;
use crate::login::{Logins, People, Remote};
use crate::reading::Snapshot;
use crate::refresh::{self, Occasion, Refresher, Settings};
use crate::storage::{Refreshed, Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::webhooks::{BedNotification, DesiredSubscriptions, Inbox, Subscriptions};
use crate::withings::oauth::random_token;

/// How long a reload waits for what is stored, so that it is answered within 5 s. What is not read by then is read afterwards.
const RELOAD_READS_WITHIN: Duration = Duration::from_secs(2);

/// The configured profiles, and what they share.
pub(super) struct Profiles {
    pub(super) logins: Logins,
    refresher: Refresher,
    pub(super) subscriptions: Subscriptions,
    pub(super) inbox: Inbox,
    pub(super) snapshots: watch::Sender<Snapshot>,
    remote: watch::Sender<Remote>,
    settings: watch::Sender<Settings>,
    desired: watch::Sender<Option<DesiredSubscriptions>>,
    pub(super) telemetry: Telemetry,
    /// The configuration's warnings that were logged: a reload repeats none.
    warned: Mutex<Vec<String>>,
    /// The host's clock.
    pub(super) clock: Clock,
    /// The persons when changed logins were last followed.
    followed: Mutex<Arc<People>>,
    /// Whether it is not known whose subscriptions are to end, for storage has not answered.
    is_unplanned: AtomicBool,
}

impl Profiles {
    /// Shows what is stored of the profiles of `config`, and plans their calls. Gives the receiver for events of beds as well.
    pub(super) async fn restore(
        config: &Config,
        storage: Storage,
        clock: &Clock,
        telemetry: &Telemetry,
    ) -> Result<(Self, mpsc::Receiver<BedNotification>)> {
        telemetry.config_loaded(clock.unix());
        telemetry.refresh_interval(config.refresh_interval);
        if let Err(error) = storage.changes().await {
            tracing::error!(error = error.with_cause(), "the logins cannot be read; it is tried again");
        }
        let (logins, remote) = logins(config, &storage, clock, telemetry)?;
        let (settings, set) = watch::channel(settings(config));
        let secret = secret(config, &storage).await?;
        let (desired, is_desired) =
            watch::channel(secret.as_ref().map(|secret| DesiredSubscriptions::of(config, secret)));
        let subscriptions = Subscriptions::new(logins.clone(), is_desired);
        let (inbox, bed_notifications) = Inbox::new(logins.clone(), telemetry.clone(), clock.clone());
        inbox.open_at(secret.as_ref());
        let snapshots = watch::channel(nothing_known(&config.profiles)).0;
        let refresher = Refresher::new(refresh::RefreshServices {
            logins: logins.clone(),
            snapshots: snapshots.clone(),
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            settings: set,
            subscriptions: subscriptions.clone(),
        });
        let profiles = Self {
            followed: Mutex::new(logins.people()),
            is_unplanned: AtomicBool::new(false),
            warned: Mutex::default(),
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
        profiles.warn_of(config);
        profiles.show(&config.profiles).await;
        Ok((profiles, bed_notifications))
    }

    /// Shows what is stored of these profiles, and plans their calls.
    async fn show(&self, profiles: &[Arc<str>]) {
        for profile in profiles {
            self.telemetry.expect_profile(profile);
        }
        let restored = self.refresher.restore(profiles).await;
        // What the first look has found counts as taken in at the second one: only then plans may be stored over it.
        let refreshed = self.storage().changes().await.unwrap_or_default();
        self.plan(&Occasion::Start(restored)).await;
        self.show_refreshed(&refreshed).await;
    }

    /// Plans the calls of all profiles. What storage does not tell is planned later.
    async fn plan(&self, occasion: &Occasion) {
        let planned = self.refresher.plan(occasion).await;
        let was_unplanned = self.is_unplanned.swap(planned.is_err(), Ordering::Relaxed);
        if let Err(error) = planned
            && !was_unplanned
        {
            let error = error.with_cause();
            tracing::error!(error, "it is not known whose subscriptions are to end; it is tried again");
        }
    }

    /// Plans what storage did not tell before. What is planned stays as it is: nothing was mended by that.
    pub(super) async fn plan_again(&self) {
        if self.is_unplanned.load(Ordering::Relaxed) {
            self.plan(&Occasion::Logins(BTreeMap::new())).await;
        }
    }

    /// Refreshes the profiles that are due, without end.
    pub(super) async fn refresh(self: Arc<Self>) {
        self.refresher.run().await;
    }

    /// Takes a new configuration, or fails and changes nothing. A profile that leaves the configuration is not shown any more,
    /// and stays stored.
    pub(super) async fn reconfigure(&self, config: &Config) -> Result<()> {
        // First what can fail, so that nothing was changed then.
        let remote = remote(config, &self.remote.borrow().client)?;
        let secret = secret(config, self.storage()).await?;
        self.storage().set_rate(config.requests_per_minute.get());
        self.remote.send_replace(remote);
        let before = self.logins.configured();
        self.logins.configure(&config.profiles);
        self.logins.try_again();
        self.telemetry.refresh_interval(config.refresh_interval);
        self.warn_of(config);
        let settings = settings(config);
        let former = self.settings.send_replace(settings.clone());
        self.desired.send_replace(secret.as_ref().map(|secret| DesiredSubscriptions::of(config, secret)));
        self.inbox.open_at(secret.as_ref());
        self.forget_removed(&before, &config.profiles);
        let is_new = |profile: &Arc<str>| !before.contains(profile);
        let changed =
            config.profiles.iter().filter(|profile| is_new(profile) || former.selection != settings.selection);
        let changed: Vec<_> = changed.cloned().collect();
        self.show_changed(&changed, &config.profiles).await;
        self.follow_logins().await;
        self.plan(&Occasion::Reload { interval: former.interval }).await;
        Ok(())
    }

    /// Shows what is selected of the `changed` ones of these `profiles`: at once what is left of the values that are shown, and
    /// then what is stored.
    async fn show_changed(&self, changed: &[Arc<str>], profiles: &[Arc<str>]) {
        for profile in changed {
            self.telemetry.expect_profile(profile);
            self.refresher.show_selected(profile);
        }
        self.snapshots.send_modify(|all| all.arrange(profiles));
        self.refresher.note_unread(changed);
        drop(timeout(RELOAD_READS_WITHIN, self.refresher.restore(changed)).await);
        let unread = self.refresher.unread().len();
        if unread > 0 {
            tracing::warn!(profiles = unread, "what is stored could not all be read yet; it is tried again");
        }
    }

    /// Logs what the configuration warns of, unless the former one did.
    fn warn_of(&self, config: &Config) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let warnings = warnings(config);
        warnings.iter().filter(|warning| !warned.contains(warning)).for_each(|warning| tracing::warn!("{warning}"));
        *warned = warnings;
    }

    /// Forgets what was counted of the profiles that have left the configuration.
    fn forget_removed(&self, before: &[Arc<str>], profiles: &[Arc<str>]) {
        for profile in before.iter().filter(|profile| !profiles.contains(profile)) {
            self.telemetry.forget(profile);
            tracing::info!(%profile, "no longer in the configuration; what is stored of it stays");
        }
    }

    /// Shows and plans the profiles whose logins have changed since the last time, in this process or another one. What was
    /// shown of a former person is hidden first, before any wait.
    pub(super) async fn follow_logins(&self) {
        let people = self.logins.people();
        let before =
            std::mem::replace(&mut *self.followed.lock().unwrap_or_else(PoisonError::into_inner), Arc::clone(&people));
        let (mut new, mut gone) = (BTreeMap::new(), Vec::new());
        let mut has_changed = false;
        for profile in self.logins.configured().iter() {
            let consent =
                |people: &People| people.get(profile).map(|person| (person.known.consent, person.duplicate_of.clone()));
            let (is, was) = (consent(&people), consent(&before));
            if is == was {
                continue;
            }
            has_changed = true;
            match is {
                None => gone.push(Arc::clone(profile)),
                Some((_, Some(other))) => self.refresher.show_duplicate(profile, other),
                Some((_, None)) => {
                    let person =
                        |people: &People| people.get(profile).map(|person| Arc::clone(&person.known.login.user_id));
                    let is_of_another = person(&before).is_some_and(|former| Some(former) != person(&people));
                    if is_of_another {
                        self.refresher.show_nobody(profile, None);
                    }
                    new.insert(Arc::clone(profile), is_of_another);
                }
            }
        }
        if has_changed {
            for profile in &gone {
                self.refresher.show_nobody(profile, None);
            }
            self.plan(&Occasion::Logins(new)).await;
        }
        self.refresher.show_stored(gone).await;
    }

    /// Stores an event of the bed and shows what is known after it.
    pub(super) async fn note_bed_event(&self, notification: BedNotification) {
        let BedNotification { profile, user_id, event } = notification;
        let in_bed = self.storage().note_event(&profile, &user_id, event).await;
        self.refresher.publish_in_bed(&profile, &user_id, &in_bed);
    }

    /// Shows what other hosts have found for the profiles, and what could not be read before.
    pub(super) async fn show_refreshed(&self, refreshed: &Refreshed) {
        let mut readings = self.refresher.unread();
        readings.extend(refreshed.readings.iter().cloned());
        self.refresher.show_stored(readings).await;
        self.refresher.show_plans(&refreshed.plans);
    }

    /// Makes all profiles due: the wall clock has run away from the monotonic one, and the plans wait by that.
    pub(super) fn make_all_due(&self) {
        self.storage().make_all_due(self.settings.borrow().interval);
    }

    /// Records how long the most overdue call has been due.
    pub(super) fn record_lag(&self) {
        self.telemetry.refresh_lag(self.storage().lag());
    }

    pub(super) fn storage(&self) -> &Storage {
        self.logins.storage()
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
