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
    /// The parts, by the names of their calls.
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

/// A state that could not be stored.
#[derive(Clone, Debug)]
pub(super) struct UnsavedState {
    /// The claim whose calls have changed it.
    claim: Claim,
    state: StoredState,
    tried_at: Instant,
    failures: u32,
}

pub(super) type UnsavedStates = BTreeMap<Arc<str>, UnsavedState>;

/// Events that are not stored yet.
pub(super) type UnsavedEvents = BTreeMap<Arc<str>, Events>;

impl Unsaved {
    /// Takes a state in the place of one that could not be stored a moment ago, and returns whether it did: a full disk is not
    /// tried again for each call.
    fn takes_state(&mut self, claim: &Claim, state: &StoredState) -> bool {
        let failed = self.states.get_mut(&claim.profile);
        let Some(failed) = failed.filter(|unsaved| unsaved.tried_at.elapsed() < SAVE_AGAIN_AFTER) else { return false };
        (failed.claim, failed.state) = (claim.clone(), state.clone());
        true
    }

    /// The states that it is time to save again.
    pub(super) fn due_states(&self) -> Vec<(Claim, StoredState)> {
        let due = self.states.values().filter(|unsaved| unsaved.tried_at.elapsed() >= SAVE_AGAIN_AFTER);
        due.map(|unsaved| (unsaved.claim.clone(), unsaved.state.clone())).collect()
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
        let unsaved = self.unsaved().states.get(profile).map(|unsaved| unsaved.state.clone());
        let stored = match unsaved {
            Some(state) => state.with(self.0.back_end.load_events(profile).await?),
            None => self.0.back_end.load(profile).await?,
        };
        let unsaved = self.unsaved().events.get(profile).cloned();
        let all =
            unsaved.map(|new| Events { user_id: stored.user_id.clone(), in_bed: stored.in_bed.clone() }.with(new));
        Ok(stored.with(all))
    }

    /// Saves the state that the calls of this claim have changed.
    pub async fn save(&self, claim: &Claim, state: StoredState) -> Result<(), SaveError> {
        if !self.is_current(claim) {
            return Err(SaveError::Superseded);
        }
        if self.unsaved().takes_state(claim, &state) {
            return Ok(());
        }
        self.save_state(claim, state).await
    }

    /// Saves a state, which stays in memory where that fails.
    pub(super) async fn save_state(&self, claim: &Claim, state: StoredState) -> Result<(), SaveError> {
        match self.0.back_end.save(claim, state.clone()).await {
            Err(error) => {
                self.keep_unsaved(claim, state, &error);
                Err(error.into())
            }
            Ok(is_saved) => {
                self.unsaved().states.remove(&claim.profile);
                if is_saved { Ok(()) } else { Err(SaveError::Superseded) }
            }
        }
    }

    fn keep_unsaved(&self, claim: &Claim, state: StoredState, error: &StorageError) {
        let mut unsaved = self.unsaved();
        let failures = unsaved.states.get(&claim.profile).map_or(0, |former| former.failures) + 1;
        let state = UnsavedState { claim: claim.clone(), state, tried_at: Instant::now(), failures };
        unsaved.states.insert(Arc::clone(&claim.profile), state);
        drop(unsaved);
        // A disk that is full must not fill the log as well.
        if failures.is_power_of_two() {
            tracing::error!(
                profile = %claim.profile, error = error.with_cause(), failures,
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
