//! What is known of a person: readings with their cursors, and events of the bed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::super::{SAVE_AGAIN_AFTER, Unsaved};
use super::queue::Claim;
use super::{Storage, StorageError, json_file};
use crate::reading::in_bed::{BedEvent, InBed};
use crate::regular_file::MOST_BYTES;

/// The format that is written. Format 1, of version 0.1.0, has one object for all calls together.
const FORMAT: u32 = 2;

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
    /// The events of the bed, which are stored in a file of their own: they come without a claim.
    #[serde(skip)]
    pub in_bed: InBed,
}

/// Events as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::storage) struct Events {
    user_id: Option<String>,
    in_bed: InBed,
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
pub(in crate::storage) struct UnsavedState {
    state: StoredState,
    tried_at: Instant,
    failures: u32,
}

pub(in crate::storage) type UnsavedStates = BTreeMap<Arc<str>, UnsavedState>;

/// Events that are not stored yet.
pub(in crate::storage) type UnsavedEvents = BTreeMap<Arc<str>, Events>;

impl Unsaved {
    /// Takes a state in the place of one that could not be stored a moment ago, and returns whether it did: a full disk is not
    /// tried again for each call.
    fn takes_state(&mut self, profile: &str, state: &StoredState) -> bool {
        let failed = self.states.get_mut(profile).filter(|unsaved| unsaved.tried_at.elapsed() < SAVE_AGAIN_AFTER);
        failed.map(|unsaved| unsaved.state.clone_from(state)).is_some()
    }

    /// The states that it is time to save again.
    pub(in crate::storage) fn due_states(&self) -> Vec<(Arc<str>, StoredState)> {
        let due = self.states.iter().filter(|(_, unsaved)| unsaved.tried_at.elapsed() >= SAVE_AGAIN_AFTER);
        due.map(|(profile, unsaved)| (Arc::clone(profile), unsaved.state.clone())).collect()
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
}

impl Storage {
    /// What is known of the person of `profile`; nothing if nothing is stored.
    pub async fn load(&self, profile: &str) -> Result<StoredState, StorageError> {
        let (state, events) = {
            let unsaved = self.unsaved();
            (unsaved.states.get(profile).map(|unsaved| unsaved.state.clone()), unsaved.events.get(profile).cloned())
        };
        let (readings, stored_events) = (self.path("readings", profile, "json"), self.path("events", profile, "json"));
        let stored = self.0.disk.read(move || {
            let state = state.map_or_else(|| load_state(&readings), Ok)?;
            let events = events.map_or_else(|| json_file::load::<Events>(&stored_events), |events| Ok(Some(events)))?;
            Ok((state, events))
        });
        let (mut state, events) = stored.await?;
        let is_of_person = |events: &Events| state.user_id.is_none() || events.user_id == state.user_id;
        if let Some(Events { user_id, in_bed }) = events.filter(is_of_person) {
            (state.user_id, state.in_bed) = (user_id, in_bed);
        }
        Ok(state)
    }

    /// Saves the state that the calls of this claim have changed.
    pub async fn save(&self, claim: &Claim, state: StoredState) -> Result<(), SaveError> {
        if !self.is_current(claim) {
            return Err(SaveError::Superseded);
        }
        let profile = &claim.profile;
        if self.unsaved().takes_state(profile, &state) {
            return Ok(());
        }
        let saved = self.save_state(profile, state.clone()).await;
        match &saved {
            Err(SaveError::Storage(error)) => self.keep_unsaved(profile, state, error),
            Ok(()) | Err(SaveError::Superseded) => drop(self.unsaved().states.remove(profile)),
        }
        saved
    }

    /// Saves a state again; returns whether it is saved, or need not be any more.
    pub(in crate::storage) async fn save_again(&self, profile: &Arc<str>, state: StoredState) -> bool {
        match self.save_state(profile, state.clone()).await {
            Err(SaveError::Storage(error)) => {
                self.keep_unsaved(profile, state, &error);
                false
            }
            Ok(()) | Err(SaveError::Superseded) => {
                self.unsaved().states.remove(profile);
                true
            }
        }
    }

