//! Writing a file whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::StorageError;

/// Replaces the file at `path` by `value` as JSON: temporary file (0600), fsync, rename, fsync of the directory. A crash
/// at any moment leaves the old file or the new one. Whoever calls holds the lock of what the file is about.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), StorageError> {
    let folder = path.parent().expect("every stored file is in a directory");
    let bytes = serde_json::to_vec(value).expect("stored values have string keys and no failing fields");
    // Always the same name: what a crash leaves is replaced by the next write, and deleted with everything of a profile.
    let new = path.with_extension("json.new");
    let mut file = open_private(&new)?;
    file.set_len(0).map_err(StorageError::new("empty", &new))?;
    file.write_all(&bytes).map_err(StorageError::new("write", path))?;
    file.sync_all().map_err(StorageError::new("sync", path))?;
    fs::rename(&new, path).map_err(StorageError::new("replace", path))?;
    sync_dir(folder)
}

/// Moves a file to another name, over whatever is there; nothing if there is no such file.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StorageError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StorageError::new("rename", from)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The files in `folder`; none if there is no such folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StorageError::new("list", folder)(error)),
    };
    entries.map(|it| it.map(|it| it.path()).map_err(StorageError::new("list", folder))).collect()
}

/// Removes the file at `path`; whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, StorageError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StorageError::new("delete", path)(error)),
    }
}

/// Makes the directory's entries durable: without it a rename may be forgotten by a power cut.
pub(super) fn sync_dir(folder: &Path) -> Result<(), StorageError> {
    File::open(folder).and_then(|it| it.sync_all()).map_err(StorageError::new("sync", folder))
}

/// Makes a directory that only its owner may enter, with its parents; one that exists is left as it is.
pub(super) fn make_private_dir(path: &Path) -> Result<(), StorageError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StorageError::new("make the directory", path))
}

/// Opens a file that only its owner may read, making it and its directory if they are missing.
pub(super) fn open_private(path: &Path) -> Result<File, StorageError> {
    if let Some(folder) = path.parent() {
        make_private_dir(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(StorageError::new("open", path))
}
