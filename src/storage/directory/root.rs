//! The storage directory as a whole: whose it is, and that only one process serves from it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ownership::{self, OwnershipError};
use super::{StorageError, atomic, files, json_file, login_states, logins};
use crate::process;
use crate::storage::error::is_unsupported;

const LOCK: &str = "serve.lock";

/// The file that is written for a moment, to see whether the directory can be written.
const PROOF: &str = "writable";

/// The newest format of any file.
const NEWEST_FORMAT: u64 = 2;

/// The file whose presence says that the people in this directory are not real.
const DEMO_MARK: &str = "DEMO";

/// What a storage directory is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Real people: refuses a directory of the demo.
    Serve,
    /// The demo's invented people: refuses a directory that has anything else in it.
    Demo,
}

/// The storage directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory could not be made, read or locked.
    #[error("the storage directory cannot be used; make it writable or choose another one with --storage.path")]
    Storage(#[from] StorageError),
    /// The directory, or something in it, belongs to another user.
    #[error("user {user} may not use the storage directory {root}; give it to that user with `chown -R {user} {root}`, in Kubernetes with `fsGroup: {user}`, or choose another one with --storage.path", root = root.display())]
    Foreign {
        /// The number of the user that this process runs as.
        user: u32,
        /// The directory.
        root: PathBuf,
        /// The operation that was refused.
        source: StorageError,
    },
    /// Another user may have put something into the directory.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// Another process serves from the directory.
    #[error("{path}: another withings-exporter serves from this directory; stop it or choose another one with --storage.path", path = .0.display())]
    InUse(PathBuf),
    /// The file system cannot lock files.
    #[error("{path}: the file system cannot lock files, and without that two programs could spoil each other's logins; mount it with locks, or choose another one with --storage.path", path = path.display())]
    NoLocks {
        /// The file that was to be locked.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A newer version of this program has written to the directory.
    #[error("{path}: format {format} is of a newer version of withings-exporter; use that version, or choose another directory with --storage.path. Nothing was changed", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        format: u64,
    },
    /// What was in the directory is in a database.
    #[error("{path}: what was stored here has moved to PostgreSQL, and a login that is in two places dies; name the database with --storage.url, or bring it back with `withings-exporter storage export --to {path}`", path = .0.display())]
    Moved(PathBuf),
    /// The directory does not have everything yet that is in a database.
    #[error("{path}: an export from PostgreSQL into this directory was not finished; run `withings-exporter storage export --to {path}` again, with the same --storage.url and --storage.key-file", path = .0.display())]
    Exporting(PathBuf),
    /// The directory holds the demo's people.
    #[error("{path}: this directory belongs to the demo; choose another one with --storage.path", path = .0.display())]
    OfTheDemo(PathBuf),
    /// The directory holds something else than a demo.
    #[error("{path}: this directory is not empty and not of the demo, which would mix invented people with it; choose an empty one with --storage.path", path = .0.display())]
    NotOfTheDemo(PathBuf),
}

impl OpenError {
    /// The error with what to do about it, where that is known.
    fn with_advice(self, root: &Path) -> Self {
        match self {
            Self::Storage(source) if source.is_permission_denied() && root.is_dir() => {
                Self::Foreign { user: process::user(), root: root.to_owned(), source }
            }
            error => error,
        }
    }
}

/// Makes the directory and checks that it is not the demo's.
pub(in crate::storage) fn prepare_to_join(root: &Path) -> Result<(), OpenError> {
    atomic::make_private_dir(root)?;
    ownership::check(root)?;
    check_formats(root)?;
    check_marks(root)?;
    check_purpose(root, Purpose::Serve).map_err(|error| error.with_advice(root))?;
    ownership::close_folders(root);
    Ok(())
}

/// Refuses a file whose format this program does not know, before anything is changed.
fn check_formats(root: &Path) -> Result<(), OpenError> {
    // A file that cannot be read is reported when it is needed.
    for path in files::with_format(root).unwrap_or_default() {
        if let Some(format) = json_file::format_of(&path).ok().flatten().filter(|format| *format > NEWEST_FORMAT) {
            return Err(OpenError::Newer { path, format });
        }
    }
    Ok(())
}

/// Refuses a directory whose content is in a database, whatever this build knows of databases.
fn check_marks(root: &Path) -> Result<(), OpenError> {
    if root.join(files::MOVED).exists() {
        return Err(OpenError::Moved(root.to_owned()));
    }
    if root.join(files::EXPORTING).exists() {
        return Err(OpenError::Exporting(root.to_owned()));
    }
    Ok(())
}

