//! Choosing body measures: wire groups → the newest reading of each measurement and its labels.
//!
//! The newest `date` wins; ties: newest `modified`, highest `grpid`, first in the group. Upload time and the order of the
//! list mean nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use super::is_future;
use super::thin::{self, Rank, Said};
use super::wire::{Group, Measure};
use crate::catalogue::{CLASSIFICATIONS, LabelName, Measurement, Position, Source, named, position_name};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;

/// Exponents of ten that are believed.
const EXPONENTS: std::ops::RangeInclusive<i64> = -20..=20;

/// The label's value of a measure that says no position.
const NO_POSITION: &str = "none";

/// What is one series: a measurement and its labels.
type Series = (Measurement, Labels);

/// What the choice depends on besides the groups.
pub struct Context<'a> {
    /// The server's time, Unix seconds.
    pub server_now: i64,
    /// Told of everything that is not known, with its code or its name.
    pub unknown: &'a mut dyn FnMut(Unknown, &dyn Display),
}

/// The newest reading of each measurement and its labels in a whole history, ascending by both.
pub fn choose(groups: &[Group], context: &mut Context<'_>) -> Vec<Reading> {
    newest(groups, context).into_values().collect()
}

/// The reading of each measurement and its labels at each moment at which it was measured, ascending by all three.
pub fn each_moment(groups: &[Group], context: &mut Context<'_>) -> Vec<Reading> {
    winners(groups, context, |it| (series(it), it.measured_at)).into_values().collect()
}

/// The last known readings after an answer that holds what changed since, ascending by measurement and labels; `None` if a
/// value that was shown is no longer the newest, and what comes after it is not in the answer: everything must be read.
pub fn merge(known: &[Reading], changed: &[Group], context: &mut Context<'_>) -> Option<Vec<Reading>> {
    let mut newest = newest(changed, context);
    for old in known {
        let place = newest.entry(series(old));
        let is_beaten = matches!(&place, Entry::Occupied(new) if rank(new.get()) >= rank(old));
        if is_beaten {
            continue;
        }
        if changed.iter().any(|group| group.grpid == Some(old.origin.id)) {
            return None;
        }
        place.insert_entry(old.clone());
    }
    Some(newest.into_values().collect())
}

/// The highest `modified` of an answer, Unix seconds: where the next one begins.
#[must_use]
pub fn highest_modified(groups: &[Group]) -> Option<i64> {
    groups.iter().filter_map(|group| group.modified).max()
}

/// Leaves out the groups of a whole history that nothing depends on.
pub fn thin(groups: &mut Vec<Group>, server_now: i64) {
    thin::to_the_newest(
        groups,
        |it| it.modified,
        |group| {
            let mut is_doubtful = false;
            let mut note = |unknown, _: &dyn Display| is_doubtful |= thin::is_doubt(unknown);
            let readings = readings(group, &mut Context { server_now, unknown: &mut note });
            Said { ranks: readings.iter().map(|it| (series(it), rank(it))).collect(), is_doubtful }
        },
    );
}

fn newest(groups: &[Group], context: &mut Context<'_>) -> BTreeMap<Series, Reading> {
    winners(groups, context, series)
}

/// The readings that win over all others of the same `place`.
fn winners<K: Ord>(groups: &[Group], context: &mut Context<'_>, place: impl Fn(&Reading) -> K) -> BTreeMap<K, Reading> {
    let mut winners: BTreeMap<K, Reading> = BTreeMap::new();
    for group in latest_versions(groups) {
        for reading in readings(group, context) {
            let place = winners.entry(place(&reading));
            let is_beaten = matches!(&place, Entry::Occupied(best) if rank(best.get()) >= rank(&reading));
            if !is_beaten {
                place.insert_entry(reading);
            }
        }
    }
    winners
}

/// The groups without the older versions of a group that was changed while its pages were read. Equal versions stay:
/// Withings sends some groups twice, with the attributions 0 and 8.
fn latest_versions(groups: &[Group]) -> impl Iterator<Item = &Group> {
    let mut latest: HashMap<i64, i64> = HashMap::new();
    for group in groups {
        let (Some(id), modified) = (group.grpid, modified(group)) else { continue };
        latest.entry(id).and_modify(|it| *it = modified.max(*it)).or_insert(modified);
    }
    groups.iter().filter(move |it| it.grpid.is_none_or(|id| latest.get(&id) == Some(&modified(it))))
}

fn series(reading: &Reading) -> Series {
    (reading.measurement, reading.labels.clone())
}

/// The order of winning.
fn rank(reading: &Reading) -> Rank {
    (reading.measured_at, reading.origin)
}

/// The readings of one group, in its order.
fn readings(group: &Group, context: &mut Context<'_>) -> Vec<Reading> {
    let Some(measured_at) = group.date else { return Vec::new() };
    if group.category.unwrap_or(1) != 1 {
        return Vec::new();
    }
    let attribution = attribution(group, context);
    if is_future(measured_at, context.server_now) {
        (context.unknown)(Unknown::FutureDate, &group.grpid.unwrap_or(0));
        return Vec::new();
    }
    let origin = Origin { modified: modified(group), id: group.grpid.unwrap_or(0) };
    let reading = |measure| {
        let ((measurement, labels), value) = value(measure, &attribution, context)?;
        Some(Reading { measurement, labels, value, measured_at, until: None, origin })
    };
    group.measures.iter().filter_map(reading).collect()
}

