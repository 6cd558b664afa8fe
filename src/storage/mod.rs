//! What survives a restart: one set of files for each profile, in a directory of the exporter's own.
//!
//! Few verbs stand between the program and the disk: readings are loaded and saved; a login is loaded, and changed only
//! by [`LockedLogin::rotate`], which refuses a stale version, by [`LockedLogin::replace`] after a new consent, by
//! [`LockedLogin::mark_used`], by [`LockedLogin::adopt`] and by [`LockedLogin::forget`]; pending login states are added and
//! taken; [`Storage::webhook_secret`] and the callbacks are for notifications. All of them block: call them off the async threads.
//!
//! A file whose content does not parse, or is of a newer version of this program, is set aside under another name, and said
//! so; on an I/O error it is left alone.

mod atomic;
mod backfill;
mod directory;
mod file;
mod login;
mod pending;
#[cfg(test)]
mod tests;
mod webhook;
mod work;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

pub use backfill::{BackfillError, BackfillLock};
pub use directory::{OpenError, Purpose};
pub use file::{load, save};
pub use login::{LockedLogin, Login, NewLogin, RotateError};
pub use pending::{Pending, STATE_LIFETIME};
pub use work::{WorkDirectory, WorkError};

/// The folder of an unfinished backfill.
const BACKFILL: &str = "backfill";

/// The storage directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    /// Held as long as the process serves from this directory; none where it works beside the one that does.
    _locks: Vec<File>,
}

/// A version of a file: it is replaced whole, so each has an inode or a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    modified: (i64, i64),
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {operation}", path = path.display())]
pub struct StorageError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl StorageError {
    /// The error and its cause in one line, for people.
    #[must_use]
    pub fn with_cause(&self) -> String {
        format!("{self}: {}", self.source)
    }

    /// Whether the file, or a directory above it, belongs to somebody who does not let this process in.
    fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    fn new(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { operation, path, source }
    }
}

impl Storage {
    /// Opens the directory at `root` for `purpose`, makes it (0700) if it is missing, and refuses one that another
    /// process serves from, or that belongs to another purpose.
    pub fn open(root: &Path, purpose: Purpose) -> Result<Self, OpenError> {
        let locks = directory::prepare(root, purpose)?;
        Ok(Self(Arc::new(Directory { root: root.to_owned(), _locks: locks })))
    }

    /// Opens the directory of real people at `root` for a command that works beside a running exporter.
    pub fn join(root: &Path) -> Result<Self, OpenError> {
        directory::prepare_to_join(root)?;
        Ok(Self(Arc::new(Directory { root: root.to_owned(), _locks: Vec::new() })))
    }

    /// The last readings and cursors of `profile`, as [`Storage::save_readings`] left them; `None` if there are none.
    pub fn readings<T: DeserializeOwned>(&self, profile: &str) -> Result<Option<T>, StorageError> {
        load(&self.path("readings", profile, "json"))
    }

    /// Saves the last readings and cursors of `profile`, whole; does nothing if its login is gone, for then somebody else
    /// has deleted everything of the profile.
    pub fn save_readings<T: Serialize>(&self, profile: &str, value: &T) -> Result<(), StorageError> {
        self.save_of_login("readings", profile, value)
    }

    /// Saves what belongs to the login of `profile`, unless the login is gone.
    fn save_of_login<T: Serialize>(&self, folder: &str, profile: &str, value: &T) -> Result<(), StorageError> {
        let is_forgotten = || !self.path("logins", profile, "json").exists();
        // Asked twice: taking the lock makes its file, which has the profile's name.
        if is_forgotten() {
            return Ok(());
        }
        let _not_deleted_meanwhile = self.lock_login(profile)?;
        if is_forgotten() {
            return Ok(());
        }
        save(&self.path(folder, profile, "json"), value)
    }

    /// Whether there are readings of `profile`.
    #[must_use]
    pub fn has_readings(&self, profile: &str) -> bool {
        self.path("readings", profile, "json").exists()
    }

    /// Whether anything is stored of `profile`, files that were set aside included.
    pub fn holds(&self, profile: &str) -> Result<bool, StorageError> {
        Ok(self.files_of(profile)?.iter().any(|it| !is_lock(it)))
    }

