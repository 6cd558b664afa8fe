//! What webhooks keep: the secret part of the address that Withings calls, and for each profile the addresses that may be
//! subscribed there, so that they can be taken back when they change.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Storage, StorageError, file};

#[derive(Serialize, Deserialize)]
struct Secret {
    secret: String,
}

impl Storage {
    /// The secret part of the address that Withings calls: made by `random` once, then always the same.
    pub fn webhook_secret(&self, random: impl FnOnce() -> String) -> Result<SecretString, StorageError> {
        let path = self.0.root.join("webhook.json");
        if let Some(stored) = file::load::<Secret>(&path)? {
            return Ok(stored.secret.into());
        }
        let secret = SecretString::from(random());
        file::save(&path, &Secret { secret: secret.expose_secret().to_owned() })?;
        Ok(secret)
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        Ok(file::load(&self.path("callbacks", profile, "json"))?.unwrap_or_default())
    }

    /// Saves the addresses that may be subscribed at Withings for the person of `profile`, whole; does nothing if its login
    /// is gone, for then somebody else has deleted everything of the profile.
    pub fn save_callbacks(&self, profile: &str, callbacks: &BTreeSet<String>) -> Result<(), StorageError> {
        self.save_of_login("callbacks", profile, callbacks)
    }
}
