//! The totals of a day, as a watch or a phone has counted them.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use super::device::Device;
use super::night::into_map;

/// Withings' number of its own brand.
const WITHINGS: u32 = 1;
/// Withings' number of all other brands.
const EXTERNAL: u32 = 18;

/// What counted a day or a workout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A tracker of Withings.
    Tracker(Arc<Device>),
    /// A phone that reports through Google Fit: answers have no device id for it.
    GoogleFit,
}

impl Source {
    /// The tracker's id, which the answers repeat as `hash_deviceid`.
    #[must_use]
    pub fn device_id(&self) -> Option<&str> {
        match self {
            Self::Tracker(device) => Some(&device.id),
            Self::GoogleFit => None,
        }
    }

    /// Withings' number of the model.
    #[must_use]
    pub fn model_id(&self) -> u32 {
        match self {
            Self::Tracker(device) => device.model_id,
            Self::GoogleFit => 1055,
        }
    }

    fn model(&self) -> &str {
        match self {
            Self::Tracker(device) => &device.model,
            Self::GoogleFit => "GoogleFit tracker",
        }
    }
}

/// The totals of one local day from one source: a row of `getactivity`. A day has a row from each source.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The local day.
    pub date: NaiveDate,
    /// What counted.
    pub source: Source,
    /// Steps.
    pub steps: u32,
    /// Meters.
    pub distance: f64,
    /// Meters climbed.
    pub elevation: u32,
    /// Seconds of light activity.
    pub soft: u32,
    /// Seconds of moderate activity.
    pub moderate: u32,
    /// Seconds of intense activity. With the moderate ones they are answered as `active`.
    pub intense: u32,
    /// kcal burnt by moving.
    pub calories: f64,
    /// kcal burnt by moving and by being alive.
    pub totalcalories: f64,
    /// Heart rate, if there is a sensor; without it the fields are absent. All zeros mean none too.
    pub heart: Option<HeartRate>,
}

/// The heart during a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeartRate {
    /// Beats per minute.
    pub average: u32,
    /// Beats per minute.
    pub min: u32,
    /// Beats per minute.
    pub max: u32,
    /// Seconds in the light, moderate, intense and maximal zone.
    pub zones: [u32; 4],
}

impl Activity {
    /// A day on which `source` has counted nothing yet.
    #[must_use]
    pub fn new(date: NaiveDate, source: Source) -> Self {
        Self {
            date,
            source,
            steps: 0,
            distance: 0.0,
            elevation: 0,
            soft: 0,
            moderate: 0,
            intense: 0,
            calories: 0.0,
            totalcalories: 0.0,
            heart: None,
        }
    }

    /// Every field that can be asked for, as far as there is a value.
    pub(super) fn data(&self) -> Map<String, Value> {
        let mut data = into_map(json!({
            "steps": self.steps,
            "distance": self.distance,
            "elevation": self.elevation,
            "soft": self.soft,
            "moderate": self.moderate,
            "intense": self.intense,
            "active": self.moderate + self.intense,
            "calories": self.calories,
            "totalcalories": self.totalcalories,
        }));
        if let Some(heart) = self.heart {
            data.extend(heart.data());
        }
        data
    }

    /// The fields that every row has, whatever was asked for.
    pub(super) fn frame(&self) -> Map<String, Value> {
        let is_tracker = matches!(self.source, Source::Tracker(_));
        into_map(json!({
            "date": self.date.to_string(),
            "deviceid": self.source.device_id(),
            "hash_deviceid": self.source.device_id(),
            "brand": if is_tracker { WITHINGS } else { EXTERNAL },
            "is_tracker": is_tracker,
            "modelid": self.source.model_id(),
            "model": self.source.model(),
        }))
    }
}

impl HeartRate {
    fn data(self) -> Map<String, Value> {
        let mut data = into_map(json!({"hr_average": self.average, "hr_min": self.min, "hr_max": self.max}));
        let zones = self.zones.iter().zip(0..).map(|(seconds, zone)| (format!("hr_zone_{zone}"), (*seconds).into()));
        data.extend(zones);
        data
    }
}
