//! The logins, as this process knows them: each file or row is read when it has changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::back_end::Mark;
use super::known_logins::{Changes, ConnectError, Forgotten, KnownLogin, KnownLogins, Refreshed};
use super::login::{Login, LoginInfo, NewConsent};
use super::{Storage, StorageError};

/// What this process knows of the logins.
#[derive(Debug)]
pub(super) struct LoginTable {
    inner: Mutex<Table>,
    /// Tells of each change.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Table {
    logins: Arc<KnownLogins>,
    /// How many consents this process has seen.
    consents: u64,
    /// Grows with each change by this process, so that what was read before a change is not believed after it.
    edition: u64,
    /// Up to where the changes of others are known.
    mark: Mark,
}

impl LoginTable {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::default(), changes: watch::channel(0).0 }
    }

    fn inner(&self) -> MutexGuard<'_, Table> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which login is stored of a profile now; `is_new_consent` where a person has just logged in.
    fn note(&self, profile: &str, login: Option<LoginInfo>, is_new_consent: bool) {
        let mut table = self.inner();
        table.note(profile, login, is_new_consent);
        table.edition += 1;
        drop(table);
        self.changes.send_modify(|edition| *edition += 1);
    }

    /// Takes what others have changed up to `mark`; returns false if this process has changed a login since it was `edition`:
    /// then what was read may be older than that.
    fn take(&self, changes: Vec<(Arc<str>, Option<LoginInfo>)>, mark: Mark, edition: u64) -> bool {
        let mut table = self.inner();
        if table.edition != edition {
            return false;
        }
        let before = Arc::clone(&table.logins);
        for (profile, login) in changes {
            table.note(&profile, login, false);
        }
        table.mark = mark;
        let is_new = table.logins != before;
        drop(table);
        if is_new {
            self.changes.send_modify(|edition| *edition += 1);
        }
        true
    }
}

impl Table {
    fn note(&mut self, profile: &str, login: Option<LoginInfo>, is_new_consent: bool) {
        let logins = Arc::make_mut(&mut self.logins);
        let Some(login) = login else {
            logins.remove(profile);
            return;
        };
        let same = logins.get(profile).filter(|known| !is_new_consent && known.login.consent() == login.consent());
        let consent = same.map_or_else(
            || {
                self.consents += 1;
                self.consents
            },
            |known| known.consent,
        );
        logins.insert(profile.into(), KnownLogin { login, consent });
    }
}

impl Storage {
    /// Every login, also of profiles that are no longer configured, as it was last read or written.
    #[must_use]
    pub fn logins(&self) -> Arc<KnownLogins> {
        Arc::clone(&self.0.logins.inner().logins)
    }

    /// A receiver that is told of each change of [`Storage::logins`].
    #[must_use]
    pub fn login_changes(&self) -> watch::Receiver<u64> {
        self.0.logins.changes.subscribe()
    }

    /// Takes the changes that other processes made, and gives the profiles that other hosts have refreshed.
    pub async fn changes(&self) -> Result<Refreshed, StorageError> {
        let (edition, mark) = {
            let table = self.0.logins.inner();
            (table.edition, table.mark.clone())
        };
        let Some((changes, mark)) = self.0.back_end.changes(mark, self.logins()).await? else {
            return Ok(Refreshed::default());
        };
        let Changes { logins, work, readings } = changes;
        let gone: Vec<_> =
            logins.iter().filter(|(_, login)| login.is_none()).map(|(name, _)| Arc::clone(name)).collect();
        if !self.0.logins.take(logins, mark, edition) {
            return Ok(Refreshed::default());
        }
        if self.is_of_many_hosts() {
            self.0.telemetry.feed_followed();
        }
        for profile in gone {
            self.unsaved().forget(&profile);
            self.0.back_end.drop_waiting(&profile);
        }
        let is_other = |profile: &Arc<str>| !readings.contains(profile);
        let plans = work.iter().map(|(profile, _)| Arc::clone(profile)).filter(is_other).collect();
        for (profile, work) in work {
            self.0.queue.take(&profile, work);
        }
        Ok(Refreshed { readings, plans })
    }

    /// The login of `profile` as it is stored now; `None` if there is none.
    pub async fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        let edition = self.0.logins.inner().edition;
        let login = self.0.back_end.login(profile).await?;
        let info = login.as_ref().map(LoginInfo::from);
        let is_known = {
            let table = self.0.logins.inner();
            // A change that this process made meanwhile is newer than what was read.
            table.edition != edition || table.logins.get(profile).map(|known| &known.login) == info.as_ref()
        };
        if !is_known {
            self.0.logins.note(profile, info, false);
        }
        Ok(login)
    }

    /// Stores the login of a new consent and gives the login of another person that was there before. Refused if the person
    /// belongs to another of the `configured` profiles, or if the profile belongs to another person and `may_replace` is
    /// false. The readings of a former person are deleted before the new login is stored: a crash in between must not show
    /// them under the new person.
    pub async fn connect(
        &self,
        consent: NewConsent,
        configured: &[Arc<str>],
        may_replace: bool,
    ) -> Result<Option<Login>, ConnectError> {
        let profile = Arc::clone(&consent.profile);
        let others = configured.iter().filter(|other| **other != profile).cloned().collect();
        let (login, former) = self.0.back_end.connect(consent, others, may_replace).await?;
        let mut unsaved = self.unsaved();
        unsaved.pairs.remove(&profile);
        if former.is_some() {
            unsaved.forget(&profile);
        }
        drop(unsaved);
        self.0.queue.end_claim(&profile);
        self.0.logins.note(&profile, Some(LoginInfo::from(&login)), true);
        Ok(former)
    }

    /// Deletes everything that is stored of the profile.
    pub async fn forget(&self, profile: &str) -> Result<Forgotten, StorageError> {
        let forgotten = self.0.back_end.forget(profile).await?;
        self.unsaved().forget(profile);
        self.0.queue.forget(profile);
        self.0.logins.note(profile, None, false);
        Ok(forgotten)
    }

    /// Drops the previous refresh token of this version of the login: the access token was used, so it is dead now.
    pub async fn prove(&self, profile: &str, version: u64) -> Result<(), StorageError> {
        self.0.back_end.prove(profile, version).await
    }

    /// Notes a login that was stored by a rotation.
    pub(super) fn note_rotated(&self, login: &Login) {
        self.0.logins.note(&login.profile, Some(LoginInfo::from(login)), false);
    }
}
