//! Logins in files: the only ways to change them, and what this process knows of them.
//!
//! Whoever changes a login file holds the lock of all of them for as long as that takes, and never while somebody is asked.
//! The lease of a rotation is a lock of its own, for one profile, which `connect` and `forget` do not wait for: they change
//! the version, and what the rotation brings is then refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::checkpoint;
use super::login::{Login, LoginInfo, NewConsent};
use super::{Storage, StorageError, atomic, files, json_file, login_states, plans_file};

/// How often the files are compared though their directory looks untouched: its time may be coarse.
const COMPARE_EVERY: Duration = Duration::from_mins(1);

/// A login as this process knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What may be known of it.
    pub login: LoginInfo,
    /// Tells one consent from any other that this process has seen.
    pub consent: u64,
}

/// Everybody's login, by profile.
pub type KnownLogins = BTreeMap<Arc<str>, Known>;

/// A new consent was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The person is another configured profile's.
    #[error("this is the person of {0}")]
    Taken(Arc<str>),
    /// The profile has been somebody else's, and nobody has said that it may be replaced.
    #[error("the profile has been another person's")]
    AnotherPerson,
    /// It could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A new consent that was stored.
#[derive(Debug)]
pub struct Connected {
    /// The login of another person that was there before.
    pub former: Option<Login>,
}

/// What was deleted.
#[derive(Debug)]
pub struct Forgotten {
    /// The login, if there was one that could be read.
    pub login: Option<Login>,
    /// How many files there were.
    pub files: usize,
}

/// What this process knows of the logins.
#[derive(Debug)]
pub(in crate::storage) struct LoginTable {
    inner: Mutex<Table>,
    /// Tells that something has changed.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Table {
    logins: Arc<KnownLogins>,
    consents: u64,
    /// Grows with each change, so that what was read before one is not taken for what is true after it.
    edition: u64,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// Of the directory, when its files were last compared.
    seen: Option<Stamp>,
    /// The same once it was seen twice: what is written within one tick of the disk's clock has one stamp.
    directory: Option<Stamp>,
    compared_at: Option<Instant>,
}

