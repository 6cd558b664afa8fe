//! The files of readings and of events.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Directory, StorageError, json_file};
use crate::reading::in_bed::InBed;
use crate::regular_file::MOST_BYTES;
use crate::storage::readings::{Events, StoredState};

/// The format that is written. Format 1, of version 0.1.0, has one object for all calls together.
const FORMAT: u32 = 2;

impl Directory {
    /// What is stored of each of these profiles, in their order.
    pub(in crate::storage) async fn load_each(
        &self,
        profiles: Vec<Arc<str>>,
    ) -> Result<Vec<Result<StoredState, StorageError>>, StorageError> {
        let directory = self.clone();
        let load = move |profile: Arc<str>| {
            let state = load_state(&directory.path("readings", &profile, "json"))?;
            Ok(state.with(json_file::load(&directory.path("events", &profile, "json"))?))
        };
        self.disk().read_each(profiles, load).await
    }

    /// Stores the state of a profile; returns false if the profile has no login, or that of another person.
    pub(in crate::storage) async fn save(&self, profile: &str, state: StoredState) -> Result<bool, StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let saved = self.disk().write(move || {
            let Some(_lock) = directory.lock_login(&name, state.user_id.as_deref())? else { return Ok(false) };
            save_state(&directory.path("readings", &name, "json"), &state)?;
            let events = directory.path("events", &name, "json");
            if state.in_bed != InBed::default() && !events.exists() {
                // 0.1.0 stored the events among the readings.
                json_file::save(&events, &Events { user_id: state.user_id, in_bed: state.in_bed })?;
            }
            Ok(true)
        });
        saved.await
    }

    /// Adds events to those that are stored of the same person, if the profile has a login of that person.
    pub(in crate::storage) async fn save_events(&self, profile: &str, new: Events) -> Result<(), StorageError> {
        let (directory, name) = (self.clone(), profile.to_owned());
        let saved = self.disk().write(move || {
            let Some(_lock) = directory.lock_login(&name, new.user_id.as_deref())? else { return Ok(()) };
            let path = directory.path("events", &name, "json");
            let stored = if let Some(events) = json_file::load::<Events>(&path)? {
                events
            } else {
                let StoredState { user_id, in_bed, .. } = load_state(&directory.path("readings", &name, "json"))?;
                Events { user_id, in_bed }
            };
            json_file::save(&path, &stored.with(new))
        });
        saved.await
    }
}

/// Writes the state, which has the events in a file of their own.
pub(super) fn save_state(path: &Path, state: &StoredState) -> Result<(), StorageError> {
    json_file::save_as(FORMAT, path, state)
}

pub(super) fn load_state(path: &Path) -> Result<StoredState, StorageError> {
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
