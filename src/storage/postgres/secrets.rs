//! What is stored for webhooks, sealed.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::SecretString;

use super::{Postgres, StorageError};

impl Postgres {
    /// The secret of the installation with this name: made by `random` once, then always the same.
    pub(in crate::storage) async fn installation_secret(
        &self,
        _name: &'static str,
        _random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        todo!("L")
    }

    /// Those of `profiles` with addresses that may be subscribed at Withings.
    pub(in crate::storage) async fn with_callbacks(
        &self,
        _profiles: Vec<Arc<str>>,
    ) -> Result<BTreeSet<Arc<str>>, StorageError> {
        todo!("L")
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub(in crate::storage) async fn callbacks(&self, _profile: &str) -> Result<BTreeSet<String>, StorageError> {
        todo!("L")
    }

    /// Replaces these addresses; does nothing if the login is gone.
    pub(in crate::storage) async fn save_callbacks(
        &self,
        _profile: &str,
        _callbacks: BTreeSet<String>,
    ) -> Result<(), StorageError> {
        todo!("L")
    }
}
