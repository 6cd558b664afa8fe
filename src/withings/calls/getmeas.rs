//! `getmeas`: body measures. The newest reading of each measurement and its labels is shown.
//!
//! The newest `date` wins; ties: newest `modified`, highest `grpid`, first in the group. Upload time and the order of the
//! list mean nothing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::context::{Context, is_future, scaled};
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{
    CLASSIFICATIONS, Call, Group as MeasurementGroup, LabelName, Measurement, Position, Source, named, position_name,
};
use crate::reading::{Labels, Origin, Reading, understood};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::prune::{self, Rank, Said};
use crate::withings::request::{Request, Rows};
use crate::withings::wire::{Page, float, int, list, next_offset};

/// The label's value of a measure that says no position.
const NO_POSITION: &str = "none";

/// What is one series: a measurement and its labels.
type Series = (Measurement, Labels);

/// A page of the answer to `getmeas`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getmeas {
    #[serde(deserialize_with = "int")]
    updatetime: Option<i64>,
    #[serde(deserialize_with = "list")]
    measuregrps: Vec<Group>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// A measure group: what one device measured at one time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub grpid: Option<i64>,
    /// How sure it is whose the measures are.
    #[serde(deserialize_with = "int")]
    pub attrib: Option<i64>,
    /// When it was measured, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub date: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// 1 a measure, 2 a goal.
    #[serde(deserialize_with = "int")]
    pub category: Option<i64>,
    /// The measures.
    #[serde(deserialize_with = "list")]
    pub measures: Vec<Measure>,
}

/// One measure: `value` × 10^`unit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Measure {
    /// The measure type.
    #[serde(rename = "type", deserialize_with = "int")]
    pub meastype: Option<i64>,
    /// The mantissa.
    #[serde(deserialize_with = "float")]
    pub value: Option<f64>,
    /// The exponent of ten.
    #[serde(deserialize_with = "int")]
    pub unit: Option<i64>,
    /// Where on the body.
    #[serde(deserialize_with = "int")]
    pub position: Option<i64>,
}

impl Page for Getmeas {
    type Row = Group;

    fn into_rows(self) -> (Vec<Group>, Option<i64>) {
        (self.measuregrps, next_offset(self.more, self.offset))
    }

    fn server_time(&self) -> Option<i64> {
        self.updatetime
    }
}

impl DataCall for Getmeas {
    const CALL: Call = Call::Getmeas;
    const NOTIFICATIONS: &'static [Appli] =
        &[Appli::Weight, Appli::Temperature, Appli::Pressure, Appli::Ecg, Appli::Glucose, Appli::Urine];
    type Known = Measures;

    fn request(rows: Rows) -> Request {
        // Without a selection it is the whole history.
        let rows = if rows == Rows::All { Vec::new() } else { rows.by_times() };
        Request::data(Call::Getmeas, "/measure", "getmeas", rows)
    }

    fn prune(groups: &mut Vec<Group>, server_now: i64) {
        prune::to_the_newest(
            groups,
            |it| it.modified,
            |group| {
                let mut is_doubtful = false;
                let mut note = |unknown, _: &dyn Display| is_doubtful |= prune::is_doubt(unknown);
                let measured = measured(group, &mut Context { server_now, unknown: &mut note });
                Said { ranks: measured.iter().map(|it| (it.series(), it.rank())).collect(), is_doubtful }
            },
        );
    }

    fn note(
        known: &Measures,
        asked: Rows,
        groups: &[Group],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Measures> {
        match asked {
            Rows::ChangedSince(_) => known.merge(groups, context),
            _ => Some(Measures::choose(groups, context)),
        }
    }

    fn changed_at(group: &Group) -> Option<i64> {
        group.modified
    }

    fn readings(known: &Measures, _: &Moment<'_>) -> Vec<Reading> {
        known.readings().collect()
    }

    fn told_by(measurement: Measurement) -> &'static [Appli] {
        match measurement.source {
            Source::Measure { .. } if measurement.group == MeasurementGroup::Urine => &[Appli::Urine],
            Source::Measure { meastypes, .. } => match meastypes {
                [12] => &[Appli::Temperature],
                [71 | 73] => &[Appli::Weight, Appli::Temperature],
                [9..=11 | 54] => &[Appli::Pressure],
                [119] => &[Appli::Glucose],
                [135..=138] => &[Appli::Ecg],
                _ => &[Appli::Weight],
            },
            Source::Classification { .. } => &[Appli::Ecg],
            _ => &[Appli::Weight],
        }
    }
}

