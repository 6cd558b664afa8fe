//! One sleep: a row of Withings → its values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Measurement, Source};
use crate::reading::Origin;
use crate::telemetry::Unknown;
use crate::withings::calls::context::{Context, is_future, means_something, scaled};
use crate::withings::wire::{Float, int, map, text};

/// Fields that only a row with sleep stages has.
const STAGES: [&str; 3] = ["lightsleepduration", "deepsleepduration", "remsleepduration"];

/// One sleep: a night or a nap, from one source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SummaryRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub id: Option<i64>,
    /// The start of the sleep, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// The end of the sleep, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "text")]
    pub device: Option<String>,
    /// The named values.
    #[serde(deserialize_with = "map")]
    pub data: BTreeMap<String, Float>,
}

/// One sleep as Withings sums it up, from one source: a night or a nap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleepRow {
    /// Which row of Withings it is.
    pub origin: Origin,
    /// The start of the sleep, Unix seconds.
    pub started_at: i64,
    /// The end of the sleep, Unix seconds, later than its start.
    pub ended_at: i64,
    /// Withings' id of the device that saw it; `None` where Withings names none.
    #[serde(default)]
    pub device: Option<String>,
    /// Whether its source tells light, deep and REM sleep apart.
    pub has_stages: bool,
    /// The values of the row, ascending by measurement; absent ones are absent.
    pub values: Vec<(Measurement, f64)>,
}

impl SleepRow {
    /// The sleep of a row of Withings; `None` if the row has no id or not two times in their order, or is not believed.
    pub(super) fn new(row: &SummaryRow, context: &mut Context<'_>) -> Option<Self> {
        let (id, started_at, ended_at) = (row.id?, row.startdate?, row.enddate?);
        if is_future(ended_at, context.server_now) {
            (context.unknown)(Unknown::FutureDate, &id);
            return None;
        }
        if ended_at <= started_at {
            (context.unknown)(Unknown::BadNumber, &id);
            return None;
        }
        let values =
            Measurement::all().filter_map(|measurement| Some((measurement, value(measurement, row)?))).collect();
        let has_stages = STAGES.iter().any(|stage| field(row, stage).is_some_and(|duration| duration > 0.0));
        let origin = Origin { modified: row.modified.unwrap_or(0), id };
        Some(Self { origin, started_at, ended_at, device: row.device.clone(), has_stages, values })
    }

    /// How long the sleep was, seconds: in Unix time, whatever the clock on the wall did that night.
    pub(super) fn duration(&self) -> i64 {
        self.ended_at - self.started_at
    }

    /// What makes a row win over others of the same time: stages, then length, then the newest change, then the id.
    pub(super) fn preference(&self) -> (bool, i64, Origin) {
        (self.has_stages, self.duration(), self.origin)
    }
}

/// The first of the fields that has a value, but not a 0 if a later one has more: a source without stages has its own sum of
/// sleep beside Withings' sum of the stages, which is 0.
fn value(measurement: Measurement, row: &SummaryRow) -> Option<f64> {
    let Source::Summary { fields, exponent } = measurement.source else { return None };
    let values =
        || fields.iter().filter_map(|name| field(row, name)).filter(|value| means_something(*value, measurement.unit));
    let value = values().find(|value| *value > 0.0).or_else(|| values().next())?;
    scaled(value, 0, exponent)
}

fn field(row: &SummaryRow, name: &str) -> Option<f64> {
    row.data.get(name).and_then(|number| number.0).filter(|number| number.is_finite())
}
