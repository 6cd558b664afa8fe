//! A workout.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::activity::Source;
use super::device::Device;

/// A workout: a row of `getworkouts`.
#[derive(Clone, Debug)]
pub struct Workout {
    /// Withings' number of the kind, e.g. 1 for a walk, 2 for a run.
    pub category: u32,
    /// Begin, Unix seconds; the row belongs to the local day of it.
    pub startdate: i64,
    /// End, Unix seconds.
    pub enddate: i64,
    /// Withings' attribution: 0 by default, 2 typed in, 7 detected and confirmed by the person.
    pub attrib: u32,
    /// What counted.
    pub source: Source,
    /// Every field that can be asked for. As seen in the fixtures, a missing sensor shows as 0 or null.
    pub data: Map<String, Value>,
}

impl Workout {
    /// A workout that was recorded by a phone without a sensor: nothing is known but its time.
    #[must_use]
    pub fn new(category: u32, startdate: i64, enddate: i64) -> Self {
        let data = Map::from_iter([("algo_pause_duration".to_owned(), Value::Null)]);
        Self { category, startdate, enddate, attrib: 0, source: Source::GoogleFit, data }
    }

    /// The same, recorded by a tracker.
    #[must_use]
    pub fn by(self, device: &Arc<Device>) -> Self {
        Self { source: Source::Tracker(Arc::clone(device)), ..self }
    }

    /// The same with another attribution.
    #[must_use]
    pub fn attributed(self, attrib: u32) -> Self {
        Self { attrib, ..self }
    }

    /// The same with these fields.
    #[must_use]
    pub fn with(mut self, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.data.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// The same with the fields that every recorded workout has, all of them 0 as without any sensor.
    #[must_use]
    pub fn counted(self) -> Self {
        const ZEROS: [&str; 14] = [
            "calories",
            "intensity",
            "manual_distance",
            "manual_calories",
            "hr_average",
            "hr_min",
            "hr_max",
            "hr_zone_0",
            "hr_zone_1",
            "hr_zone_2",
            "hr_zone_3",
            "pause_duration",
            "steps",
            "distance",
        ];
        self.with(ZEROS.map(|name| (name, json!(0)))).with([("elevation", json!(0)), ("spo2_average", Value::Null)])
    }
}
