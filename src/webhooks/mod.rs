//! Webhooks: the subscriptions at Withings, their removal, and the inbox for what Withings posts.

mod inbox;
mod subscriptions;
mod unsubscribe;

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub use inbox::{BedNotification, Inbox, Receipt};
pub use subscriptions::{CHECK_EVERY, NextStep, SubscriptionError, SubscriptionStatus, Subscriptions};
pub use unsubscribe::unsubscribe_former;

use crate::config::Config;
use crate::storage::LoginInfo;
use crate::withings::appli::Appli;
use crate::withings::notify::wanted;

/// What Withings is asked to tell, and where. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredSubscriptions {
    /// The address with its secret part, which no message may show.
    pub callback: Arc<str>,
    /// The address without it.
    pub shown: Arc<str>,
    /// The kinds of events.
    pub applis: BTreeSet<Appli>,
}

impl DesiredSubscriptions {
    /// The subscriptions that `config` asks for; `secret` is the secret part of the address.
    #[must_use]
    pub fn of(config: &Config, secret: &SecretString) -> Self {
        Self {
            callback: config.webhook_url(secret.expose_secret()).into(),
            shown: config.webhook_url("…").into(),
            applis: wanted(config.measured().iter()),
        }
    }

    /// A number that is another one where the address, the kinds or the login differ. The address cannot be found by it.
    fn digest(&self, login: &LoginInfo) -> u64 {
        let applis: Vec<_> = self.applis.iter().map(|appli| appli.number()).collect();
        let whole = Sha256::digest(format!("{} {applis:?} {:?}", self.callback, login.consent()));
        whole.iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte))
    }
}
