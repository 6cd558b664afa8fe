//! What is stored for webhooks: the secret part of the address that Withings calls, and for each profile the addresses that
//! may be subscribed at Withings, so that they can be taken back when they change.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Storage, StorageError, atomic, json_file};

#[derive(Serialize, Deserialize)]
struct Secret {
    secret: String,
}

impl Storage {
    /// The secret of the installation with this name, which is one word: made by `random` once, then always the same.
    pub async fn installation_secret(
        &self,
        name: &'static str,
        random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        let path = self.0.root.join(format!("{name}.json"));
        let secret = self.0.disk.write(move || {
            if let Some(stored) = json_file::load::<Secret>(&path)? {
                return Ok(stored.secret.into());
            }
            let secret = SecretString::from(random());
            json_file::save(&path, &Secret { secret: secret.expose_secret().to_owned() })?;
            Ok(secret)
        });
        secret.await
    }

    /// The profiles with a login that may have subscriptions at Withings.
    pub async fn subscribed_profiles(&self) -> Result<BTreeSet<Arc<str>>, StorageError> {
        let (storage, logins) = (self.clone(), self.logins());
        let has_callbacks = move |profile: &&Arc<str>| storage.path("callbacks", profile, "json").exists();
        self.0.disk.read(move || Ok(logins.keys().filter(has_callbacks).cloned().collect())).await
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub async fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        let path = self.path("callbacks", profile, "json");
        self.0.disk.read(move || Ok(json_file::load(&path)?.unwrap_or_default())).await
    }

    /// Replaces the addresses that may be subscribed at Withings for the person of `profile`; does nothing if its login is
    /// gone, for then another process has deleted everything of the profile.
    pub async fn save_callbacks(&self, profile: &str, callbacks: BTreeSet<String>) -> Result<(), StorageError> {
        let (storage, name) = (self.clone(), profile.to_owned());
        let saved = self.0.disk.write(move || {
            let Some(_lock) = storage.lock_login(&name)? else { return Ok(()) };
            let path = storage.path("callbacks", &name, "json");
            if callbacks.is_empty() { atomic::remove(&path).map(drop) } else { json_file::save(&path, &callbacks) }
        });
        saved.await
    }
}
