//! `heart list`: one row for each electrocardiogram and each recording of a stethoscope. The newest of each is shown.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::context::Context;
use super::data_call::{DataCall, Moment, PastCall, Readings};
use super::series;
use crate::catalogue::{CLASSIFICATIONS, Call, HeartFact, Measurement, Source, VALVE_STATES};
use crate::reading::{Labels, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{SeriesPage, float, int, object};

/// The rows of so many seconds are read again where only changes are asked for, which the call cannot select: 30 days.
const RECENT: i64 = 30 * 24 * 3600;

/// The classes that `afib` and `vhd` have: negative, positive, inconclusive. They are the first in both lists of states.
const CLASSES: i64 = 3;

/// A page of the answer to `heart list`.
pub type HeartList = SeriesPage<HeartRow>;

/// One recording.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HeartRow {
    /// When it was recorded, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub timestamp: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// The mean heart rate, beats per minute.
    #[serde(deserialize_with = "float")]
    pub heart_rate: Option<f64>,
    /// The electrocardiogram, where the device has recorded one.
    #[serde(deserialize_with = "part")]
    pub ecg: Option<Electrocardiogram>,
    /// What a stethoscope has heard.
    #[serde(deserialize_with = "part")]
    pub stetho: Option<Auscultation>,
}

/// An electrocardiogram.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Electrocardiogram {
    /// What it says about atrial fibrillation: 0 negative, 1 positive, 2 inconclusive.
    #[serde(deserialize_with = "int")]
    pub afib: Option<i64>,
}

/// A recording of a stethoscope.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Auscultation {
    /// What it says about the valves of the heart.
    #[serde(deserialize_with = "int")]
    pub vhd: Option<i64>,
}

/// An object; anything else is absent.
fn part<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<Option<T>, D::Error> {
    let json = <&'de RawValue>::deserialize(deserializer)?.get();
    Ok(json.starts_with('{').then(|| object(json)))
}

impl DataCall for HeartList {
    const CALL: Call = Call::HeartList;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Ecg, Appli::Stethoscope];
    const SOONER_SECONDS: i64 = 6 * 3600;
    type Known = Readings;

    /// Everything, or where changes are due the last 30 days.
    fn asks(_: &Readings, read: RowSelection, moment: &Moment<'_>) -> Vec<RowSelection> {
        let recent = RowSelection::Between { from: moment.server_now - RECENT, to: moment.server_now };
        vec![if read.is_everything() { read } else { recent }]
    }

    fn request(rows: RowSelection) -> Request {
        // Without a selection it is the whole history.
        let rows = if rows == RowSelection::All { Vec::new() } else { rows.by_times() };
        Request::data(Call::HeartList, "/v2/heart", "list", rows)
    }

    fn note(
        known: &Readings,
        asked: RowSelection,
        rows: &[HeartRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Readings> {
        let found = series::newest(readings(rows, context));
        let RowSelection::Between { from, to } = asked else { return Some(Readings(found)) };
        let new = series::after(&known.0, &(from..=to), found);
        // Where a recording is gone, the one before it may be older than what was asked for.
        let is_there = |old: &Reading| {
            new.iter().any(|new| new.measurement == old.measurement && new.measured_at >= old.measured_at)
        };
        known.0.iter().all(is_there).then_some(Readings(new))
    }

    fn changed_at(row: &HeartRow) -> Option<i64> {
        row.modified.or(row.timestamp)
    }

    fn readings(known: &Readings, _: &Moment<'_>) -> Vec<Reading> {
        known.0.clone()
    }

    fn told_by(measurement: Measurement) -> &'static [Appli] {
        match measurement.source {
            Source::Heart(HeartFact::Stethoscope) => &[Appli::Stethoscope],
            _ => &[Appli::Ecg],
        }
    }
}

impl PastCall for HeartList {
    type Kept = Reading;

    fn keep(rows: &[HeartRow], context: &mut Context<'_>) -> Vec<Reading> {
        readings(rows, context)
    }
}

/// The readings of an answer, each at its time.
fn readings(rows: &[HeartRow], context: &mut Context<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    for row in rows {
        context.begin_row((row.timestamp, row.modified));
        for measurement in Measurement::all() {
            readings.extend(reading(measurement, row, context));
        }
    }
    readings
}

/// What a row says of a measurement.
fn reading(measurement: Measurement, row: &HeartRow, context: &mut Context<'_>) -> Option<Reading> {
    let at = row.timestamp.unwrap_or_default();
    let (field, class, states) = match measurement.source {
        Source::Heart(HeartFact::EcgHeartRate) => {
            row.ecg.as_ref()?;
            return series::reading(measurement, (at, row.heart_rate?), ("heart_rate", 0), context);
        }
        Source::EcgClassification { .. } => ("afib", row.ecg.as_ref()?.afib?, CLASSIFICATIONS),
        Source::Heart(HeartFact::Stethoscope) => ("vhd", row.stetho.as_ref()?.vhd?, VALVE_STATES),
        _ => return None,
    };
    if !series::is_dated(at, field, context) {
        return None;
    }
    let place = usize::try_from(class).ok().filter(|_| (0..CLASSES).contains(&class)).unwrap_or_else(|| {
        context.note(Unknown::Classification, &format_args!("{field} {class}"));
        states.len() - 1
    });
    Some(Reading { measurement, labels: Labels::default(), value: place as f64, measured_at: at, until: None })
}

#[cfg(test)]
#[path = "heart_list_tests.rs"]
mod tests;
