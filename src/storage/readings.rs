//! What is known of a person: readings with their cursors, and events of the bed. What could not be stored stays in memory
//! until it can be.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::queue::Claim;
use super::{SAVE_AGAIN_AFTER, Storage, StorageError, Unsaved};
use crate::reading::in_bed::{BedEvent, InBed};

/// What is known of a person: a part for each call, which storage does not look into.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoredState {
    /// Withings' id of the person.
    pub user_id: Option<String>,
    /// The parts, by the names of their calls, and what else is stored of each.
    #[serde(default)]
    pub parts: BTreeMap<String, Box<RawValue>>,
    /// The readings in format 1, as 0.1.0 stored them.
    #[serde(skip)]
    pub first_format: Option<Box<RawValue>>,
    /// The events of the bed, which are stored beside the readings: they come without a claim.
    #[serde(skip)]
    pub in_bed: InBed,
}

/// Events as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Events {
    pub(super) user_id: Option<String>,
    pub(super) in_bed: InBed,
}

impl Events {
    /// Whether nothing has happened.
    #[cfg(feature = "postgres")]
    pub(super) fn is_empty(&self) -> bool {
        self.in_bed == InBed::default()
    }

    /// These events with `new` ones; the new ones alone if these are another person's.
    pub(super) fn with(self, new: Self) -> Self {
        if self.user_id != new.user_id {
            return new;
        }
        let mut in_bed = self.in_bed;
        in_bed.take_in(&new.in_bed);
        Self { in_bed, ..new }
    }
}

/// The state of a profile was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The claim has ended: a person has logged in, or everything was deleted.
    #[error("the profile was changed meanwhile")]
    Superseded,
    /// The state could not be written. It stays in memory until it can be.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A state that is not stored yet.
#[derive(Clone, Debug)]
pub(super) struct UnsavedState {
    /// The claim whose calls have changed it.
    claim: Claim,
    state: Arc<StoredState>,
    /// How often storing it, or one that it has replaced, has failed.
    failures: u32,
}

pub(super) type UnsavedStates = BTreeMap<Arc<str>, UnsavedState>;

/// Events that are not stored yet.
pub(super) type UnsavedEvents = BTreeMap<Arc<str>, Events>;

impl Unsaved {
    /// Takes a state that is to be stored.
    fn take_state(&mut self, claim: &Claim, state: StoredState) {
        let failures = self.states.get(&claim.profile).map_or(0, |former| former.failures);
        let unsaved = UnsavedState { claim: claim.clone(), state: Arc::new(state), failures };
        self.states.insert(Arc::clone(&claim.profile), unsaved);
    }

    /// Whether a state could not be stored a moment ago: a full disk is not tried again for each call.
    pub(super) fn states_rest(&self) -> bool {
        self.states_rest_until.is_some_and(|until| Instant::now() < until)
    }
}

impl StoredState {
    /// An empty state of this person.
    #[must_use]
    pub fn of(user_id: &str) -> Self {
        Self { user_id: Some(user_id.to_owned()), ..Self::default() }
    }

    /// This state if it is of the person `user_id`, else an empty one of that person.
    #[must_use]
    pub fn only_of(self, user_id: &str) -> Self {
        if self.user_id.as_deref() == Some(user_id) { self } else { Self::of(user_id) }
    }

    /// This state with what happened in the bed of its person.
    pub(super) fn with(self, events: Option<Events>) -> Self {
        match events.filter(|events| self.user_id.is_none() || events.user_id == self.user_id) {
            Some(Events { user_id, in_bed }) => Self { user_id, in_bed, ..self },
            None => self,
        }
    }
}

impl Storage {
    /// What is known of the person of `profile`; nothing if nothing is stored.
    pub async fn load(&self, profile: &str) -> Result<StoredState, StorageError> {
        let stored = self.0.back_end.load_each(vec![profile.into()]).await?.pop().expect("one was asked for");
        Ok(self.with_unsaved(profile, stored?))
    }

    /// The same for each of these profiles, in their order. What could not be saved is saved first, if it still may be: another
    /// host may have saved since. Fails if no profile could be read, as when the database is away.
    pub async fn load_each(
        &self,
        profiles: &[Arc<str>],
    ) -> Result<Vec<Result<StoredState, StorageError>>, StorageError> {
        for profile in profiles {
            self.settle_state(profile).await?;
        }
        let stored = self.0.back_end.load_each(profiles.to_vec()).await?;
        let of_profiles = profiles.iter().zip(stored);
        Ok(of_profiles.map(|(profile, stored)| Ok(self.with_unsaved(profile, stored?))).collect())
    }

    /// The stored state of `profile` with what is not stored yet.
    fn with_unsaved(&self, profile: &str, stored: StoredState) -> StoredState {
        let (unsaved, events) = self.unsaved_of(profile);
        let stored = match unsaved {
            Some(state) => {
                let StoredState { user_id, in_bed, .. } = stored;
                StoredState::clone(&state).with(Some(Events { user_id, in_bed }))
            }
            None => stored,
        };
        let all = events.map(|new| Events { user_id: stored.user_id.clone(), in_bed: stored.in_bed.clone() }.with(new));
        stored.with(all)
    }

