//! The files of the logins: the only ways to change them.
//!
//! A login file is changed under the lock of all logins, which is held for a read and a write and never while Withings is
//! asked. The lease of a rotation is a lock of its own, for one profile. `connect` and `forget` do not wait for it: they
//! change the version, and the pair that the rotation brings is then refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Directory, StorageError, atomic, checkpoint, files, json_file};
use crate::storage::known_logins::{Changes, ConnectError, Forgotten, KnownLogins};
use crate::storage::login::{Login, LoginInfo, NewConsent};

/// The lock of all logins.
pub(super) const LOCK: &str = "logins.lock";

/// How often the files are compared though their directory looks untouched: some file systems keep its time in steps of a
/// second or more, and a network file system may cache it.
const COMPARE_EVERY: Duration = Duration::from_mins(1);

/// What was seen of the files when they were last compared.
#[derive(Debug, Default)]
pub(in crate::storage) struct Seen {
    stamps: BTreeMap<PathBuf, FileStamp>,
    /// The stamp of their directory.
    directory: Option<FileStamp>,
    /// The same stamp once it was seen twice: changes within one tick of the disk's clock leave the stamp as it is.
    trusted: Option<FileStamp>,
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
        let metadata = fs::metadata(path).map_err(StorageError::file("read", path))?;
        Ok(Self { inode: metadata.ino(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }
}

impl Directory {
    /// What has changed since `before`; `None`: nothing. With one `stat` of the directory, and a comparison of its files where
    /// that has changed, and once a minute.
    pub(in crate::storage) async fn changes(
        &self,
        before: Arc<Seen>,
        known: Arc<KnownLogins>,
    ) -> Result<Option<(Changes, Seen)>, StorageError> {
        let directory = self.clone();
        self.disk().read(move || directory.compare(&before, &known)).await
    }

    fn compare(&self, before: &Seen, known: &KnownLogins) -> Result<Option<(Changes, Seen)>, StorageError> {
        let logins = self.root().join("logins");
        // Before the list is made: a change that comes in between is found the next time.
        let stamp = if logins.exists() { Some(FileStamp::of(&logins)?) } else { None };
        let is_late = before.compared_at.is_none_or(|at| at.elapsed() >= COMPARE_EVERY);
        if !is_late && stamp.is_some() && before.trusted == stamp {
            return Ok(None);
        }
        let paths = if stamp.is_some() { atomic::json_files(&logins)? } else { Vec::new() };
        let (stamps, read) = read_changed(paths, &before.stamps);
        let is_gone = |profile: &&Arc<str>| !stamps.contains_key(&self.path("logins", profile, "json"));
        let gone = known.keys().filter(is_gone).map(|profile| (Arc::clone(profile), None));
        let is_its = |(path, login): &(PathBuf, Login)| self.path("logins", &login.profile, "json") == *path;
        let new = read.iter().filter(|read| is_its(read));
        let new = new.map(|(_, login)| (login.profile.as_str().into(), Some(LoginInfo::from(login))));
        let changes = Changes { logins: gone.chain(new).collect(), ..Changes::default() };
        let trusted = stamp.filter(|stamp| before.directory == Some(*stamp));
        Ok(Some((changes, Seen { stamps, directory: stamp, trusted, compared_at: Some(Instant::now()) })))
    }

    /// The login of `profile` as it is stored now; `None` if there is none.
    pub(in crate::storage) async fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        let path = self.path("logins", profile, "json");
        self.disk().read(move || json_file::load(&path)).await
    }

    /// Stores the login of a new consent, and gives it and the login of another person in whose place it came. `others` are the
    /// profiles that must not have the same person.
    pub(in crate::storage) async fn connect(
        &self,
        consent: NewConsent,
        others: Vec<Arc<str>>,
        may_replace: bool,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        let directory = self.clone();
        let stored = self.disk().write(move || {
            let _lock = directory.lock_logins()?;
            Ok(directory.connect_locked(&consent, &others, may_replace))
        });
        stored.await?
    }

    fn connect_locked(
        &self,
        consent: &NewConsent,
        others: &[Arc<str>],
        may_replace: bool,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        let profile = &consent.profile;
        // A login file that cannot be read any more must not keep a person from connecting again.
        let stored = |name: &str| json_file::load::<Login>(&self.path("logins", name, "json")).ok().flatten();
        let is_taken = |name: &str| stored(name).is_some_and(|other| consent.is_of_the_person_of(&other));
        if let Some(owner) = others.iter().find(|name| is_taken(name)) {
            return Err(ConnectError::Taken(Arc::clone(owner)));
        }
        let present = stored(profile);
        let former = consent.replaces(present.as_ref(), may_replace)?;
        if former.is_some() {
            for folder in ["readings", "events"] {
                atomic::remove(&self.path(folder, profile, "json"))?;
            }
        }
        let login = Login::of_consent(consent, present.map_or(0, |login| login.version), self.0.clock.unix());
        json_file::save(&self.path("logins", profile, "json"), &login)?;
        Ok((login, former))
    }

    /// Deletes everything that is stored of the profile, files that were set aside included.
    pub(in crate::storage) async fn forget(&self, profile: &str) -> Result<Forgotten, StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let forgotten = self.disk().write(move || {
            let _lock = directory.lock_logins()?;
            let login = json_file::load(&directory.path("logins", &name, "json")).unwrap_or_default();
            // What can fail is before the files, of which the login is the last: else nobody could revoke it any more.
            directory.forget_states(&name)?;
            directory.forget_plan(&name)?;
            // An interrupted backfill has the values of all profiles in its work directory; it begins anew.
            checkpoint::remove(&directory.backfill_directory())?;
            let mut deleted = 0;
            for path in files::of_profile(directory.root(), &name)? {
                deleted +=
                    usize::from(atomic::remove(&path)? && path.extension().is_none_or(|extension| extension != "lock"));
            }
            Ok(Forgotten { login, items: deleted })
        });
        forgotten.await
    }

