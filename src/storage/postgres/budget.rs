//! The budget of requests in a row of its own, changed by every replica where it is as it was read.

use super::{Postgres, StorageError};
use crate::storage::budget::{Budget, Spacing};

impl Postgres {
    /// Does `work` with the stored budget at the present time of the database, Unix milliseconds, and stores what it makes of it.
    pub(in crate::storage) async fn change_budget<T: Send + 'static>(
        &self,
        _spacing: Spacing,
        _work: impl Fn(&mut Budget, i64) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        todo!("W: select state, compute, update where state = the old one; again until it was that")
    }
}
