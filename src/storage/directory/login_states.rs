//! The file of the logins that were started and whose callback has not come yet.

use super::{Directory, StorageError, atomic, json_file};
use crate::storage::pending::{Pending, States, is_alive};

/// The lock of the file.
pub(super) const LOCK: &str = "pending.lock";

impl Directory {
    /// Stores a login that begins.
    pub(in crate::storage) async fn begin_login(&self, digest: String, pending: Pending) -> Result<(), StorageError> {
        let directory = self.clone();
        let added = move || {
            directory.change_states(|states| {
                states.add(digest, pending);
                true
            })
        };
        self.disk().write(added).await
    }

    /// Takes the login whose state has this digest, unless it is over.
    pub(in crate::storage) async fn take_login(&self, digest: String) -> Result<Option<Pending>, StorageError> {
        let directory = self.clone();
        let taken = move || {
            let mut taken = None;
            directory.change_states(|states| {
                taken = states.0.remove(&digest);
                taken.is_some()
            })?;
            Ok(taken)
        };
        let taken = self.disk().write(taken).await?;
        Ok(taken.filter(|pending| is_alive(pending, self.0.clock.unix())))
    }

    /// Forgets the logins that were started for `profile`.
    pub(super) fn forget_states(&self, profile: &str) -> Result<(), StorageError> {
        self.change_states(|states| {
            let before = states.0.len();
            states.0.retain(|_, pending| pending.profile != profile);
            states.0.len() < before
        })
    }

    /// Changes the file under its lock; `change` returns whether there is something to write.
    fn change_states(&self, change: impl FnOnce(&mut States) -> bool) -> Result<(), StorageError> {
        let _lock = atomic::lock(&self.root().join(LOCK), atomic::LOCK_WITHIN)?;
        let path = self.root().join("pending.json");
        let mut states: States = json_file::load(&path)?.unwrap_or_default();
        if change(&mut states) { json_file::save(&path, &states) } else { Ok(()) }
    }
}
