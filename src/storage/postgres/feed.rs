//! What other replicas have changed, by the transactions that did it.

use std::sync::Arc;

use super::{Postgres, StorageError};
use crate::storage::known_logins::{Changes, KnownLogins};

/// Up to which transaction the changes of others are known.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Followed;

impl Postgres {
    /// What has changed since `before`; `None`: nothing.
    pub(in crate::storage) async fn changes(
        &self,
        _before: Option<Followed>,
        _known: Arc<KnownLogins>,
    ) -> Result<Option<(Changes, Followed)>, StorageError> {
        todo!("W")
    }

    /// Whether the latest operation with the database worked.
    pub(in crate::storage) fn is_up(&self) -> bool {
        todo!("W")
    }
}
