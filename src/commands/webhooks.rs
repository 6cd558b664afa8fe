//! Webhooks: what is asked of Withings, and at which address.

use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;
use crate::storage::{Storage, StorageError};
use crate::subscription::Wish;
use crate::withings::notify::Appli;
use crate::withings::oauth::random_token;

/// The secret part of the address that Withings calls, if it shall call. Blocks.
pub(super) fn secret(config: &Config, storage: &Storage) -> Result<Option<SecretString>, StorageError> {
    config.webhooks.then(|| storage.webhook_secret(random_token)).transpose()
}

/// What Withings is asked to tell, and at which address.
pub(super) fn wish(config: &Config, secret: Option<&SecretString>) -> Option<Wish> {
    let secret = secret?.expose_secret();
    Some(Wish {
        callback: config.webhook_url(secret).into(),
        shown: config.webhook_url("…").into(),
        applis: Appli::wanted(&config.measured()),
    })
}
