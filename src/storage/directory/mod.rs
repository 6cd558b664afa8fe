//! The back end that is a directory (0700) of files (0600), one set for each profile.
//!
//! A file whose content does not parse is set aside under another name, which is logged; on an I/O error it is left alone.

mod atomic;
pub(super) mod budget_file;
pub(super) mod checkpoint;
pub(super) mod disk;
pub(super) mod files;
pub(super) mod json_file;
mod login_states;
pub(super) mod logins;
pub(super) mod ownership;
mod plans_file;
mod readings;
pub(super) mod root;
mod rotation;
mod secrets;
#[cfg(feature = "postgres")]
pub(super) mod transfer;
mod waiting;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{StorageError, Surroundings, budget};
use crate::clock::Clock;
use disk::Disk;
use root::{OpenError, Purpose};
use waiting::WaitingConsents;

/// A storage directory. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Directory(Arc<DirectoryInner>);

#[derive(Debug)]
struct DirectoryInner {
    root: PathBuf,
    /// Held as long as the process serves from this directory; none in a command that works beside a running exporter.
    _locks: Vec<File>,
    disk: Disk,
    clock: Clock,
    /// The file of the budget.
    budget: PathBuf,
    /// The consents that wait for a person's word.
    waiting: Mutex<WaitingConsents>,
}

impl Directory {
    /// Opens the directory at `root` for `purpose`, and makes it (0700) if it is missing. Blocks.
    pub(super) fn open(root: &Path, purpose: Purpose, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let locks = root::prepare(root, purpose)?;
        Ok(Self::at(root, locks, surroundings))
    }

    /// Opens the directory of real people at `root` for a command that works beside a running exporter. Blocks.
    pub(super) fn join(root: &Path, surroundings: &Surroundings) -> Result<Self, OpenError> {
        root::prepare_to_join(root)?;
        Ok(Self::at(root, Vec::new(), surroundings))
    }

    fn at(root: &Path, locks: Vec<File>, surroundings: &Surroundings) -> Self {
        let Surroundings { clock, telemetry, runtime_directory } = surroundings;
        Self(Arc::new(DirectoryInner {
            root: root.to_owned(),
            _locks: locks,
            disk: Disk::new(root, telemetry.clone()),
            clock: clock.clone(),
            budget: budget_file::path(root, runtime_directory.as_deref()),
            waiting: Mutex::default(),
        }))
    }

    /// The disk of the directory.
    pub(super) fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// The work directory of a backfill.
    pub(super) fn backfill_directory(&self) -> PathBuf {
        self.root().join("backfill")
    }

    /// The file of a profile in this folder.
    pub(super) fn path(&self, folder: &str, profile: &str, extension: &str) -> PathBuf {
        self.root().join(folder).join(format!("{}.{extension}", files::stem(profile)))
    }

    fn root(&self) -> &Path {
        &self.0.root
    }
}