/// Makes the directory and takes its locks like [`prepare`], whatever its marks say.
#[cfg(feature = "postgres")]
pub(super) fn prepare_for_transfer(root: &Path) -> Result<Vec<File>, OpenError> {
    take(root, Purpose::Serve, &File::try_lock).map_err(|error| error.with_advice(root))
}

/// Makes the directory, takes its locks, which are held as long as these files are open, checks its purpose, and proves that
/// it can be written. Readings on a disk that is full or read-only are served nevertheless.
pub(in crate::storage) fn prepare(root: &Path, purpose: Purpose) -> Result<Vec<File>, OpenError> {
    check_marks(root)?;
    let locks = take(root, purpose, &File::try_lock).map_err(|error| error.with_advice(root))?;
    // A transfer may have come first.
    check_marks(root)?;
    Ok(locks)
}

/// How a file is locked.
type TryLock = dyn Fn(&File) -> Result<(), TryLockError>;

/// The directory itself is locked first. That needs no file: so it also keeps a second process out of a read-only disk that
/// becomes writable later, and a process that is refused or killed leaves nothing behind. Network file systems know the lock
/// of a directory on one host only, or not at all; the lock of a file is for the other hosts.
fn take(root: &Path, purpose: Purpose, try_lock: &TryLock) -> Result<Vec<File>, OpenError> {
    atomic::make_private_dir(root)?;
    ownership::check(root)?;
    check_formats(root)?;
    let directory = File::open(root).map_err(StorageError::file("open", root))?;
    let mut locks = match exclusive(directory, root, root, try_lock) {
        Err(OpenError::NoLocks { .. }) => {
            tracing::warn!("the file system cannot lock a directory; the lock of a file keeps a second exporter away");
            Vec::new()
        }
        locked => vec![locked?],
    };
    check_purpose(root, purpose)?;
    match claim(root, purpose, &mut locks, try_lock) {
        Err(OpenError::Storage(error)) if purpose == Purpose::Serve && !locks.is_empty() && has_logins(root)? => {
            tracing::error!(
                error = error.with_cause(),
                "the storage directory cannot be written; what is stored is shown, and storing is tried again"
            );
        }
        claimed => claimed?,
    }
    ownership::close_folders(root);
    remove_unfinished(root);
    Ok(locks)
}

/// Deletes what crashes have left. A process that has one of the locks at the moment may be writing: then at a later start.
fn remove_unfinished(root: &Path) {
    let lock = |name| atomic::lock(&root.join(name), Duration::ZERO);
    if let (Ok(_logins), Ok(_states)) = (lock(logins::LOCK), lock(login_states::LOCK)) {
        for folder in files::folders(root).into_iter().chain([root.to_owned()]) {
            atomic::remove_unfinished(&folder);
        }
    }
}

/// Whether a login is stored.
pub(super) fn has_logins(root: &Path) -> Result<bool, StorageError> {
    Ok(!atomic::json_files(&root.join("logins"))?.is_empty())
}

fn check_purpose(root: &Path, purpose: Purpose) -> Result<(), OpenError> {
    let marked = root.join(DEMO_MARK).exists();
    match purpose {
        Purpose::Serve if marked => Err(OpenError::OfTheDemo(root.to_owned())),
        Purpose::Demo if !marked && !is_empty(root)? => Err(OpenError::NotOfTheDemo(root.to_owned())),
        Purpose::Serve | Purpose::Demo => Ok(()),
    }
}

fn is_empty(root: &Path) -> Result<bool, StorageError> {
    let first = fs::read_dir(root).and_then(|mut entries| entries.next().transpose());
    first.map(|first| first.is_none()).map_err(StorageError::file("list", root))
}

fn claim(root: &Path, purpose: Purpose, locks: &mut Vec<File>, try_lock: &TryLock) -> Result<(), OpenError> {
    if purpose == Purpose::Demo {
        // Before any other file: one that is killed knows its directory again.
        atomic::open_private(&root.join(DEMO_MARK))?;
        atomic::sync_dir(root)?;
    }
    // Whether the file system keeps permissions is seen before there are tokens. Where the folder cannot be made, that is
    // reported when it is needed.
    drop(atomic::make_private_dir(&root.join("logins")));
    let lock = root.join(LOCK);
    let opened = atomic::open_private(&lock);
    if let Some(file) = opened.as_ref().err().and_then(|_| File::open(&lock).ok()) {
        // On a read-only disk it is locked as it is, but not on NFS, which locks only what is open for writing.
        match exclusive(file, root, &lock, try_lock) {
            Err(OpenError::NoLocks { .. }) => {}
            locked => locks.push(locked?),
        }
    }
    locks.push(exclusive(opened?, root, &lock, try_lock)?);
    let proof = root.join(PROOF);
    atomic::remove(&proof)?;
    let mut file = atomic::create_new(&proof)?;
    let written = file.write_all(&[0; 4096]).map_err(StorageError::file("write", &proof));
    atomic::remove(&proof)?;
    written?;
    Ok(atomic::sync_dir(root)?)
}

