//! The part of what is known that one call has brought, as it is stored: its cursor, the readings that are shown of it, and
//! what only the call itself understands.
//!
//! Where the latter is of another revision, the readings stay on the page until the call was made anew.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::profile_state::Cursor;
use crate::catalogue::Call;
use crate::reading::{Reading, SleepSegment};
use crate::withings::activity::Days;
use crate::withings::sleep::{Hypnogram, Sleeps};
use crate::withings::workouts::Workouts;

/// Grows when what is stored of a call is understood otherwise than before.
const REVISION: u32 = 1;

/// A part to be stored.
#[derive(Serialize)]
pub(super) struct Part<T> {
    revision: u32,
    cursor: Cursor,
    readings: Vec<Reading>,
    data: T,
}

impl<T: Serialize> Part<T> {
    pub(super) fn new(cursor: Cursor, readings: Vec<Reading>, data: T) -> Self {
        Self { revision: REVISION, cursor, readings, data }
    }

    pub(super) fn to_json(&self) -> Box<RawValue> {
        serde_json::value::to_raw_value(self).expect("stored values have string keys and no failing fields")
    }
}

/// What is read of a part before its data.
#[derive(Default)]
pub(super) struct Head {
    pub(super) cursor: Cursor,
    pub(super) readings: Vec<Reading>,
    /// `None` if they are of another revision.
    pub(super) data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    revision: u32,
    #[serde(default)]
    cursor: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "understood")]
    readings: Vec<Reading>,
    data: Box<RawValue>,
}

impl Head {
    /// Reads whatever there is.
    pub(super) fn read(json: &str) -> Self {
        let Ok(Stored { revision, cursor, readings, data }) = serde_json::from_str(json) else {
            return Self::default();
        };
        let cursor = cursor.and_then(|it| serde_json::from_str(it.get()).ok()).unwrap_or_default();
        Self { cursor, readings, data: (revision == REVISION).then_some(data) }
    }
}

/// What 0.1.0 has stored of all calls together. What is not understood is left out and read anew.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FirstFormat {
    #[serde(deserialize_with = "understood")]
    pub(super) measures: Vec<Reading>,
    #[serde(deserialize_with = "lenient")]
    pub(super) sleeps: Sleeps,
    #[serde(deserialize_with = "lenient")]
    pub(super) segment: Option<SleepSegment>,
    #[serde(deserialize_with = "lenient")]
    pub(super) hypnogram: Option<Hypnogram>,
    #[serde(deserialize_with = "lenient")]
    pub(super) days: Days,
    #[serde(deserialize_with = "lenient")]
    pub(super) workouts: Workouts,
    #[serde(deserialize_with = "understood")]
    pub(super) devices: Vec<Reading>,
    #[serde(deserialize_with = "understood")]
    pub(super) goals: Vec<Reading>,
    #[serde(deserialize_with = "lenient")]
    pub(super) cursors: BTreeMap<Call, Cursor>,
}

/// When each call last worked, Unix seconds: today that is a part of the plan.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FirstSuccesses {
    cursors: BTreeMap<Call, FirstSuccess>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FirstSuccess {
    last_success: Option<i64>,
}

/// When each call last worked as 0.1.0 has stored it, Unix seconds.
pub(super) fn first_successes(json: &str) -> BTreeMap<Call, i64> {
    let FirstSuccesses { cursors } = serde_json::from_str(json).unwrap_or_default();
    cursors.into_iter().filter_map(|(call, it)| Some((call, it.last_success?))).collect()
}

/// The readings of a list that this version understands: one of a measurement that it does not know is left out, alone.
fn understood<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Reading>, D::Error> {
    let readings: Vec<Box<RawValue>> = Vec::deserialize(deserializer)?;
    Ok(readings.iter().filter_map(|it| serde_json::from_str(it.get()).ok()).collect())
}

/// The value, or its default if it is not understood.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let json: Box<RawValue> = Box::deserialize(deserializer)?;
    Ok(serde_json::from_str(json.get()).unwrap_or_default())
}
