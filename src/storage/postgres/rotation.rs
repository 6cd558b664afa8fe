//! The lease of a rotation: in the row of the login, on the database's clock.

use std::time::Duration;

use super::{Postgres, StorageError};
use crate::storage::login::Login;
use crate::storage::pair::Holder;
use crate::storage::pair::UnsavedPair;

/// How long a request for a new pair may take. The lease lasts 20 s longer, in which a request that was given up may still
/// arrive.
pub(in crate::storage) const ASK_WITHIN: Duration = Duration::from_secs(8);

/// The right to rotate a login.
#[derive(Debug)]
pub(in crate::storage) struct LoginLease {
    holder: Holder,
}

impl LoginLease {
    /// Who has it: random, for each lease.
    pub(in crate::storage) fn holder(&self) -> Holder {
        Holder::clone(&self.holder)
    }
}

impl Postgres {
    /// Takes the lease of the login of `profile` in this version; `None` if it is taken.
    pub(in crate::storage) async fn lease(
        &self,
        _profile: &str,
        _version: u64,
    ) -> Result<Option<LoginLease>, StorageError> {
        todo!("L")
    }

    /// Whether enough is left of the lease to ask for a new pair.
    pub(in crate::storage) async fn is_fresh(&self, _lease: &LoginLease) -> Result<bool, StorageError> {
        todo!("L")
    }

    /// Gives back a lease with which Withings was asked and has refused; returns whether it was still held.
    pub(in crate::storage) async fn release(&self, _lease: LoginLease) -> Result<bool, StorageError> {
        todo!("L")
    }

    /// Stores a pair; `None` if the login is another one by now.
    pub(in crate::storage) async fn store_pair(
        &self,
        _profile: &str,
        _pair: UnsavedPair,
    ) -> Result<Option<Login>, StorageError> {
        todo!("L")
    }
}
