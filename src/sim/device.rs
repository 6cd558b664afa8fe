//! What a person owns and aims for.

use serde_json::{Map, Value, json};

/// A device as `getdevice` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Withings' word for the kind, e.g. `Scale` or `Sleep Monitor`.
    pub kind: String,
    /// The name of the model, e.g. `Body Scan`; may be empty.
    pub model: String,
    /// Withings' number of the model.
    pub model_id: u32,
    /// `high`, `medium`, `low` or `unknown`.
    pub battery: String,
    /// Forty hexadecimal digits; answered as `deviceid` and as `hash_deviceid`.
    pub id: String,
    /// First contact, Unix seconds, if known.
    pub first_session: Option<i64>,
    /// Last contact, Unix seconds, if known; what the device uploaded later moves it.
    pub last_session: Option<i64>,
}

impl Device {
    /// A device with a good battery and no contact yet.
    #[must_use]
    pub fn new(kind: &str, model: &str, model_id: u32, id: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            model: model.to_owned(),
            model_id,
            battery: "high".to_owned(),
            id: id.to_owned(),
            first_session: None,
            last_session: None,
        }
    }

    /// The `model` of sleep answers: 32 is a sleep monitor, 16 a tracker.
    pub(super) fn sleep_model(&self) -> u32 {
        if self.kind == "Sleep Monitor" { 32 } else { 16 }
    }
}

/// What a person aims for. As seen in the fixtures, the answer without any goal is an empty list in place of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goals {
    /// Steps a day.
    pub steps: Option<u32>,
    /// Sleep a night, in seconds.
    pub sleep: Option<u32>,
    /// Weight, in grams.
    pub weight: Option<i64>,
}

impl Goals {
    pub(super) fn to_json(self) -> Value {
        let weight = self.weight.map(|grams| json!({"value": grams, "unit": -3}));
        let all = [("steps", self.steps.map(Value::from)), ("sleep", self.sleep.map(Value::from)), ("weight", weight)];
        let set: Map<_, _> = all.into_iter().filter_map(|(name, goal)| Some((name.to_owned(), goal?))).collect();
        if set.is_empty() { json!([]) } else { Value::Object(set) }
    }
}