fn modified(group: &Group) -> i64 {
    group.modified.unwrap_or(0)
}

/// How far a group can be trusted to be the person's own.
enum Attribution {
    /// It is.
    Own,
    /// Typed in when the account was made: counts for the body height only.
    AccountCreation,
    /// It may be another person's, or is not of the whole body.
    NotCounted,
}

fn attribution(group: &Group, context: &mut Context<'_>) -> Attribution {
    match group.attrib.unwrap_or(0) {
        1 | 10 => Attribution::NotCounted,
        4 => Attribution::AccountCreation,
        0 | 2 | 3 | 5 | 7 | 8 | 15 | 17 => Attribution::Own,
        unknown => {
            (context.unknown)(Unknown::Attribution, &unknown);
            Attribution::Own
        }
    }
}

/// What a measure that counts says.
fn value(measure: &Measure, attribution: &Attribution, context: &mut Context<'_>) -> Option<(Series, f64)> {
    let meastype = measure.meastype?;
    note_position(measure, context);
    let measurement = row(meastype, context);
    let exponent = match measurement.source {
        Source::Measure { exponent, .. } => exponent,
        _ => 0,
    };
    if !counts(measurement, measure, attribution) {
        return None;
    }
    let value = measure.value.zip(measure.unit).and_then(|(value, unit)| scaled(value, unit, exponent));
    let Some(value) = value else {
        (context.unknown)(Unknown::BadNumber, &meastype);
        return None;
    };
    let value = match measurement.source {
        Source::Classification { .. } => classification(value, context),
        _ => value,
    };
    Some(((measurement, labels(measurement, measure, meastype)), value))
}

/// The row of a measure type; that of unlisted types for one that no other row has.
fn row(meastype: i64, context: &mut Context<'_>) -> Measurement {
    u32::try_from(meastype).ok().and_then(Measurement::by_meastype).unwrap_or_else(|| {
        (context.unknown)(Unknown::MeasureType, &meastype);
        Measurement::unlisted_measure()
    })
}

fn counts(measurement: Measurement, measure: &Measure, attribution: &Attribution) -> bool {
    let (position, at_account_creation) = match measurement.source {
        Source::Measure { position, at_account_creation, .. } => (position, at_account_creation),
        _ => (Position::Anywhere, false),
    };
    let is_whole_body = matches!(measure.position, None | Some(6 | 7));
    let is_own = match attribution {
        Attribution::Own => true,
        Attribution::AccountCreation => at_account_creation,
        Attribution::NotCounted => false,
    };
    is_own && (position != Position::WholeBody || is_whole_body)
}

fn labels(measurement: Measurement, measure: &Measure, meastype: i64) -> Labels {
    let position = || measure.position.map_or(NO_POSITION.into(), |it| named(position_name(it), "position", it));
    match measurement.source {
        Source::Measure { position: Position::Labelled, .. } => Labels::new([(LabelName::Position, &position())]),
        Source::Measure { position: Position::OfType(places), meastypes, .. } => {
            let place = meastypes.iter().position(|it| i64::from(*it) == meastype).map(|it| places[it]);
            place.map(|it| Labels::new([(LabelName::Position, it)])).unwrap_or_default()
        }
        Source::UnlistedMeasure => {
            Labels::new([(LabelName::Meastype, &meastype.to_string()), (LabelName::Position, &position())])
        }
        _ => Labels::default(),
    }
}

/// The place of a classification among its states.
fn classification(code: f64, context: &mut Context<'_>) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "a code that is not whole is none of the known ones")]
    let number = code as i64;
    let unknown = CLASSIFICATIONS.len() - 1;
    let place = usize::try_from(number).ok().filter(|it| *it < unknown && code.fract() == 0.0).unwrap_or(unknown);
    if place == unknown {
        (context.unknown)(Unknown::Classification, &number);
    }
    place as f64
}

fn note_position(measure: &Measure, context: &mut Context<'_>) {
    if let Some(position) = measure.position.filter(|it| position_name(*it).is_none()) {
        (context.unknown)(Unknown::Position, &position);
    }
}

/// `value` × 10^(`unit` + `exponent`), finite. Dividing by a power of ten is exact in f64 where multiplying by its inverse is
/// wrong in one case of five; for the same reason our `exponent` is added and not applied on its own.
pub(super) fn scaled(value: f64, unit: i64, exponent: i32) -> Option<f64> {
    let exponent = i32::try_from(unit).ok().filter(|_| EXPONENTS.contains(&unit))? + exponent;
    let power = 10_f64.powi(exponent.abs());
    let scaled = if exponent < 0 { value / power } else { value * power };
    scaled.is_finite().then_some(scaled)
}

#[cfg(test)]
#[path = "measures_tests.rs"]
mod tests;
