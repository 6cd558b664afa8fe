//! One sleep: a row of Withings → its values.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Measurement, Source};
use crate::reading::Origin;
use crate::telemetry::Unknown;
use crate::withings::calls::context::{Context, is_future, means_something, number, row_id, scaled, zone};
use crate::withings::wire::{Float, int, map, words};

/// The durations of the stages of sleep. Together they are the sleep.
const STAGES: [&str; 3] = ["lightsleepduration", "deepsleepduration", "remsleepduration"];

/// The field that is the sum of the stages, where the row has it.
const TOTAL: &str = "total_sleep_time";

/// The longest sleep that is believed, seconds: 24 hours.
pub(super) const LONGEST_SECONDS: i64 = 24 * 3600;

/// How long after its end a sleep that was never completed counts as over, seconds: 24 hours.
const COMPLETED_AFTER_SECONDS: i64 = 24 * 3600;

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
    /// The IANA name of the zone where the person slept.
    #[serde(deserialize_with = "words")]
    pub timezone: Option<String>,
    /// The day of the end where the person slept, `YYYY-MM-DD`.
    #[serde(deserialize_with = "words")]
    pub date: Option<String>,
    /// 0 for a sleep that is not over; absent for one that is.
    #[serde(deserialize_with = "int")]
    pub completed: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "words")]
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
    /// The day of its end where the person was; `None` in what 0.1.0 stored.
    #[serde(default)]
    pub day: Option<NaiveDate>,
    /// Withings' id of the device that saw it; `None` where Withings names none.
    #[serde(default)]
    pub device: Option<String>,
    /// How many of light, deep and REM sleep its source saw, 0 to 3.
    #[serde(default)]
    pub stages: usize,
    /// Whether Withings has not yet said that the sleep is over.
    #[serde(default)]
    pub is_unfinished: bool,
    /// The values of the row, ascending by measurement; absent ones are absent.
    pub values: Vec<(Measurement, f64)>,
}

impl SleepRow {
    /// The sleep of a row of Withings; `None` if the row has not two times in their order, or is not believed.
    pub(super) fn new(row: &SummaryRow, context: &mut Context<'_>) -> Option<Self> {
        context.begin_row((row.id, row.startdate, row.enddate));
        let (Some(started_at), Some(ended_at)) = (row.startdate, row.enddate) else {
            context.note(Unknown::Row, &"a sleep without begin or end");
            return None;
        };
        let id = row_id(row.id, started_at, ended_at);
        if let Some(fault) = fault(started_at, ended_at, context.server_now) {
            context.note(fault, &id);
            return None;
        }
        let values = Measurement::all()
            .filter_map(|measurement| Some((measurement, value(measurement, row, context)?)))
            .collect();
        let sleep = Self {
            origin: Origin { modified: row.modified.unwrap_or(0), id },
            started_at,
            ended_at,
            day: Some(day(row, ended_at, context)),
            device: row.device.clone(),
            stages: STAGES.iter().filter(|stage| duration(row, stage) > Some(0.0)).count(),
            is_unfinished: row.completed == Some(0),
            values,
        };
        if !sleep.is_over(context.server_now) {
            context.note(Unknown::Unfinished, &id);
        }
        Some(sleep)
    }

    /// How long the sleep was, seconds: in Unix time, whatever the clock on the wall did that night.
    pub(super) fn duration(&self) -> i64 {
        self.ended_at - self.started_at
    }

    /// The day of its end where the person was.
    pub(super) fn day(&self) -> NaiveDate {
        self.day.unwrap_or_else(|| DateTime::from_timestamp(self.ended_at, 0).unwrap_or_default().date_naive())
    }

    /// Whether nothing more comes of it at `server_now`, Unix seconds.
    pub(super) fn is_over(&self, server_now: i64) -> bool {
        !self.is_unfinished || self.ended_at.saturating_add(COMPLETED_AFTER_SECONDS) <= server_now
    }

    /// What makes a row win over others of the same sleep: more kinds of stages, more values, then the longer, the newest
    /// change, the highest id.
    pub(super) fn preference(&self) -> (usize, usize, i64, Origin) {
        (self.stages, self.values.len(), self.duration(), self.origin)
    }

    /// Whether both are one sleep that several sources saw: they have half of the shorter one in common.
    pub(super) fn is_same_sleep(&self, other: &Self) -> bool {
        let common = self.ended_at.min(other.ended_at) - self.started_at.max(other.started_at);
        2 * common >= self.duration().min(other.duration())
    }
}

/// Why the times of a sleep are not believed.
fn fault(started_at: i64, ended_at: i64, server_now: i64) -> Option<Unknown> {
    if is_future(ended_at, server_now) {
        Some(Unknown::FutureDate)
    } else if ended_at <= started_at {
        Some(Unknown::BadNumber)
    } else if started_at == 0 || ended_at - started_at > LONGEST_SECONDS {
        Some(Unknown::Implausible)
    } else {
        None
    }
}

/// The day of the end in the row's zone, else the day that the row gives, else the one in UTC.
fn day(row: &SummaryRow, ended_at: i64, context: &mut Context<'_>) -> NaiveDate {
    let given = || row.date.as_ref().and_then(|date| date.parse().ok());
    match given().filter(|_| row.timezone.is_none()) {
        Some(day) => day,
        None => zone(row.timezone.as_deref(), context).date(ended_at),
    }
}

/// The first of the fields that has a value, but not a 0 if a later one has more: a source without stages has its own sum of
/// sleep beside Withings' sum of the stages, which is 0. A row without any sum has the sum of its stages.
fn value(measurement: Measurement, row: &SummaryRow, context: &mut Context<'_>) -> Option<f64> {
    let Source::Summary { fields, exponent } = measurement.source else { return None };
    let values = fields.iter().filter_map(|name| number(&row.data, name, context));
    let values: Vec<_> = values.filter(|value| means_something(*value, measurement.unit)).collect();
    let value = values.iter().find(|value| **value > 0.0).or(values.first()).copied();
    let value = if fields.contains(&TOTAL) { value.or_else(|| sum_of_stages(row)) } else { value };
    scaled(value?, 0, exponent)
}

fn sum_of_stages(row: &SummaryRow) -> Option<f64> {
    let sum: f64 = STAGES.iter().filter_map(|stage| duration(row, stage)).sum();
    (sum > 0.0).then_some(sum)
}

fn duration(row: &SummaryRow, stage: &str) -> Option<f64> {
    row.data.get(stage)?.0.filter(|duration| duration.is_finite() && *duration >= 0.0)
}
