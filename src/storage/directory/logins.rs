//! Logins in files: the only ways to change them, and what this process knows of them.
//!
//! A login file is changed under the lock of all logins, which is held for a read and a write and never while Withings is
//! asked. The lease of a rotation is a lock of its own, for one profile. `connect` and `forget` do not wait for it: they
//! change the version, and the pair that the rotation brings is then refused.

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

/// The lock of all logins.
pub(super) const LOCK: &str = "logins.lock";

/// How often the files are compared though their directory looks untouched: some file systems keep its time in steps of a
/// second or more, and a network file system may cache it.
const COMPARE_EVERY: Duration = Duration::from_mins(1);

/// A login as this process knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLogin {
    /// The login without its tokens.
    pub login: LoginInfo,
    /// A number that tells this consent from all others that this process has seen.
    pub consent: u64,
}

/// All logins, by profile.
pub type KnownLogins = BTreeMap<Arc<str>, KnownLogin>;

/// A new consent was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The person belongs to another configured profile.
    #[error("this is the person of {0}")]
    Taken(Arc<str>),
    /// The profile belongs to another person, whose replacement was not confirmed.
    #[error("the profile has been another person's")]
    AnotherPerson,
    /// A login could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a `forget` has deleted.
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
    /// Tells of each change.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Table {
    logins: Arc<KnownLogins>,
    /// How many consents this process has seen.
    consents: u64,
    /// Grows with each change by this process, so that files that were read before a change are not believed after it.
    edition: u64,
    stamps: BTreeMap<PathBuf, FileStamp>,
    /// The stamp of the directory when its files were last compared.
    seen: Option<FileStamp>,
    /// The same stamp once it was seen twice: changes within one tick of the disk's clock leave the stamp as it is.
    directory: Option<FileStamp>,
    compared_at: Option<Instant>,
}

/// A version of a file: it is replaced whole, so each has an inode or a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    inode: u64,
    modified: (i64, i64),
}

impl FileStamp {
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

    /// Notes which login is stored of a profile now; `is_new_consent` where a person has just logged in.
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
        logins.insert(profile.into(), KnownLogin { login, consent });
    }
}

/// The files that were found in the directory of the logins.
struct FoundLogins {
    directory: Option<FileStamp>,
    stamps: BTreeMap<PathBuf, FileStamp>,
    /// The files that are new or have changed, with what is in them.
    changed: Vec<(PathBuf, Option<Login>)>,
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

    /// Takes the changes that other processes made to the logins: with one `stat` of the directory, and a comparison of its
    /// files where that has changed, and once a minute.
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

    fn take(&self, found: FoundLogins, edition: u64) {
        let mut table = self.0.logins.inner();
        if table.edition != edition {
            // This process has changed a login since: the files may have been read before that.
            return;
        }
        let before = Arc::clone(&table.logins);
        let is_gone = |profile: &&Arc<str>| !found.stamps.contains_key(&self.path("logins", profile, "json"));
        for profile in before.keys().filter(is_gone) {
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
        Ok(former)
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
        // A login file that cannot be read any more must not keep a person from connecting again.
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
                deleted +=
                    usize::from(atomic::remove(&path)? && path.extension().is_none_or(|extension| extension != "lock"));
            }
            login_states::forget(&storage, &name)?;
            plans_file::forget(&storage.0.root, &name)?;
            // An interrupted backfill has the values of all profiles in its work directory; it begins anew.
            checkpoint::remove(&storage.backfill_directory())?;
            Ok(Forgotten { login, files: deleted })
        });
        let forgotten = forgotten.await?;
        self.unsaved().forget(profile);
        self.drop_waiting(profile);
        self.0.queue.forget(profile);
        self.0.logins.note(profile, None, false);
        Ok(forgotten)
    }

    /// Drops the previous refresh token of this version of the login: the access token was used, so it is dead now.
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

    /// Takes the lock of all logins, which is held for a read and a write only.
    pub(super) fn lock_logins(&self) -> Result<File, StorageError> {
        atomic::lock(&self.0.root.join(LOCK), atomic::LOCK_WITHIN)
    }

    /// Takes the lock of all logins to write what belongs to the login of `profile`; `None` if there is no such login: a profile
    /// that another process has forgotten must not come back.
    pub(super) fn lock_login(&self, profile: &str) -> Result<Option<File>, StorageError> {
        let lock = self.lock_logins()?;
        Ok(self.path("logins", profile, "json").exists().then_some(lock))
    }

    /// Notes a login that was stored by a rotation.
    pub(super) fn note_rotated(&self, login: &Login) {
        self.0.logins.note(&login.profile, Some(LoginInfo::from(login)), false);
    }
}

/// The files in the directory of the logins; `None` if the directory looks as `before`.
fn compare(
    logins: &Path,
    before: Option<FileStamp>,
    known: &BTreeMap<PathBuf, FileStamp>,
) -> Result<Option<FoundLogins>, StorageError> {
    if !logins.exists() {
        let nothing = FoundLogins { directory: None, stamps: BTreeMap::new(), changed: Vec::new() };
        return Ok(Some(nothing));
    }
    // Before the list is made: a change that comes in between is found the next time.
    let directory = FileStamp::of(logins)?;
    if before == Some(directory) {
        return Ok(None);
    }
    let (mut stamps, mut changed) = (BTreeMap::new(), Vec::new());
    for path in atomic::json_files(logins)? {
        match FileStamp::of(&path).map(|stamp| (stamp, known.get(&path) == Some(&stamp))) {
            Ok((stamp, true)) => drop(stamps.insert(path, stamp)),
            Ok((stamp, false)) => match json_file::load(&path) {
                // It did not parse and was set aside.
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
            // A file that is gone since the list was made is left out; one that cannot be looked at stays as it was known.
            Err(error) => stamps.extend(known.get(&path).filter(|_| !error.is_missing()).map(|stamp| (path, *stamp))),
        }
    }
    Ok(Some(FoundLogins { directory: Some(directory), stamps, changed }))
}