    fn keep_unsaved(&self, profile: &Arc<str>, state: StoredState, error: &StorageError) {
        let mut unsaved = self.unsaved();
        let failures = unsaved.states.get(profile).map_or(0, |former| former.failures) + 1;
        unsaved.states.insert(Arc::clone(profile), UnsavedState { state, tried_at: Instant::now(), failures });
        drop(unsaved);
        // A disk that is full must not fill the log as well.
        if failures.is_power_of_two() {
            tracing::error!(
                %profile, error = error.with_cause(), failures,
                "the readings could not be stored; they are shown, and storing them is tried again"
            );
        }
    }

    async fn save_state(&self, profile: &Arc<str>, state: StoredState) -> Result<(), SaveError> {
        let (storage, name) = (self.clone(), Arc::clone(profile));
        let saved = self.0.disk.write(move || {
            let Some(_lock) = storage.lock_login(&name)? else { return Ok(false) };
            json_file::save_as(FORMAT, &storage.path("readings", &name, "json"), &state)?;
            let events = storage.path("events", &name, "json");
            if state.in_bed != InBed::default() && !events.exists() {
                // 0.1.0 stored the events among the readings.
                json_file::save(&events, &Events { user_id: state.user_id, in_bed: state.in_bed })?;
            }
            Ok(true)
        });
        if saved.await? { Ok(()) } else { Err(SaveError::Superseded) }
    }

    /// Notes an event of the person `user_id` of `profile`, and gives what is known of the bed after it. Events that cannot be
    /// stored stay in memory until they can be.
    pub async fn note_event(&self, profile: &Arc<str>, user_id: &str, event: BedEvent) -> InBed {
        let mut in_bed = match self.load(profile).await {
            Ok(state) => state.only_of(user_id).in_bed,
            Err(error) => {
                tracing::error!(%profile, error = error.with_cause(), "what happened in bed before cannot be read");
                InBed::default()
            }
        };
        in_bed.note(event);
        let events = Events { user_id: Some(user_id.to_owned()), in_bed: in_bed.clone() };
        self.unsaved().events.insert(Arc::clone(profile), events);
        if let Err(error) = self.save_events(profile).await {
            tracing::error!(%profile, error = error.with_cause(), "what happened in bed could not be stored; it is shown");
        }
        in_bed
    }

    /// Stores the events of a profile that are not stored yet.
    pub(in crate::storage) async fn save_events(&self, profile: &Arc<str>) -> Result<(), StorageError> {
        let (storage, profile) = (self.clone(), Arc::clone(profile));
        let saved = self.0.disk.write(move || {
            let lock = storage.lock_login(&profile)?;
            let Some(events) = storage.unsaved().events.get(&profile).cloned() else { return Ok(()) };
            if lock.is_some() {
                json_file::save(&storage.path("events", &profile, "json"), &events)?;
            }
            // One more event may have come meanwhile: that is stored next time.
            storage.unsaved().events.retain(|name, unsaved| *name != profile || *unsaved != events);
            Ok(())
        });
        saved.await
    }
}

fn load_state(path: &Path) -> Result<StoredState, StorageError> {
    let state = json_file::load_formats(path, MOST_BYTES, &[1, FORMAT], |format, json| match format {
        FORMAT => serde_json::from_str(json),
        _ => of_first_format(json),
    })?;
    Ok(state.unwrap_or_default())
}

/// The state of a file in format 1, of which only the person and the bed are read here.
fn of_first_format(json: &str) -> serde_json::Result<StoredState> {
    #[derive(Deserialize)]
    struct FirstFormatPerson {
        user_id: Option<String>,
        #[serde(default)]
        bed: InBed,
    }
    let FirstFormatPerson { user_id, bed } = serde_json::from_str(json)?;
    Ok(StoredState {
        user_id,
        first_format: Some(RawValue::from_string(json.to_owned())?),
        in_bed: bed,
        ..StoredState::default()
    })
}
