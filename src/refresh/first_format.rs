//! The readings of a profile as 0.1.0 stored them: one object for all calls. What is not understood is left out and read anew.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::cursor::Cursor;
use crate::catalogue::Call;
use crate::reading::understood;
use crate::withings::calls::data_call::Readings;
use crate::withings::calls::getactivity::ActivityDays;
use crate::withings::calls::getmeas::Measures;
use crate::withings::calls::getsummary::Sleeps;
use crate::withings::calls::getworkouts::Workouts;
use crate::withings::calls::sleep_get::Segments;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FirstFormat {
    #[serde(deserialize_with = "lenient")]
    pub(super) measures: Measures,
    #[serde(deserialize_with = "lenient")]
    pub(super) sleeps: Sleeps,
    #[serde(skip)]
    pub(super) segments: Segments,
    #[serde(deserialize_with = "lenient")]
    pub(super) days: ActivityDays,
    #[serde(deserialize_with = "lenient")]
    pub(super) workouts: Workouts,
    #[serde(deserialize_with = "lenient")]
    pub(super) devices: Readings,
    #[serde(deserialize_with = "lenient")]
    pub(super) goals: Readings,
    #[serde(deserialize_with = "lenient")]
    pub(super) cursors: BTreeMap<Call, Cursor>,
}

impl FirstFormat {
    pub(super) fn read(json: &str) -> Self {
        // The newest segment and the course of the night stand beside the others there.
        let segments = serde_json::from_str(json).unwrap_or_default();
        Self { segments, ..serde_json::from_str(json).unwrap_or_default() }
    }
}

/// When each call last worked, Unix seconds: today that is a part of the plan.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Successes {
    cursors: BTreeMap<Call, Success>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Success {
    last_success: Option<i64>,
}

/// When each call last worked as 0.1.0 has stored it, Unix seconds.
pub(super) fn successes(json: &str) -> BTreeMap<Call, i64> {
    let Successes { cursors } = serde_json::from_str(json).unwrap_or_default();
    cursors.into_iter().filter_map(|(call, success)| Some((call, success.last_success?))).collect()
}

/// The value, or its default if it is not understood.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let json = <&'de RawValue>::deserialize(deserializer)?;
    Ok(understood(json.get()).unwrap_or_default())
}
