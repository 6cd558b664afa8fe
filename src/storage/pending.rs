//! Logins that were started and whose callback has not come yet. They are stored, so that any process that gets the callback
//! can finish the login, also after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Storage, StorageError};

/// How long a started login may take.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);

/// How many logins may be under way. Starting one more forgets the oldest, so that a flood of starts cannot fill the disk;
/// far more than people start while one of them logs in, so that a flood does not end that login either.
pub(super) const MOST: usize = 1000;

/// How many of those that began [somewhere](Beginning::Somewhere) may be under way beside them: they forget only each other.
pub(super) const MOST_FROM_SOMEWHERE: usize = 64;

/// Where a login began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    /// In a terminal of this host, or in the program itself: nobody else knows its state, wherever it is finished.
    Terminal,
    /// In a browser that has seen the overview.
    Overview,
    /// Anywhere: a page of another site may have begun it in a visitor's browser.
    #[default]
    Somewhere,
}

/// A login under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The profile that it is for.
    pub profile: String,
    /// When it was started, Unix seconds.
    pub started_at: i64,
    /// Whether Withings' demo user was asked for.
    pub demo: bool,
    /// Where it began.
    #[serde(default)]
    pub beginning: Beginning,
}

/// The logins under way by the digest of their state: a copy of what is stored lets nobody finish a login, and comparing takes
/// the same time however much of a guess is right.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct States(pub(super) BTreeMap<String, Pending>);

impl States {
    /// Adds a login, without those that are over and, where there are as many as may be, without the oldest.
    pub(super) fn add(&mut self, digest: String, pending: Pending) {
        self.0.retain(|_, other| is_alive(other, pending.started_at));
        let is_from_somewhere = pending.beginning == Beginning::Somewhere;
        let most = if is_from_somewhere { MOST_FROM_SOMEWHERE } else { MOST };
        let is_alike = |other: &Pending| (other.beginning == Beginning::Somewhere) == is_from_somewhere;
        while self.0.values().filter(|other| is_alike(other)).count() >= most {
            let alike = self.0.iter().filter(|(_, other)| is_alike(other));
            let oldest = alike.min_by_key(|(_, other)| other.started_at).map(|(state, _)| state.clone());
            self.0.remove(&oldest.expect("there are as many as may be, so there is an oldest"));
        }
        self.0.insert(digest, pending);
    }
}

impl Storage {
    /// Remembers the random state of a login that begins, until it is taken or [`STATE_LIFETIME`] has passed.
    pub async fn begin_login(&self, state: &str, pending: Pending) -> Result<(), StorageError> {
        self.0.back_end.begin_login(digest(state), pending).await
    }

    /// Takes the login that was begun with `state`: once, and within [`STATE_LIFETIME`].
    pub async fn take_login(&self, state: &str) -> Result<Option<Pending>, StorageError> {
        self.0.back_end.take_login(digest(state)).await
    }
}

/// What is stored of a secret that a browser brings back.
pub(super) fn digest(state: &str) -> String {
    format!("{:x}", Sha256::digest(state.as_bytes()))
}

/// Whether a login that began is not over at this Unix second.
pub(super) fn is_alive(pending: &Pending, now: i64) -> bool {
    u64::try_from(now - pending.started_at).is_ok_and(|age| age < STATE_LIFETIME.as_secs())
}
