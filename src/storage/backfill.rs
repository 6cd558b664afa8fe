//! The lock of a backfill: while somebody holds it, half of the requests are theirs, and a running exporter keeps to the
//! other half. It ends with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{StorageError, atomic};

const LOCK: &str = "backfill.lock";

/// Held as long as a backfill asks Withings.
#[derive(Debug)]
pub struct BackfillLock(#[expect(dead_code, reason = "the lock ends when the file is closed")] File);

/// The lock of a backfill was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// Another one holds it.
    #[error("{path}: another backfill runs; wait for its end, or end it", path = .0.display())]
    InUse(PathBuf),
    /// It cannot be opened or locked.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Takes the lock of the storage directory at `root`.
pub(super) fn take(root: &Path) -> Result<BackfillLock, BackfillError> {
    let path = root.join(LOCK);
    let file = atomic::open_private(&path)?;
    let failed = |error| BackfillError::from(StorageError::new("lock", &path)(error));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(BackfillLock(file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        // An exporter that looks shares the lock for a moment; a backfill shares it with nobody.
        match file.try_lock_shared() {
            Ok(()) => file.unlock().map_err(failed)?,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => return Err(BackfillError::InUse(root.to_owned())),
        }
    }
}

/// Whether somebody holds the lock of the storage directory at `root`.
pub(super) fn is_taken(root: &Path) -> Result<bool, StorageError> {
    let path = root.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StorageError::new("open", &path)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StorageError::new("lock", &path)(error)),
    }
}