    /// Every stored login, also of profiles that are no longer configured, by the profile's name. One that cannot be read
    /// is left out.
    pub fn logins(&self) -> Result<Vec<Login>, StorageError> {
        let files = atomic::files(&self.0.root.join("logins"))?;
        let logins = files.iter().filter(|it| it.extension().is_some_and(|it| it == "json"));
        let mut logins: Vec<Login> = logins.filter_map(|it| load(it).ok().flatten()).collect();
        logins.sort_by(|a, b| a.profile.cmp(&b.profile));
        Ok(logins)
    }

    /// Tells one version of the login file of `profile` from another without reading it; `None` if there is none.
    #[must_use]
    pub fn login_stamp(&self, profile: &str) -> Option<Stamp> {
        let metadata = fs::metadata(self.path("logins", profile, "json")).ok()?;
        Some(Stamp { inode: metadata.ino(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
    }

    /// The login of `profile`, as it is on disk now; `None` if there is none.
    pub fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        load(&self.path("logins", profile, "json"))
    }

    /// Waits for the lock of `profile`'s login and holds it: nobody else, in this process or another, rotates or writes
    /// it meanwhile.
    pub fn lock_login(&self, profile: &str) -> Result<LockedLogin, StorageError> {
        let path = self.path("logins", profile, "lock");
        let file = atomic::open_private(&path)?;
        file.lock().map_err(StorageError::new("lock", &path))?;
        Ok(LockedLogin::new(self.clone(), profile, file))
    }

    /// The same for a login that is there, `None` without one: taking the lock makes its file, which has the profile's name.
    pub fn lock_stored_login(&self, profile: &str) -> Result<Option<LockedLogin>, StorageError> {
        let path = self.path("logins", profile, "json");
        let is_there = path.try_exists().map_err(StorageError::new("read", &path))?;
        if is_there { self.lock_login(profile).map(Some) } else { Ok(None) }
    }

    /// Remembers the random state of a login that somebody starts, until it is taken or `STATE_LIFETIME` has passed.
    pub fn add_pending(&self, state: &str, pending: Pending) -> Result<(), StorageError> {
        pending::add(self, state, pending)
    }

    /// Takes the login that was started with `state`: once, and only before its end. `now` is in Unix seconds.
    pub fn take_pending(&self, state: &str, now: i64) -> Result<Option<Pending>, StorageError> {
        pending::take(self, state, now)
    }

    /// Takes the right to half of the requests to Withings, which a running exporter leaves to its holder.
    pub fn begin_backfill(&self) -> Result<BackfillLock, BackfillError> {
        backfill::take(&self.0.root)
    }

    /// Whether somebody has that right now.
    pub fn is_backfilling(&self) -> Result<bool, StorageError> {
        backfill::is_taken(&self.0.root)
    }

    /// Where a backfill keeps what it has fetched if it writes no file beside which it could.
    #[must_use]
    pub fn backfill_directory(&self) -> PathBuf {
        self.0.root.join(BACKFILL)
    }

    /// Every file of `profile`, its lock included.
    fn files_of(&self, profile: &str) -> Result<Vec<PathBuf>, StorageError> {
        let stem = format!("{}.", file_stem(profile));
        let is_its = |path: &PathBuf| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&stem));
        let mut files = atomic::files(&self.0.root.join("logins"))?;
        files.extend(atomic::files(&self.0.root.join("readings"))?);
        files.extend(atomic::files(&self.0.root.join("callbacks"))?);
        files.retain(is_its);
        Ok(files)
    }

    fn path(&self, folder: &str, profile: &str, extension: &str) -> PathBuf {
        self.0.root.join(folder).join(format!("{}.{extension}", file_stem(profile)))
    }
}

fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "lock")
}

/// A file name for a profile of any name: readable where the name is ASCII, different for different names, never a path.
fn file_stem(profile: &str) -> String {
    let readable: String = profile.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let digest = Sha256::digest(profile.as_bytes());
    let half: [u8; 16] = digest[..16].try_into().expect("a SHA-256 digest has 32 bytes");
    format!("{}-{:032x}", readable.to_ascii_lowercase(), u128::from_be_bytes(half))
}
