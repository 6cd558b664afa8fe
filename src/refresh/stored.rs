//! Showing what is stored: at a start, after a reload, and where another process has changed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures_util::future::join;

use super::profile_state::ProfileState;
use super::{Refresher, first_format};
use crate::catalogue::Call;
use crate::storage::{StorageError, StoredState};

/// How many profiles are read by one operation: what one of them costs is less than what an operation costs.
const TOGETHER: usize = 16;

/// What is found of a profile in storage.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// When calls last worked, as 0.1.0 stored it, Unix seconds.
    pub(super) first_successes: BTreeMap<Call, i64>,
    /// The calls that are to be made at once, for their stored parts are not understood.
    pub(super) unread: BTreeSet<Call>,
}

impl Refresher {
    /// Shows what is stored of these profiles, or that another profile shows the person, and gives what their plans depend on.
    pub async fn restore(&self, profiles: &[Arc<str>]) -> BTreeMap<Arc<str>, Restored> {
        let people = self.services().logins.people();
        let duplicate_of = |profile: &str| people.get(profile).and_then(|person| person.duplicate_of.clone());
        for profile in profiles {
            if let Some(other) = duplicate_of(profile) {
                self.show_duplicate(profile, other);
            }
        }
        self.show_stored(profiles.iter().filter(|profile| duplicate_of(profile).is_none()).cloned()).await
    }

    /// Shows what is stored of these profiles, and gives what their plans depend on. A profile without a login is shown too: its
    /// login file may be broken. Where something cannot be read, what is shown stays, as far as it is selected, and reading is
    /// tried again.
    pub async fn show_stored(&self, profiles: impl IntoIterator<Item = Arc<str>>) -> BTreeMap<Arc<str>, Restored> {
        let profiles: Vec<_> = profiles.into_iter().collect();
        let (mut left, mut loaded, mut restored) = (&profiles[..], Vec::new(), BTreeMap::new());
        while !left.is_empty() {
            let (some, others) = left.split_at(TOGETHER.min(left.len()));
            // Reading begins before the former ones are shown: that is computing, and nothing begins meanwhile.
            let (stored, shown) = join(self.storage().load_each(some), async { self.show_some(loaded) }).await;
            restored.extend(shown);
            (loaded, left) = match stored {
                Ok(stored) => (some.iter().cloned().zip(stored).collect(), others),
                // The others would wait in vain, too.
                Err(error) => {
                    self.keep_shown(left, &error);
                    (Vec::new(), &[][..])
                }
            };
        }
        restored.extend(self.show_some(loaded));
        restored
    }

    fn show_some(&self, loaded: Vec<(Arc<str>, Result<StoredState, StorageError>)>) -> Vec<(Arc<str>, Restored)> {
        let mut restored = Vec::new();
        for (profile, stored) in loaded {
            match stored {
                Ok(stored) => {
                    self.note_read(&profile);
                    let found = self.show_loaded(&profile, stored);
                    restored.push((profile, found));
                }
                Err(error) => self.keep_shown(&[profile], &error),
            }
        }
        restored
    }

    /// Shows the stored state of a profile, unless another profile shows its person.
    fn show_loaded(&self, profile: &Arc<str>, stored: StoredState) -> Restored {
        let stored = self.of_person(profile, stored);
        let first_successes = stored.first_format.as_ref().map(|json| first_format::successes(json.get()));
        let state = ProfileState::restore(stored);
        let people = || self.services().logins.people();
        let may = || people().get(profile).is_none_or(|person| person.duplicate_of.is_none());
        self.show(profile, &state, &self.storage().plan(profile).unwrap_or_default(), may);
        Restored { first_successes: first_successes.unwrap_or_default(), unread: state.to_be_read().collect() }
    }

    /// Leaves what is shown of these profiles, whose stored readings cannot be read.
    fn keep_shown(&self, profiles: &[Arc<str>], error: &StorageError) {
        self.note_failed(profiles, error);
        for profile in profiles {
            self.show_selected(profile);
        }
    }

    /// Shows that another profile shows the person of `profile`.
    pub fn show_duplicate(&self, profile: &Arc<str>, other: Arc<str>) {
        tracing::error!(%profile, %other, "two profiles are one person; only the other is shown");
        self.show_nobody(profile, Some(other));
    }

    /// The profiles whose stored readings are still to be read and shown.
    #[must_use]
    pub fn unread(&self) -> BTreeSet<Arc<str>> {
        self.0.unread.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that what is stored of these profiles is to be read and shown, with the next look at the latest; gives those of
    /// whom that was not known.
    pub fn note_unread(&self, profiles: &[Arc<str>]) -> Vec<Arc<str>> {
        let mut unread = self.0.unread.lock().unwrap_or_else(PoisonError::into_inner);
        profiles.iter().filter(|profile| unread.insert(Arc::clone(profile))).cloned().collect()
    }

    /// Notes that the stored readings of these profiles cannot be read: that is tried again with each look at what others have
    /// changed, and said once, for an outage must not fill the log.
    pub(super) fn note_failed(&self, profiles: &[Arc<str>], error: &StorageError) {
        let profiles = self.note_unread(profiles);
        if !profiles.is_empty() {
            tracing::error!(
                ?profiles,
                error = error.with_cause(),
                "the last readings cannot be read; it is tried again"
            );
        }
    }

    /// Notes that the stored readings of a profile were read.
    pub(super) fn note_read(&self, profile: &str) {
        self.0.unread.lock().unwrap_or_else(PoisonError::into_inner).remove(profile);
    }
}