/// A version of a file: it is replaced whole, so each has an inode or a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, StorageError> {
        let metadata = fs::metadata(path).map_err(StorageError::new("read", path))?;
        Ok(Self { inode: metadata.ino(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}

impl LoginTable {
    pub(in crate::storage) fn new() -> Self {
        Self { inner: Mutex::default(), changes: watch::channel(0).0 }
    }

    fn inner(&self) -> MutexGuard<'_, Table> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is stored of a profile now; `is_new_consent` where somebody has logged in.
    fn note(&self, profile: &str, login: Option<LoginInfo>, is_new_consent: bool) {
        let mut table = self.inner();
        table.note(profile, login, is_new_consent);
        table.edition += 1;
        drop(table);
        self.changes.send_modify(|edition| *edition += 1);
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
        logins.insert(profile.into(), Known { login, consent });
    }
}

/// What was found in the directory of the logins.
struct Found {
    directory: Option<Stamp>,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// The files that are new or have changed, with what is in them.
    changed: Vec<(PathBuf, Option<Login>)>,
}

impl Storage {
    /// Every login, also of profiles that are no longer configured, as it was last read or written.
    #[must_use]
    pub fn logins(&self) -> Arc<KnownLogins> {
        Arc::clone(&self.0.logins.inner().logins)
    }

    /// Hears of each change of [`Storage::logins`].
    #[must_use]
    pub fn login_changes(&self) -> watch::Receiver<u64> {
        self.0.logins.changes.subscribe()
    }

    /// Looks what other processes have done to the logins: one look at the directory, and at its files where that has
    /// changed, and once a minute.
    pub async fn changes(&self) -> Result<(), StorageError> {
        let (edition, directory, stamps) = {
            let table = self.0.logins.inner();
            let is_late = table.compared_at.is_none_or(|at| at.elapsed() >= COMPARE_EVERY);
            let directory = if is_late { None } else { table.directory };
            (table.edition, directory, table.stamps.clone())
        };
        let root = self.0.root.clone();
        let found = self.0.disk.read(move || compare(&root.join("logins"), directory, &stamps)).await?;
        if let Some(found) = found {
            self.take(found, edition);
        }
        Ok(())
    }

    fn take(&self, found: Found, edition: u64) {
        let mut table = self.0.logins.inner();
        if table.edition != edition {
            // This process has changed a login meanwhile: what was read may be older.
            return;
        }
        let before = Arc::clone(&table.logins);
        let gone: Vec<_> =
            before.keys().filter(|it| !found.stamps.contains_key(&self.path("logins", it, "json"))).collect();
        for profile in gone {
            table.note(profile, None, false);
        }
        for (path, login) in found.changed {
            let login = login.filter(|login| self.path("logins", &login.profile, "json") == path);
            if let Some(login) = login {
                table.note(&login.profile, Some(LoginInfo::from(&login)), false);
            }
        }
        table.directory = found.directory.filter(|stamp| table.seen == Some(*stamp));
        (table.stamps, table.seen, table.compared_at) = (found.stamps, found.directory, Some(Instant::now()));
        let is_new = table.logins != before;
        drop(table);
        if is_new {
            self.0.logins.changes.send_modify(|edition| *edition += 1);
        }
    }

    /// The login of `profile` as it is stored now; `None` if there is none.
    pub async fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        let edition = self.0.logins.inner().edition;
        let path = self.path("logins", profile, "json");
        let login: Option<Login> = self.0.disk.read(move || json_file::load(&path)).await?;
        let info = login.as_ref().map(LoginInfo::from);
        let is_known = {
            let table = self.0.logins.inner();
            // What was changed meanwhile is newer than what was read.
            table.edition != edition || table.logins.get(profile).map(|known| &known.login) == info.as_ref()
        };
        if !is_known {
            self.0.logins.note(profile, info, false);
        }
        Ok(login)
    }

    /// Stores the login of a new consent, unless the person is the one of another of the `configured` profiles, or of another
    /// person than before, who may be replaced only if `may_replace`. What is stored of a former person is deleted first.
    pub async fn connect(
        &self,
        consent: NewConsent,
        configured: &[Arc<str>],
        may_replace: bool,
    ) -> Result<Connected, ConnectError> {
        let (storage, profile) = (self.clone(), Arc::clone(&consent.profile));
        let others: Vec<_> = configured.iter().filter(|other| **other != profile).cloned().collect();
        let stored = self.0.disk.write(move || {
            let _lock = storage.lock_logins()?;
            Ok(storage.connect_locked(&consent, &others, may_replace))
        });
        let (login, former) = stored.await??;
        self.unsaved().pairs.remove(&profile);
        self.0.queue.end_claim(&profile);
        self.0.logins.note(&profile, Some(LoginInfo::from(&login)), true);
        Ok(Connected { former })
    }

    fn connect_locked(
        &self,
        consent: &NewConsent,
        others: &[Arc<str>],
        may_replace: bool,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        let NewConsent { profile, new, demo } = consent;
        let stored = |name: &str| json_file::load::<Login>(&self.path("logins", name, "json"));
        let is_same = |name: &str| {
            let other = stored(name).ok().flatten().filter(|other| !other.demo);
            other.is_some_and(|other| !*demo && other.user_id == new.user_id)
        };
        if let Some(owner) = others.iter().find(|name| is_same(name)) {
            return Err(ConnectError::Taken(Arc::clone(owner)));
        }
        // A file that cannot be read any more does not stop a new consent.
        let present = stored(profile).ok().flatten();
        let is_of_another = |login: &&Login| login.user_id != new.user_id;
        if !may_replace && present.as_ref().is_some_and(|login| !login.demo && (*demo || is_of_another(&login))) {
            return Err(ConnectError::AnotherPerson);
        }
        let former = present.as_ref().filter(is_of_another).cloned();
        if former.is_some() {
            for folder in ["readings", "events"] {
                atomic::remove(&self.path(folder, profile, "json"))?;
            }
            let mut unsaved = self.unsaved();
            unsaved.states.remove(profile);
            unsaved.events.remove(profile);
        }
        let login = Login::of_consent(consent, present.map_or(0, |login| login.version), self.0.clock.unix());
        json_file::save(&self.path("logins", profile, "json"), &login)?;
        Ok((login, former))
    }

    /// Deletes everything that is stored of the profile, files that were set aside included.
    pub async fn forget(&self, profile: &str) -> Result<Forgotten, StorageError> {
        let (storage, name) = (self.clone(), profile.to_owned());
        let forgotten = self.0.disk.write(move || {
            let _lock = storage.lock_logins()?;
            let login = json_file::load(&storage.path("logins", &name, "json")).unwrap_or_default();
            let mut deleted = 0;
            for path in files::of_profile(&storage.0.root, &name)? {
                deleted += usize::from(atomic::remove(&path)? && path.extension().is_none_or(|it| it != "lock"));
            }
            login_states::forget(&storage, &name)?;
            plans_file::forget(&storage.0.root, &name)?;
            // What an interrupted backfill has fetched is of everybody together; it begins anew.
            checkpoint::remove(&storage.backfill_directory())?;
            Ok(Forgotten { login, files: deleted })
        });
        let forgotten = forgotten.await?;
        self.unsaved().forget(profile);
        self.0.queue.forget(profile);
        self.0.logins.note(profile, None, false);
        Ok(forgotten)
    }

    /// Notes that the access token of this version was used: the refresh token before it is dead now, and is dropped.
    pub async fn prove(&self, profile: &str, version: u64) -> Result<(), StorageError> {
        let (storage, name) = (self.clone(), profile.to_owned());
        let proven = self.0.disk.write(move || {
            let _lock = storage.lock_logins()?;
            let path = storage.path("logins", &name, "json");
            let stored: Option<Login> = json_file::load(&path)?;
            let is_it = |login: &Login| login.version == version && login.previous_refresh_token.is_some();
            if let Some(login) = stored.filter(is_it) {
                json_file::save(&path, &Login { previous_refresh_token: None, ..login })?;
            }
            Ok(())
        });
        proven.await
    }

    /// Takes the lock of all logins, which is held only while they are read and written.
    pub(super) fn lock_logins(&self) -> Result<File, StorageError> {
        atomic::lock(&self.0.root.join("logins.lock"), atomic::LOCK_WITHIN)
    }

    /// The same for what belongs to the login of `profile`; `None` if there is none: a profile that was forgotten must not come
    /// back, whoever has forgotten it.
    pub(super) fn lock_login(&self, profile: &str) -> Result<Option<File>, StorageError> {
        let lock = self.lock_logins()?;
        Ok(self.path("logins", profile, "json").exists().then_some(lock))
    }

    /// Notes a login that was stored by a rotation.
    pub(super) fn note_rotated(&self, login: &Login) {
        self.0.logins.note(&login.profile, Some(LoginInfo::from(login)), false);
    }
}

/// What is in the directory; `None` if it looks as it did.
fn compare(
    logins: &Path,
    before: Option<Stamp>,
    known: &BTreeMap<PathBuf, Stamp>,
) -> Result<Option<Found>, StorageError> {
    if !logins.exists() {
        let nothing = Found { directory: None, stamps: BTreeMap::new(), changed: Vec::new() };
        return Ok(Some(nothing));
    }
    // Before the list is made: what changes meanwhile is found the next time.
    let directory = Stamp::of(logins)?;
    if before == Some(directory) {
        return Ok(None);
    }
    let (mut stamps, mut changed) = (BTreeMap::new(), Vec::new());
    for path in atomic::json_files(logins)? {
        match Stamp::of(&path).map(|stamp| (stamp, known.get(&path) == Some(&stamp))) {
            Ok((stamp, true)) => drop(stamps.insert(path, stamp)),
            Ok((stamp, false)) => match json_file::load(&path) {
                // It was set aside.
                Ok(None) => {}
                Ok(login) => {
                    stamps.insert(path.clone(), stamp);
                    changed.push((path, login));
                }
                Err(error) => {
                    tracing::error!(error = error.with_cause(), "a login cannot be read; it stays as it was known");
                    stamps.extend(known.get(&path).map(|stamp| (path, *stamp)));
                }
            },
            // Gone since the list was made, or not to be looked at for the moment.
            Err(error) => stamps.extend(known.get(&path).filter(|_| !error.is_missing()).map(|stamp| (path, *stamp))),
        }
    }
    Ok(Some(Found { directory: Some(directory), stamps, changed }))
}
