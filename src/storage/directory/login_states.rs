//! Logins that were started and whose callback has not come yet. They are stored, so that any process that gets the callback
//! can finish the login, also after a restart.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Storage, StorageError, atomic, json_file};

/// How long a started login may take, seconds: 10 minutes.
pub const STATE_LIFETIME: i64 = 600;

/// How many logins may be under way. Starting one more forgets the oldest, so that a flood of starts cannot fill the disk;
/// far more than people start while one of them logs in, so that a flood does not end that login either.
pub(in crate::storage) const MOST: usize = 1000;

/// How many of those that began [somewhere](Beginning::Somewhere) may be under way beside them: they forget only each other.
pub(in crate::storage) const MOST_FROM_SOMEWHERE: usize = 64;

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

/// The logins under way by the digest of their state: a copy of the file lets nobody finish a login, and comparing takes the
/// same time however much of a guess is right.
pub(in crate::storage) type States = BTreeMap<String, Pending>;

impl Storage {
    /// Remembers the random state of a login that begins, until it is taken or [`STATE_LIFETIME`] has passed.
    pub async fn begin_login(&self, state: &str, pending: Pending) -> Result<(), StorageError> {
        let (storage, state) = (self.clone(), state.to_owned());
        self.0.disk.write(move || add(&storage, &state, pending)).await
    }

    /// Takes the login that was begun with `state`: once, and within [`STATE_LIFETIME`].
    pub async fn take_login(&self, state: &str) -> Result<Option<Pending>, StorageError> {
        let (storage, state, now) = (self.clone(), state.to_owned(), self.0.clock.unix());
        self.0.disk.write(move || take(&storage, &state, now)).await
    }
}

fn add(storage: &Storage, state: &str, pending: Pending) -> Result<(), StorageError> {
    change(storage, |states| {
        states.retain(|_, other| is_alive(other, pending.started_at));
        let is_from_somewhere = pending.beginning == Beginning::Somewhere;
        let most = if is_from_somewhere { MOST_FROM_SOMEWHERE } else { MOST };
        let is_alike = |other: &Pending| (other.beginning == Beginning::Somewhere) == is_from_somewhere;
        while states.values().filter(|other| is_alike(other)).count() >= most {
            let alike = states.iter().filter(|(_, other)| is_alike(other));
            let oldest = alike.min_by_key(|(_, other)| other.started_at).map(|(state, _)| state.clone());
            states.remove(&oldest.expect("there are as many as may be, so there is an oldest"));
        }
        states.insert(digest(state), pending);
        true
    })
}

fn take(storage: &Storage, state: &str, now: i64) -> Result<Option<Pending>, StorageError> {
    let mut taken = None;
    change(storage, |states| {
        taken = states.remove(&digest(state));
        taken.is_some()
    })?;
    Ok(taken.filter(|pending| is_alive(pending, now)))
}

/// Forgets the logins that were started for `profile`.
pub(super) fn forget(storage: &Storage, profile: &str) -> Result<(), StorageError> {
    change(storage, |states| {
        let before = states.len();
        states.retain(|_, pending| pending.profile != profile);
        states.len() < before
    })
}

/// Changes the file under its lock; `change` returns whether there is something to write.
fn change(storage: &Storage, change: impl FnOnce(&mut States) -> bool) -> Result<(), StorageError> {
    let _lock = atomic::lock(&storage.0.root.join("pending.lock"), atomic::LOCK_WITHIN)?;
    let path = path(storage);
    let mut states: States = json_file::load(&path)?.unwrap_or_default();
    if change(&mut states) { json_file::save(&path, &states) } else { Ok(()) }
}

fn digest(state: &str) -> String {
    format!("{:x}", Sha256::digest(state.as_bytes()))
}

fn path(storage: &Storage) -> PathBuf {
    storage.0.root.join("pending.json")
}

fn is_alive(pending: &Pending, now: i64) -> bool {
    (0..STATE_LIFETIME).contains(&(now - pending.started_at))
}
