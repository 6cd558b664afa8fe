//! The work directory of a backfill: what was fetched is kept there, so that an interruption costs little.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StorageError, atomic, json_file};

const LOCK: &str = "lock";

/// A directory (0700) of files (0600) in which one process at a time works. Its methods block.
#[derive(Debug)]
pub struct WorkDirectory {
    root: PathBuf,
    /// Held as long as this value lives.
    _lock: File,
}

/// A work directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Another process works there.
    #[error("{path}: another backfill works in this directory; wait for its end, or end it", path = .0.display())]
    InUse(PathBuf),
    /// The directory could not be made, read or locked.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl WorkDirectory {
    /// Opens the directory at `root` with what is in it, or makes it.
    pub fn open(root: &Path) -> Result<Self, WorkError> {
        let path = root.join(LOCK);
        let lock = atomic::open_private(&path)?;
        if !atomic::try_lock(&lock, &path)? {
            return Err(WorkError::InUse(root.to_owned()));
        }
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// The value that was saved under `name`; `None` if there is none, or if it does not parse any more.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StorageError> {
        json_file::load_of_any_size(&self.path(name))
    }

    /// Whether a value was saved under `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Saves a value under `name`, whole.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StorageError> {
        json_file::save(&self.path(name), value)
    }

    /// A new file of this name, to be written.
    pub fn create(&self, name: &str) -> Result<File, StorageError> {
        let path = self.file(name);
        let file = atomic::open_private(&path)?;
        file.set_len(0).map_err(StorageError::file("empty", &path))?;
        Ok(file)
    }

    /// The path of the file of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts a file that was written in place at `target`, over whatever is there: whole, or not at all.
    pub fn publish(&self, name: &str, file: &File, target: &Path) -> Result<(), StorageError> {
        file.sync_all().map_err(StorageError::file("sync", target))?;
        fs::rename(self.file(name), target).map_err(StorageError::file("replace", target))?;
        match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => atomic::sync_dir(folder),
            _ => atomic::sync_dir(Path::new(".")),
        }
    }

    /// Deletes everything in the directory but its lock.
    pub fn clear(&self) -> Result<(), StorageError> {
        let done = atomic::files(&self.root)?.into_iter().filter(|path| !path.ends_with(LOCK));
        done.into_iter().try_for_each(|path| atomic::remove(&path).map(|_| ()))
    }

    /// Deletes the directory, for the work is done.
    pub fn remove(&self) -> Result<(), StorageError> {
        remove(&self.root)
    }

    /// The path of the value with this name.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.json"))
    }
}

/// Deletes a work directory, if there is one.
pub(in crate::storage) fn remove(root: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StorageError::file("delete", root)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
