//! A directory that goes into a database, or that comes out of one. Two marks say so, of which each keeps every exporter away:
//! a login that lives in two places dies in one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::files::{EXPORTING, MOVED};
use super::root::OpenError;
use super::secrets::Secret;
use super::{Directory, StorageError, Surroundings, atomic, files, json_file, plans_file, readings, root};
use crate::regular_file::{self, MOST_BYTES};
use crate::storage::login::Login;
use crate::storage::plan::{StoredPlan, StoredPlans};
use crate::storage::readings::{Events, StoredState};

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct Transfer {
    /// The installation whose database it is.
    pub(in crate::storage) installation: String,
    /// What tells this transfer from others: the database says the same once it is done.
    pub(in crate::storage) id: String,
}

/// Everything that is stored of one profile.
#[derive(Debug)]
pub(in crate::storage) struct StoredProfile {
    pub(in crate::storage) login: Login,
    pub(in crate::storage) state: StoredState,
    pub(in crate::storage) events: Option<Events>,
    pub(in crate::storage) plan: Option<StoredPlan>,
    pub(in crate::storage) callbacks: BTreeSet<String>,
}

/// Everything that is stored.
#[derive(Debug, Default)]
pub(in crate::storage) struct Contents {
    pub(in crate::storage) profiles: Vec<StoredProfile>,
    /// The secrets of the installation, by name.
    pub(in crate::storage) secrets: BTreeMap<String, SecretString>,
}

/// The names of the secrets that an installation may have.
const SECRETS: [&str; 2] = ["visitor", "webhook"];

impl Directory {
    /// Opens the directory at `root` for a transfer, whatever its marks say, and keeps every exporter away as long as it is open.
    /// Blocks.
    pub(in crate::storage) fn open_for_transfer(root: &Path, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let locks = root::prepare_for_transfer(root)?;
        Ok(Self::at(root, locks, surroundings))
    }

    /// The transfer into a database of which the directory has the mark.
    pub(in crate::storage) fn moved(&self) -> Result<Option<Transfer>, StorageError> {
        mark(&self.root().join(MOVED))
    }

    /// The transfer out of a database of which the directory has the mark.
    pub(in crate::storage) fn exporting(&self) -> Result<Option<Transfer>, StorageError> {
        mark(&self.root().join(EXPORTING))
    }

    /// Marks the directory as moved into a database.
    pub(in crate::storage) fn mark_moved(&self, transfer: &Transfer) -> Result<(), StorageError> {
        atomic::write(&self.root().join(MOVED), transfer, atomic::Durability::Synced)
    }

    /// Marks the directory as one into which a database is being exported.
    pub(in crate::storage) fn mark_exporting(&self, transfer: &Transfer) -> Result<(), StorageError> {
        atomic::write(&self.root().join(EXPORTING), transfer, atomic::Durability::Synced)
    }

    /// Takes both marks away: the directory is the one home of its logins from now on.
    pub(in crate::storage) fn unmark(&self) -> Result<(), StorageError> {
        atomic::remove(&self.root().join(MOVED))?;
        atomic::remove(&self.root().join(EXPORTING))?;
        atomic::sync_dir(self.root())
    }

    /// Whether a login is stored.
    pub(in crate::storage) fn has_logins(&self) -> Result<bool, StorageError> {
        root::has_logins(self.root())
    }

    /// Reads everything. Blocks.
    pub(in crate::storage) fn contents(&self) -> Result<Contents, StorageError> {
        let mut plans = plans_file::read(self.root())?.unwrap_or_default().profiles;
        let mut contents = Contents::default();
        for path in atomic::json_files(&self.root().join("logins"))? {
            let Some(login) = json_file::load::<Login>(&path)? else { continue };
            let of = |folder: &str| self.path(folder, &login.profile, "json");
            contents.profiles.push(StoredProfile {
                state: readings::load_state(&of("readings"))?,
                events: json_file::load(&of("events"))?,
                plan: plans.remove(&login.profile),
                callbacks: json_file::load(&of("callbacks"))?.unwrap_or_default(),
                login,
            });
        }
        for name in SECRETS {
            if let Some(stored) = json_file::load::<Secret>(&self.secret(name))? {
                contents.secrets.insert(name.to_owned(), stored.secret.into());
            }
        }
        Ok(contents)
    }

    /// Writes everything, in place of whatever was there. Blocks.
    pub(in crate::storage) fn replace_contents(&self, contents: &Contents) -> Result<(), StorageError> {
        for folder in files::folders(self.root()) {
            for path in atomic::files(&folder)? {
                atomic::remove(&path)?;
            }
        }
        let mut plans = StoredPlans::default();
        for StoredProfile { login, state, events, plan, callbacks } in &contents.profiles {
            let of = |folder: &str| self.path(folder, &login.profile, "json");
            readings::save_state(&of("readings"), state)?;
            if let Some(events) = events {
                json_file::save(&of("events"), events)?;
            }
            if !callbacks.is_empty() {
                json_file::save(&of("callbacks"), callbacks)?;
            }
            plans.profiles.extend(plan.clone().map(|plan| (login.profile.clone(), plan)));
            json_file::save(&of("logins"), login)?;
        }
        for (name, secret) in &contents.secrets {
            json_file::save(&self.secret(name), &Secret { secret: secret.expose_secret().to_owned() })?;
        }
        plans_file::write(self.root(), &plans)
    }
}

/// What the mark at `path` says. One that cannot be understood is an error and not set aside: without it two places would have
/// the same logins.
fn mark(path: &Path) -> Result<Option<Transfer>, StorageError> {
    let bytes = match atomic::open(path).and_then(|file| regular_file::content(file, MOST_BYTES)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::file("read", path)(error)),
    };
    let understood = serde_json::from_slice(&bytes).map_err(std::io::Error::from);
    understood.map(Some).map_err(StorageError::file("understand", path))
}
