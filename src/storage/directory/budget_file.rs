//! The budget of requests in a file of its own, changed in place under a lock by every process that calls Withings: a running
//! exporter, `authorize`, `forget`, `backfill`. Its lock is held for one read and one write, never while a turn comes.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::budget::{Budget, SIZE, Spacing};
use super::{Directory, StorageError, atomic};
use crate::process;
use crate::storage::turns::WITHIN;

/// The name of the file, or of the link to it.
pub(super) const NAME: &str = "budget";

/// The file of the storage directory at `root`, or in `runtime`, to which the directory then leads.
pub(super) fn path(root: &Path, runtime: Option<&Path>) -> PathBuf {
    let path = root.join(NAME);
    let Some(runtime) = runtime else { return path };
    // A command in a terminal has no runtime directory and finds the file by this link. Where the link cannot be made, it has
    // another budget.
    atomic::link(&runtime.join(NAME), &path);
    runtime.join(NAME)
}

impl Directory {
    /// Does `work` with the stored budget at the present wall time, Unix milliseconds, and stores what it makes of it.
    pub(in crate::storage) async fn change_budget<T: Send + 'static>(
        &self,
        spacing: Spacing,
        work: impl FnOnce(&mut Budget, i64) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        let directory = self.clone();
        let changed = move || change(&directory.0.budget, spacing, directory.0.clock.unix_ms(), work);
        self.disk().aside(changed).await
    }
}

/// Changes the stored budget under its lock.
fn change<T>(
    path: &Path,
    spacing: Spacing,
    wall: i64,
    work: impl FnOnce(&mut Budget, i64) -> T,
) -> Result<T, StorageError> {
    let mut file = atomic::lock(&target(path), WITHIN)?;
    let mut bytes = Vec::with_capacity(SIZE);
    (&file).take(SIZE as u64 + 1).read_to_end(&mut bytes).map_err(StorageError::file("read", path))?;
    if bytes.len() > SIZE {
        // The link leads to something else, which must not be overwritten.
        let other = io::Error::new(io::ErrorKind::InvalidData, "it is no budget, but something larger");
        return Err(StorageError::file("understand", path)(other));
    }
    let mut budget = if bytes.is_empty() {
        Budget::default()
    } else {
        Budget::from_bytes(&bytes).unwrap_or_else(|| Budget::unknown(spacing, wall))
    };
    let before = budget;
    let outcome = work(&mut budget, wall);
    if budget != before || bytes.len() != SIZE {
        file.rewind().map_err(StorageError::file("write", path))?;
        file.write_all(&budget.to_bytes()).map_err(StorageError::file("write", path))?;
        file.set_len(SIZE as u64).map_err(StorageError::file("write", path))?;
    }
    Ok(outcome)
}

/// The file that `path` is, or that a link of ours there leads to.
fn target(path: &Path) -> PathBuf {
    let is_ours = |found: &fs::Metadata| found.is_symlink() && found.uid() == process::user();
    let link = fs::symlink_metadata(path).ok().filter(is_ours);
    link.and_then(|_| fs::read_link(path).ok()).unwrap_or_else(|| path.to_owned())
}
