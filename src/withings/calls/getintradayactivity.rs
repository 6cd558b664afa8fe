//! `getintradayactivity`: what a watch measures through the day by itself. The newest value of each field is shown.
//!
//! A watch sends when its phone's application runs, hours later: a value is as old as its time says.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::context::Context;
use super::data_call::{DataCall, Moment, PastCall, Readings};
use super::series;
use crate::catalogue::{Call, Measurement, Source};
use crate::reading::Reading;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{AnswerPage, Float, map};

/// The longest span of a request, seconds: 24 hours. What is beyond them is cut off.
pub const SPAN: i64 = 24 * 3600;

/// A page of the answer to `getintradayactivity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getintradayactivity {
    /// The fields of each time, which is in text; an empty map comes as a list.
    #[serde(deserialize_with = "map")]
    series: BTreeMap<String, Fields>,
}

/// What was measured at one time, beside what describes the device.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(#[serde(deserialize_with = "map")] BTreeMap<String, Float>);

impl AnswerPage for Getintradayactivity {
    /// A time in text, Unix seconds, and what was measured then.
    type Row = (String, Fields);

    fn into_rows(self) -> (Vec<(String, Fields)>, Option<i64>) {
        (self.series.into_iter().collect(), None)
    }
}

impl DataCall for Getintradayactivity {
    const CALL: Call = Call::Getintradayactivity;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Activity, Appli::HeartRateVariability];
    type Known = Readings;

    /// The last 24 hours.
    fn asks(_: &Readings, _: RowSelection, moment: &Moment<'_>) -> Vec<RowSelection> {
        vec![RowSelection::Between { from: moment.server_now - SPAN, to: moment.server_now }]
    }

    /// With every field that the catalogue knows.
    fn request(rows: RowSelection) -> Request {
        let fields: Vec<_> = Measurement::all().filter_map(|measurement| field(measurement.source)).collect();
        let parameters = [("data_fields", fields.join(","))].into_iter().chain(rows.by_times()).collect();
        Request::data(Call::Getintradayactivity, "/v2/measure", "getintradayactivity", parameters)
    }

    fn note(
        known: &Readings,
        asked: RowSelection,
        rows: &[(String, Fields)],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Readings> {
        let RowSelection::Between { from, to } = asked else { return None };
        Some(Readings(series::after(&known.0, &(from..=to), readings(rows, context))))
    }

    fn readings(known: &Readings, _: &Moment<'_>) -> Vec<Reading> {
        known.0.clone()
    }
}

impl PastCall for Getintradayactivity {
    type Kept = Reading;

    fn keep(rows: &[(String, Fields)], context: &mut Context<'_>) -> Vec<Reading> {
        readings(rows, context)
    }
}

/// The field of a measurement of this call.
fn field(source: Source) -> Option<&'static str> {
    if let Source::Intraday { field, .. } = source { Some(field) } else { None }
}

/// The readings of an answer, each at its time.
fn readings(rows: &[(String, Fields)], context: &mut Context<'_>) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (time, Fields(fields)) in rows {
        context.begin_row(time);
        let at = time.parse().unwrap_or_default();
        for measurement in Measurement::all() {
            if let Source::Intraday { field, exponent } = measurement.source
                && let Some(Float(Some(value))) = fields.get(field)
            {
                readings.extend(series::reading(measurement, (at, *value), (field, exponent), context));
            }
        }
    }
    readings
}

#[cfg(test)]
#[path = "getintradayactivity_tests.rs"]
mod tests;
