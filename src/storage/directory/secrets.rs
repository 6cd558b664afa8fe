//! What is stored for webhooks: the secret part of the address that Withings calls, and for each profile the addresses that
//! may be subscribed at Withings, so that they can be taken back when they change.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Directory, StorageError, atomic, json_file};

/// A secret as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) secret: String,
}

impl Directory {
    /// The secret of the installation with this name: made by `random` once, then always the same.
    pub(in crate::storage) async fn installation_secret(
        &self,
        name: &'static str,
        random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        let path = self.secret(name);
        let secret = self.disk().write(move || {
            if let Some(stored) = json_file::load::<Secret>(&path)? {
                return Ok(stored.secret.into());
            }
            let secret = SecretString::from(random());
            json_file::save(&path, &Secret { secret: secret.expose_secret().to_owned() })?;
            Ok(secret)
        });
        secret.await
    }

    /// The file of the secret with this name.
    pub(super) fn secret(&self, name: &str) -> PathBuf {
        self.root().join(format!("{name}.json"))
    }

    /// Those of `profiles` with addresses that may be subscribed at Withings.
    pub(in crate::storage) async fn with_callbacks(
        &self,
        profiles: Vec<Arc<str>>,
    ) -> Result<BTreeSet<Arc<str>>, StorageError> {
        let directory = self.clone();
        let has_callbacks = move |profile: &Arc<str>| directory.path("callbacks", profile, "json").exists();
        self.disk().read(move || Ok(profiles.into_iter().filter(has_callbacks).collect())).await
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub(in crate::storage) async fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        let path = self.path("callbacks", profile, "json");
        self.disk().read(move || Ok(json_file::load(&path)?.unwrap_or_default())).await
    }

    /// Replaces these addresses; does nothing if the login is gone.
    pub(in crate::storage) async fn save_callbacks(
        &self,
        profile: &str,
        callbacks: BTreeSet<String>,
    ) -> Result<(), StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let saved = self.disk().write(move || {
            let Some(_lock) = directory.lock_login(&name, None)? else { return Ok(()) };
            let path = directory.path("callbacks", &name, "json");
            if callbacks.is_empty() { atomic::remove(&path).map(drop) } else { json_file::save(&path, &callbacks) }
        });
        saved.await
    }
}