    /// Drops the previous refresh token of this version of the login.
    pub(in crate::storage) async fn prove(&self, profile: &str, version: u64) -> Result<(), StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let proven = self.disk().write(move || {
            let _lock = directory.lock_logins()?;
            let path = directory.path("logins", &name, "json");
            let stored: Option<Login> = json_file::load(&path)?;
            let is_it = |login: &Login| login.version == version && login.previous_refresh_token.is_some();
            if let Some(login) = stored.filter(is_it) {
                json_file::save(&path, &Login { previous_refresh_token: None, ..login })?;
            }
            Ok(())
        });
        proven.await
    }

    /// Takes the lock of all logins, which is held for a read and a write only. Refused where they have moved into a database
    /// since the directory was opened.
    pub(super) fn lock_logins(&self) -> Result<File, StorageError> {
        let lock = self.lock_logins_for_transfer()?;
        let mark = self.root().join(files::MOVED);
        if mark.exists() {
            let moved = io::Error::other("what was stored here has moved to PostgreSQL");
            return Err(StorageError::file("change logins beside this mark", &mark)(moved));
        }
        Ok(lock)
    }

    /// Takes the lock of all logins, whatever marks the directory has: a command beside an exporter that has just ended must not
    /// change them meanwhile.
    pub(in crate::storage) fn lock_logins_for_transfer(&self) -> Result<File, StorageError> {
        atomic::lock(&self.root().join(LOCK), atomic::LOCK_WITHIN)
    }

    /// Takes the lock of all logins to write what belongs to the login of `profile`, or to that of this `person`; `None` if there
    /// is no such login: what another process has forgotten or replaced must not come back.
    pub(super) fn lock_login(&self, profile: &str, person: Option<&str>) -> Result<Option<File>, StorageError> {
        let lock = self.lock_logins()?;
        let login: Option<Login> = json_file::load(&self.path("logins", profile, "json"))?;
        let is_it = |login: Login| person.is_none_or(|person| login.user_id == person);
        Ok(login.is_some_and(is_it).then_some(lock))
    }
}

/// The stamps of the files, and what is in those whose stamp is another one than before. What cannot be read stays as it was
/// known.
fn read_changed(
    paths: Vec<PathBuf>,
    known: &BTreeMap<PathBuf, FileStamp>,
) -> (BTreeMap<PathBuf, FileStamp>, Vec<(PathBuf, Login)>) {
    let (mut stamps, mut read) = (BTreeMap::new(), Vec::new());
    for path in paths {
        match FileStamp::of(&path).map(|stamp| (stamp, known.get(&path) == Some(&stamp))) {
            Ok((stamp, true)) => drop(stamps.insert(path, stamp)),
            Ok((stamp, false)) => match json_file::load(&path) {
                // It did not parse and was set aside.
                Ok(None) => {}
                Ok(Some(login)) => {
                    stamps.insert(path.clone(), stamp);
                    read.push((path, login));
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
    (stamps, read)
}
