//! The rows of the logins that were started and whose callback has not come yet.

use super::{Postgres, StorageError};
use crate::storage::pending::Pending;

impl Postgres {
    /// Stores a login that begins.
    pub(in crate::storage) async fn begin_login(&self, _digest: String, _pending: Pending) -> Result<(), StorageError> {
        todo!("L")
    }

    /// Takes the login whose state has this digest.
    pub(in crate::storage) async fn take_login(&self, _digest: String) -> Result<Option<Pending>, StorageError> {
        todo!("L")
    }
}
