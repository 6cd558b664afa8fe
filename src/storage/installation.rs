//! What belongs to the installation and its webhooks: secrets, and the addresses that may be subscribed at Withings.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::SecretString;

use super::{Storage, StorageError};

impl Storage {
    /// The secret of the installation with this name, which is one word: made by `random` once, then always the same.
    pub async fn installation_secret(
        &self,
        name: &'static str,
        random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        self.0.back_end.installation_secret(name, random).await
    }

    /// The profiles with a login that may have subscriptions at Withings.
    pub async fn subscribed_profiles(&self) -> Result<BTreeSet<Arc<str>>, StorageError> {
        let profiles = self.logins().keys().cloned().collect();
        self.0.back_end.with_callbacks(profiles).await
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub async fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        self.0.back_end.callbacks(profile).await
    }

    /// Replaces the addresses that may be subscribed at Withings for the person of `profile`; does nothing if its login is
    /// gone, for then another process has deleted everything of the profile.
    pub async fn save_callbacks(&self, profile: &str, callbacks: BTreeSet<String>) -> Result<(), StorageError> {
        self.0.back_end.save_callbacks(profile, callbacks).await
    }
}