    /// What is not stored yet of the person whose login the profile has. What is of a person who was forgotten counts no more,
    /// whichever process has done that.
    fn unsaved_of(&self, profile: &str) -> (Option<Arc<StoredState>>, Option<Events>) {
        let logins = self.logins();
        let Some(person) = logins.get(profile).map(|known| &*known.login.user_id) else { return (None, None) };
        let unsaved = self.unsaved();
        let state = unsaved.states.get(profile).map(|unsaved| &unsaved.state);
        let state = state.filter(|state| state.user_id.as_deref() == Some(person));
        let events = unsaved.events.get(profile).filter(|events| events.user_id.as_deref() == Some(person));
        (state.cloned(), events.cloned())
    }

    /// Saves the state that the calls of this claim have changed.
    pub async fn save(&self, claim: &Claim, state: StoredState) -> Result<(), SaveError> {
        if !self.is_current(claim) {
            return Err(SaveError::Superseded);
        }
        let rests = {
            let mut unsaved = self.unsaved();
            unsaved.take_state(claim, state);
            unsaved.states_rest()
        };
        if rests { Ok(()) } else { self.save_state(&claim.profile).await }
    }

    /// Saves the state of a profile that is not saved yet. It stays in memory where that fails, and is dropped where it may not be
    /// saved any more.
    pub(super) async fn save_state(&self, profile: &str) -> Result<(), SaveError> {
        let Some(UnsavedState { claim, state, .. }) = self.unsaved().states.get(profile).cloned() else {
            return Ok(());
        };
        match self.0.back_end.save(&claim, StoredState::clone(&state)).await {
            Err(error) => {
                self.note_unsaved(profile, &error);
                Err(error.into())
            }
            Ok(is_saved) => {
                // A newer one may have come meanwhile: that is stored next time.
                self.unsaved().states.retain(|_, unsaved| !Arc::ptr_eq(&unsaved.state, &state));
                if is_saved { Ok(()) } else { Err(SaveError::Superseded) }
            }
        }
    }

    /// Saves the state of a profile that could not be saved, or drops it where another host has the profile by now. A directory
    /// has no other host, and what cannot be saved there keeps nothing waiting.
    pub(super) async fn settle_state(&self, profile: &str) -> Result<(), StorageError> {
        if !self.is_of_many_hosts() {
            return Ok(());
        }
        match self.save_state(profile).await {
            Err(SaveError::Storage(error)) => Err(error),
            Ok(()) | Err(SaveError::Superseded) => Ok(()),
        }
    }

    fn note_unsaved(&self, profile: &str, error: &StorageError) {
        let mut unsaved = self.unsaved();
        unsaved.states_rest_until = Some(Instant::now() + SAVE_AGAIN_AFTER);
        let Some(state) = unsaved.states.get_mut(profile) else { return };
        state.failures += 1;
        let failures = state.failures;
        drop(unsaved);
        // A disk that is full must not fill the log as well.
        if failures.is_power_of_two() {
            tracing::error!(
                %profile, error = error.with_cause(), failures,
                "the readings could not be stored; they are shown, and storing them is tried again"
            );
        }
    }

    /// Notes an event of the person `user_id` of `profile`, and gives what is known of the bed after it. Events that cannot be
    /// stored stay in memory until they can be.
    pub async fn note_event(&self, profile: &Arc<str>, user_id: &str, event: BedEvent) -> InBed {
        let unsaved = self.unsaved().note_event(profile, user_id, event);
        if let Err(error) = self.save_events(profile).await {
            tracing::error!(%profile, error = error.with_cause(), "what happened in bed could not be stored; it is shown");
        }
        match self.load(profile).await {
            Ok(state) => state.only_of(user_id).in_bed,
            Err(error) => {
                tracing::error!(%profile, error = error.with_cause(), "what happened in bed before cannot be read");
                unsaved
            }
        }
    }

    /// Stores the events of a profile that are not stored yet.
    pub(super) async fn save_events(&self, profile: &Arc<str>) -> Result<(), StorageError> {
        let Some(events) = self.unsaved().events.get(profile).cloned() else { return Ok(()) };
        self.0.back_end.save_events(profile, events.clone()).await?;
        // One more event may have come meanwhile: that is stored next time.
        self.unsaved().events.retain(|name, unsaved| name != profile || *unsaved != events);
        Ok(())
    }
}

impl Unsaved {
    /// Notes an event that is not stored yet, and gives all of them.
    fn note_event(&mut self, profile: &Arc<str>, user_id: &str, event: BedEvent) -> InBed {
        let new = || Events { user_id: Some(user_id.to_owned()), in_bed: InBed::default() };
        let events = self.events.entry(Arc::clone(profile)).or_insert_with(new);
        if events.user_id.as_deref() != Some(user_id) {
            *events = new();
        }
        events.in_bed.note(event);
        events.in_bed.clone()
    }
}
