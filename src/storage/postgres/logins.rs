//! The rows of the logins: the only ways to change them.

use std::sync::Arc;

use super::{Postgres, StorageError};
use crate::storage::known_logins::{ConnectError, Forgotten};
use crate::storage::login::{Login, NewConsent};

impl Postgres {
    /// The login of `profile` as it is stored now; `None` if there is none.
    pub(in crate::storage) async fn login(&self, _profile: &str) -> Result<Option<Login>, StorageError> {
        todo!("L")
    }

    /// Stores the login of a new consent, and gives it and the login of another person in whose place it came. `others` are the
    /// profiles that must not have the same person.
    pub(in crate::storage) async fn connect(
        &self,
        _consent: NewConsent,
        _others: Vec<Arc<str>>,
        _may_replace: bool,
        _connected_at: i64,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        todo!("L")
    }

    /// Deletes everything that is stored of the profile.
    pub(in crate::storage) async fn forget(&self, _profile: &str) -> Result<Forgotten, StorageError> {
        todo!("L")
    }

    /// Drops the previous refresh token of this version of the login.
    pub(in crate::storage) async fn prove(&self, _profile: &str, _version: u64) -> Result<(), StorageError> {
        todo!("L")
    }
}
