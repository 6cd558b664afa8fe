//! Series: values that have a time each, of which the newest is shown. `sleep get`, `getintradayactivity` and `heart list` send
//! them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::context::{Context, is_future, scaled};
use crate::catalogue::Measurement;
use crate::reading::{Labels, Reading};
use crate::telemetry::Unknown;

/// The reading of a value that stands under `field` and was measured at a time, Unix seconds; `exponent` is the power of ten from
/// Withings' unit to ours. `None` for a value of 0 or less, which a sensor sends that has measured nothing, and, noted, for a
/// value or a time that is not believed.
pub(super) fn reading(
    measurement: Measurement,
    (at, value): (i64, f64),
    (field, exponent): (&str, i32),
    context: &mut Context<'_>,
) -> Option<Reading> {
    if !is_dated(at, field, context) {
        return None;
    }
    let Some(value) = scaled(value, 0, exponent) else {
        context.note(Unknown::BadNumber, &field);
        return None;
    };
    let labels = Labels::default();
    (value > 0.0).then_some(Reading { measurement, labels, value, measured_at: at, until: None })
}

/// Whether what stands under `field` has a time that is believed, Unix seconds; notes one that is not.
pub(super) fn is_dated(at: i64, field: &str, context: &mut Context<'_>) -> bool {
    if at <= 0 {
        context.note(Unknown::Row, &format_args!("{field} without a time"));
    } else if is_future(at, context.server_now) {
        context.note(Unknown::FutureDate, &field);
    }
    at > 0 && !is_future(at, context.server_now)
}

/// The newest reading of each measurement, ascending by it; of several at one time the one of the highest value: the order in
/// which they come means nothing.
pub(super) fn newest(readings: impl IntoIterator<Item = Reading>) -> Vec<Reading> {
    let mut newest: BTreeMap<Measurement, Reading> = BTreeMap::new();
    for reading in readings {
        let is_beaten = newest.get(&reading.measurement).is_some_and(|best| {
            best.measured_at.cmp(&reading.measured_at).then(best.value.total_cmp(&reading.value)).is_ge()
        });
        if !is_beaten {
            newest.insert(reading.measurement, reading);
        }
    }
    newest.into_values().collect()
}

/// The newest readings after an answer that tells of the times in `told`: those that it has `found`, and the `known` ones of other
/// times.
pub(super) fn after(known: &[Reading], told: &RangeInclusive<i64>, found: Vec<Reading>) -> Vec<Reading> {
    let outside = known.iter().filter(|reading| !told.contains(&reading.measured_at)).cloned();
    newest(outside.chain(found))
}