impl PastCall for Getmeas {
    type Kept = Reading;

    /// The reading of each measurement and its labels at each moment at which it was measured, ascending by all three.
    fn keep(groups: &[Group], context: &mut Context<'_>) -> Vec<Reading> {
        let winners = winners(groups, context, |chosen| (chosen.series(), chosen.measured_at));
        winners.values().map(Chosen::reading).collect()
    }

    fn values(kept: &[Reading]) -> usize {
        kept.len()
    }
}

/// Every weigh-in, and nothing else.
#[must_use]
pub fn weigh_ins() -> Request {
    Request::data(Call::Getmeas, "/measure", "getmeas", vec![("meastypes", "1".to_owned())])
}

/// The newest of each measurement and its labels, ascending by both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Measures(#[serde(deserialize_with = "understood")] Vec<Chosen>);

/// What one measure says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chosen {
    measurement: Measurement,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    value: f64,
    measured_at: i64,
    origin: Origin,
}

impl Measures {
    /// The newest of a whole history.
    pub fn choose(groups: &[Group], context: &mut Context<'_>) -> Self {
        Self(newest(groups, context).into_values().collect())
    }

    /// The newest after an answer that holds what changed since; `None` if a value that was shown is no longer the newest, and
    /// what comes after it is not in the answer: everything must be read.
    fn merge(&self, changed: &[Group], context: &mut Context<'_>) -> Option<Self> {
        let mut newest = newest(changed, context);
        for old in &self.0 {
            let place = newest.entry(old.series());
            let is_beaten = matches!(&place, Entry::Occupied(new) if new.get().rank() >= old.rank());
            if is_beaten {
                continue;
            }
            if changed.iter().any(|group| group.grpid == Some(old.origin.id)) {
                return None;
            }
            place.insert_entry(old.clone());
        }
        Some(Self(newest.into_values().collect()))
    }

    /// Their readings, ascending by measurement and labels.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().map(Chosen::reading)
    }
}

impl Chosen {
    fn series(&self) -> Series {
        (self.measurement, self.labels.clone())
    }

    /// The order of winning.
    fn rank(&self) -> Rank {
        (self.measured_at, self.origin)
    }

    fn reading(&self) -> Reading {
        let Self { measurement, labels, value, measured_at, .. } = self.clone();
        Reading { measurement, labels, value, measured_at, until: None }
    }
}

fn newest(groups: &[Group], context: &mut Context<'_>) -> BTreeMap<Series, Chosen> {
    winners(groups, context, Chosen::series)
}

/// What wins over all others of the same `place`.
fn winners<K: Ord>(groups: &[Group], context: &mut Context<'_>, place: impl Fn(&Chosen) -> K) -> BTreeMap<K, Chosen> {
    let mut winners: BTreeMap<K, Chosen> = BTreeMap::new();
    for measured in latest_versions(groups).flat_map(|group| measured(group, context)) {
        let place = winners.entry(place(&measured));
        let is_beaten = matches!(&place, Entry::Occupied(best) if best.get().rank() >= measured.rank());
        if !is_beaten {
            place.insert_entry(measured);
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

/// What one group says, in its order.
fn measured(group: &Group, context: &mut Context<'_>) -> Vec<Chosen> {
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
    let measured = |measure| {
        let ((measurement, labels), value) = value(measure, &attribution, context)?;
        Some(Chosen { measurement, labels, value, measured_at, origin })
    };
    group.measures.iter().filter_map(measured).collect()
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

#[cfg(test)]
#[path = "getmeas_tests.rs"]
mod tests;