fn exclusive(file: File, root: &Path, path: &Path, try_lock: &TryLock) -> Result<File, OpenError> {
    match try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(root.to_owned())),
        Err(TryLockError::Error(source)) if is_unsupported(&source) => {
            Err(OpenError::NoLocks { path: path.to_owned(), source })
        }
        Err(TryLockError::Error(error)) => Err(StorageError::file("lock", path)(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn whoever_may_not_write_hears_who_must_own_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let said = |kind: io::ErrorKind| {
            let error = StorageError::file("open", root.path())(kind.into());
            OpenError::from(error).with_advice(root.path()).to_string()
        };
        let user = process::user();
        let denied = said(io::ErrorKind::PermissionDenied);
        assert!(denied.starts_with(&format!("user {user} may not use")) && denied.contains("chown -R"), "{denied}");
        assert!(!said(io::ErrorKind::StorageFull).contains("chown"));
    }

    /// Nobody can write a file where a directory is, not even root.
    fn block(root: &Path, name: &str) -> PathBuf {
        let path = root.join(name);
        fs::DirBuilder::new().recursive(true).create(&path).unwrap();
        path
    }

    fn with_login() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        File::create(block(root.path(), "logins").join("a.json")).unwrap();
        root
    }

    #[test]
    fn one_process_serves_from_a_directory_that_cannot_be_written_and_later_can() {
        let root = with_login();
        let blocked = block(root.path(), LOCK);
        let _held = prepare(root.path(), Purpose::Serve).unwrap();
        assert!(matches!(prepare(root.path(), Purpose::Serve), Err(OpenError::InUse(_))));
        fs::remove_dir(blocked).unwrap();
        assert!(matches!(prepare(root.path(), Purpose::Serve), Err(OpenError::InUse(_))));
    }

    #[test]
    fn the_lock_of_the_file_is_held_as_well_and_on_a_full_disk_too() {
        let root = with_login();
        for _ in 0..2 {
            let held = prepare(root.path(), Purpose::Serve).unwrap();
            let file = File::open(root.path().join(LOCK)).unwrap();
            assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
            drop(held);
            block(root.path(), PROOF);
        }
    }

    #[test]
    fn who_has_stored_nothing_is_told_that_nothing_can_be() {
        let root = tempfile::tempdir().unwrap();
        block(root.path(), PROOF);
        assert!(matches!(prepare(root.path(), Purpose::Serve), Err(OpenError::Storage(_))));
        File::create(block(root.path(), "logins").join("a.json")).unwrap();
        assert!(prepare(root.path(), Purpose::Serve).is_ok());
        assert!(prepare(root.path(), Purpose::Demo).is_err());
    }

    /// Locks a file as NFS does, where it is open for writing.
    fn try_lock_as_nfs(file: &File) -> Result<(), TryLockError> {
        let is_directory = file.metadata().is_ok_and(|found| found.is_dir());
        if is_directory { Err(TryLockError::Error(Errno::BADF.into())) } else { file.try_lock() }
    }

    #[test]
    fn a_file_system_that_locks_files_alone_is_used() {
        let root = tempfile::tempdir().unwrap();
        let held = take(root.path(), Purpose::Serve, &try_lock_as_nfs).unwrap();
        assert!(matches!(take(root.path(), Purpose::Serve, &try_lock_as_nfs), Err(OpenError::InUse(_))));
        drop(held);
        assert!(take(root.path(), Purpose::Serve, &try_lock_as_nfs).is_ok());
    }

    #[test]
    fn nfs_that_is_read_only_is_refused_for_that_reason() {
        let root = with_login();
        block(root.path(), LOCK);
        let error = take(root.path(), Purpose::Serve, &try_lock_as_nfs).unwrap_err();
        assert!(matches!(error, OpenError::Storage(_)), "{error}");
    }

    #[test]
    fn a_file_system_without_locks_is_refused_with_that_reason() {
        for root in [tempfile::tempdir().unwrap(), with_login()] {
            let try_lock = |_: &File| Err(TryLockError::Error(Errno::NOTSUP.into()));
            let error = take(root.path(), Purpose::Serve, &try_lock).unwrap_err();
            assert!(error.to_string().contains("serve.lock: the file system cannot lock files"), "{error}");
        }
    }
}
