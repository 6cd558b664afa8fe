//! Writing a file whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use tempfile::{Builder, NamedTempFile};

use super::StorageError;
use crate::process;
use crate::regular_file::{self, Links};

/// How long a lock is tried that is only ever held for a read and a write.
pub(super) const LOCK_WITHIN: Duration = Duration::from_secs(5);

/// The time between two tries to take a lock.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Whether a written file must outlive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The file is synced, and its directory as well.
    Synced,
    /// The system writes the file when it likes.
    Unsynced,
}

/// What the name of a file ends with that is not in its place yet.
const UNFINISHED: &str = ".new";

/// Replaces the file at `path` by `value` as JSON: temporary file (0600), fsync, rename, fsync of the directory. A crash
/// at any moment leaves the old file or the new one. The caller holds the lock that guards the file.
///
/// The temporary file is made by this process and by nobody else, whoever may write to the directory. Its name begins with
/// that of the file, so that what a crash leaves is deleted with everything of a profile, or by the next start.
pub(super) fn write<T: Serialize>(path: &Path, value: &T, durability: Durability) -> Result<(), StorageError> {
    let folder = path.parent().expect("every stored file is in a directory");
    let bytes = serde_json::to_vec(value).expect("stored values have string keys and no failing fields");
    make_private_dir(folder)?;
    let mut new = temporary(path, folder).map_err(StorageError::file("write", path))?;
    new.write_all(&bytes).map_err(StorageError::file("write", path))?;
    if durability == Durability::Synced {
        new.as_file().sync_all().map_err(StorageError::file("sync", path))?;
    }
    new.persist(path).map_err(|failed| StorageError::file("replace", path)(failed.error))?;
    if durability == Durability::Synced { sync_dir(folder) } else { Ok(()) }
}

/// Takes the lock of the private file at `path`, which is made if it is missing; tries `within` this time. It polls and
/// does not block: a process that hangs with the lock must not hang this one.
pub(super) fn lock(path: &Path, within: Duration) -> Result<File, StorageError> {
    let file = open_private(path)?;
    let mut tries = within.as_millis() / TRY_EVERY.as_millis();
    while !try_lock(&file, path)? {
        if tries == 0 {
            return Err(StorageError::file("lock", path)(io::ErrorKind::TimedOut.into()));
        }
        tries -= 1;
        thread::sleep(TRY_EVERY);
    }
    Ok(file)
}

/// Takes the lock of the open file at `path`, as long as it is open; returns false if another process has it.
pub(super) fn try_lock(file: &File, path: &Path) -> Result<bool, StorageError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(StorageError::file("lock", path)(error)),
    }
}

/// A temporary file for the one at `path`: new, private, with a name that nobody can guess.
fn temporary(path: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    Builder::new().prefix(&name).suffix(UNFINISHED).tempfile_in(folder)
}

/// Deletes what crashes have left in `folder`: temporary files of this version and of former ones. The caller holds the lock
/// that guards the folder.
pub(super) fn remove_unfinished(folder: &Path) {
    let is_unfinished = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains(".json.") && name.ends_with(UNFINISHED)
    };
    for path in files(folder).unwrap_or_default().into_iter().filter(is_unfinished) {
        if let Err(error) = remove(&path) {
            tracing::debug!(error = error.with_cause(), "what a crash has left cannot be deleted");
        }
    }
}

/// Makes `from` a symbolic link to `target`, over whatever is there; where that fails, nothing changes.
pub(super) fn link(target: &Path, from: &Path) {
    let new = from.with_extension("link.new");
    let linked = remove(&new).is_ok() && symlink(target, &new).is_ok() && fs::rename(&new, from).is_ok();
    if !linked {
        tracing::debug!(path = %from.display(), "no link could be made");
    }
}

/// The files in `folder`; none if there is no such folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StorageError::file("list", folder)(error)),
    };
    entries.map(|entry| entry.map(|found| found.path()).map_err(StorageError::file("list", folder))).collect()
}

/// The stored values in `folder`: files that end in `.json`.
pub(super) fn json_files(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let mut files = files(folder)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    Ok(files)
}

/// Removes the file at `path`; returns whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, StorageError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StorageError::file("delete", path)(error)),
    }
}

/// Makes the directory's entries durable: without it a rename may be forgotten by a power cut. A file system that cannot do
/// it, as some of networks and of FUSE, is used nevertheless, for the files themselves are synced; the first time it is said.
pub(super) fn sync_dir(folder: &Path) -> Result<(), StorageError> {
    sync_dir_by(folder, File::sync_all)
}

fn sync_dir_by(folder: &Path, sync: impl FnOnce(&File) -> io::Result<()>) -> Result<(), StorageError> {
    static SAID: Once = Once::new();
    let synced = File::open(folder).and_then(|folder| sync(&folder)).map_err(StorageError::file("sync", folder));
    match synced {
        Err(error) if error.is_unsupported() => {
            SAID.call_once(|| {
                tracing::warn!(
                    error = error.with_cause(),
                    "the file system cannot sync a directory; a power cut may undo what was stored last"
                );
            });
            Ok(())
        }
        synced => synced,
    }
}

/// Makes a directory that only its owner may enter, with its parents; one that exists is left as it is.
pub(super) fn make_private_dir(path: &Path) -> Result<(), StorageError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StorageError::file("make the directory", path))
}

/// Opens a file of ours that only its owner may read, making it and its directory if they are missing. A link is not followed.
pub(super) fn open_private(path: &Path) -> Result<File, StorageError> {
    if let Some(folder) = path.parent() {
        make_private_dir(folder)?;
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(io::Error::from);
    opened.map(File::from).and_then(own_regular).map_err(StorageError::file("open", path))
}

/// Opens a file of ours for reading, which is no link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    own(regular_file::open(path, Links::Refused)?)
}

/// Makes a file of ours that is not there yet, for writing.
pub(super) fn create_new(path: &Path) -> Result<File, StorageError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(StorageError::file("make", path))
}

fn own_regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return own(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// The open file, if it belongs to the user of this process.
fn own(file: File) -> io::Result<File> {
    let (owner, user) = (file.metadata()?.uid(), process::user());
    if owner == user {
        return Ok(file);
    }
    let foreign = format!("it belongs to user {owner}, and this is user {user}; `chown {user}` gives it to the latter");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, foreign))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_directory_that_cannot_be_synced_is_used_and_one_that_fails_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let synced = |errno: Errno| sync_dir_by(folder.path(), |_| Err(errno.into()));
        for unsupported in [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS] {
            assert!(synced(unsupported).is_ok(), "{unsupported}");
        }
        for failed in [Errno::IO, Errno::NOSPC] {
            assert!(synced(failed).is_err(), "{failed}");
        }
    }
}
