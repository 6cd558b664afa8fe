//! `getmeas`: body measures. The newest reading of each measurement and its labels is shown.
//!
//! The newest `date` wins; ties: newest `modified`, highest `grpid`, first in the group. Upload time and the order of the
//! list mean nothing: groups come ordered by `modified`, and were seen to arrive weeks after they were measured.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::context::{Context, RowKey, bounded, is_future, scaled};
use super::data_call::{DataCall, Moment, PastCall};
use super::winners::{Ranked, latest_versions, merged, winners};
use crate::catalogue::{CLASSIFICATIONS, Call, Group, LabelName, Measurement, Position, Source, named, position_name};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::prune::{self, Rank, RankedRow};
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{AnswerPage, float, int, list, next_offset};

/// The label's value of a measure that says no position.
const NO_POSITION: &str = "none";

/// What the label's value of a position without a name begins with; its number follows.
const UNNAMED_POSITION: &str = "position";

/// What tells one series from another: the measurement and its labels.
type SeriesKey = (Measurement, Labels);

/// A page of the answer to `getmeas`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getmeas {
    #[serde(deserialize_with = "int")]
    updatetime: Option<i64>,
    #[serde(deserialize_with = "list")]
    measuregrps: Vec<GroupRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// A measure group: what one device measured at one time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroupRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub grpid: Option<i64>,
    /// Withings' attribution: how sure it is that the measures are the person's.
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
    /// Withings' number of the place on the body.
    #[serde(deserialize_with = "int")]
    pub position: Option<i64>,
}

impl AnswerPage for Getmeas {
    type Row = GroupRow;

    fn into_rows(self) -> (Vec<GroupRow>, Option<i64>) {
        (self.measuregrps, next_offset(self.more, self.offset))
    }

    fn server_time(&self) -> Option<i64> {
        self.updatetime
    }
}

impl DataCall for Getmeas {
    const CALL: Call = Call::Getmeas;
    const NOTIFICATIONS: &'static [Appli] = &[
        Appli::Weight,
        Appli::Temperature,
        Appli::Pressure,
        Appli::Ecg,
        Appli::Glucose,
        Appli::HeartRateVariability,
        Appli::Urine,
    ];
    type Known = Measures;

    fn request(rows: RowSelection) -> Request {
        // Without a selection it is the whole history.
        let rows = if rows == RowSelection::All { Vec::new() } else { rows.by_times() };
        Request::data(Call::Getmeas, "/measure", "getmeas", rows)
    }

    fn prune(groups: &mut Vec<GroupRow>, server_now: i64) {
        prune::to_the_newest(
            groups,
            |group| group.modified,
            |group| {
                let mut is_doubtful = false;
                let mut note = |unknown, _: &dyn Display, _: RowKey| is_doubtful |= prune::is_doubt(unknown);
                let measured = measured(group, &mut Context::new(server_now, &mut note));
                RankedRow {
                    ranks: measured.iter().map(|candidate| (candidate.series(), candidate.rank())).collect(),
                    is_doubtful,
                }
            },
        );
    }

    fn note(
        known: &Measures,
        asked: RowSelection,
        groups: &[GroupRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Measures> {
        match asked {
            RowSelection::ChangedSince(_) => known.merge(groups, context),
            _ => Some(Measures::choose(groups, context)),
        }
    }

    fn changed_at(group: &GroupRow) -> Option<i64> {
        group.modified
    }

    fn readings(known: &Measures, _: &Moment<'_>) -> Vec<Reading> {
        known.readings().collect()
    }

    fn told_by(measurement: Measurement) -> &'static [Appli] {
        match measurement.source {
            Source::Measure { .. } if measurement.group == Group::Urine => &[Appli::Urine],
            Source::Measure { meastypes, .. } => match meastypes {
                [12] => &[Appli::Temperature],
                [71 | 73] => &[Appli::Weight, Appli::Temperature],
                [9..=11 | 54] => &[Appli::Pressure],
                [119] => &[Appli::Glucose],
                [135..=138] => &[Appli::Ecg],
                _ => &[Appli::Weight],
            },
            Source::Classification { .. } | Source::EcgClassification { .. } => &[Appli::Ecg],
            _ => &[Appli::Weight],
        }
    }
}

impl PastCall for Getmeas {
    type Kept = Reading;

    /// The reading of each measurement and its labels at each moment at which it was measured, ascending by all three.
    fn keep(groups: &[GroupRow], context: &mut Context<'_>) -> Vec<Reading> {
        let candidates = candidates(groups, context);
        let winners = winners(candidates.map(|candidate| ((candidate.series(), candidate.measured_at), candidate)));
        winners.values().map(Candidate::reading).collect()
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
pub struct Measures(Vec<Candidate>);

/// The value of one measure, which may be shown if no other of its series wins over it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Candidate {
    measurement: Measurement,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    value: f64,
    measured_at: i64,
    origin: Origin,
}

impl Measures {
    /// The newest measures of a whole history.
    pub fn choose(groups: &[GroupRow], context: &mut Context<'_>) -> Self {
        Self::of(newest(groups, context), context)
    }

    /// The newest measures after an answer that holds what has changed; `None` if everything must be read.
    fn merge(&self, changed: &[GroupRow], context: &mut Context<'_>) -> Option<Self> {
        let known = self.0.iter().map(|candidate| (candidate.series(), candidate.clone()));
        let is_changed = |id| changed.iter().any(|group| group.grpid == Some(id));
        let newest = merged(known, newest(changed, context), is_changed)?;
        Some(Self::of(newest, context))
    }

    fn of(series: BTreeMap<SeriesKey, Candidate>, context: &mut Context<'_>) -> Self {
        Self(bounded(series, is_unlisted, context).into_values().collect())
    }

    /// The readings of the measures, ascending by measurement and labels.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().map(Candidate::reading)
    }
}

impl Candidate {
    fn series(&self) -> SeriesKey {
        (self.measurement, self.labels.clone())
    }

    fn reading(&self) -> Reading {
        let Self { measurement, labels, value, measured_at, .. } = self.clone();
        Reading { measurement, labels, value, measured_at, until: None }
    }
}

impl Ranked for Candidate {
    fn rank(&self) -> Rank {
        (self.measured_at, self.origin)
    }
}

/// Whether the answer alone says that there is such a series: of a measure type or a place that the catalogue does not have.
fn is_unlisted((measurement, labels): &SeriesKey) -> bool {
    let place = || labels.get(LabelName::Position).is_some_and(|place| place.starts_with(UNNAMED_POSITION));
    *measurement == Measurement::unlisted_measure() || place()
}

/// The newest candidate of each series.
fn newest(groups: &[GroupRow], context: &mut Context<'_>) -> BTreeMap<SeriesKey, Candidate> {
    winners(candidates(groups, context).map(|candidate| (candidate.series(), candidate)))
}

/// The values of all groups that count.
fn candidates(groups: &[GroupRow], context: &mut Context<'_>) -> impl Iterator<Item = Candidate> {
    let latest = latest_versions(groups, |group| (group.grpid, group.modified));
    latest.flat_map(move |group| measured(group, context))
}

/// The values of one group that count, in its order.
fn measured(group: &GroupRow, context: &mut Context<'_>) -> Vec<Candidate> {
    context.begin_row((group.grpid, group.date));
    let Some(measured_at) = group.date else {
        context.note(Unknown::Row, &"a measure group without a date");
        return Vec::new();
    };
    if group.category.unwrap_or(1) != 1 {
        return Vec::new();
    }
    let attribution = attribution(group, context);
    if is_future(measured_at, context.server_now) {
        context.note(Unknown::FutureDate, &group.grpid.unwrap_or(0));
        return Vec::new();
    }
    let origin = Origin { modified: group.modified.unwrap_or(0), id: group.grpid.unwrap_or(0) };
    let measured = |measure| {
        let ((measurement, labels), value) = value(measure, &attribution, context)?;
        Some(Candidate { measurement, labels, value, measured_at, origin })
    };
    group.measures.iter().filter_map(measured).collect()
}

/// How far a group can be trusted to be the person's own.
enum Attribution {
    /// The group is the person's.
    Own,
    /// The group was typed in when the account was made: it counts for the body height only.
    AccountCreation,
    /// The group may be another person's, or is of one foot.
    NotCounted,
}

fn attribution(group: &GroupRow, context: &mut Context<'_>) -> Attribution {
    match group.attrib.unwrap_or(0) {
        // 1 is documented as ambiguous; 10 is not documented, and was seen on the pulse wave velocity of each foot
        // (joostlek/python-withings#86).
        1 | 10 => Attribution::NotCounted,
        4 => Attribution::AccountCreation,
        0 | 2 | 3 | 5 | 7 | 8 | 15 | 17 => Attribution::Own,
        // New attributions come without notice (`vangorra/python_withings_api#87`), and a weight is still a weight.
        unknown => {
            context.note(Unknown::Attribution, &unknown);
            Attribution::Own
        }
    }
}

/// The series and the value of a measure; `None` if it does not count.
fn value(measure: &Measure, attribution: &Attribution, context: &mut Context<'_>) -> Option<(SeriesKey, f64)> {
    let Some(meastype) = measure.meastype else {
        context.note(Unknown::Row, &"a measure without a type");
        return None;
    };
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
        context.note(Unknown::BadNumber, &meastype);
        return None;
    };
    if measurement.believed_above.is_some_and(|bound| value <= bound) {
        context.note(Unknown::Implausible, &meastype);
        return None;
    }
    let value = match measurement.source {
        Source::Classification { .. } | Source::EcgClassification { .. } => classification(value, context),
        _ => value,
    };
    Some(((measurement, labels(measurement, measure, meastype)), value))
}

/// The measurement of a measure type; the one of unlisted types for a type that no other row has. A new type is shown at once
/// and never fails an answer (joostlek/python-withings#145).
fn row(meastype: i64, context: &mut Context<'_>) -> Measurement {
    u32::try_from(meastype).ok().and_then(Measurement::by_meastype).unwrap_or_else(|| {
        context.note(Unknown::MeasureType, &meastype);
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
    let position =
        || measure.position.map_or(NO_POSITION.into(), |number| named(position_name(number), UNNAMED_POSITION, number));
    match measurement.source {
        Source::Measure { position: Position::Labelled, .. } => Labels::new([(LabelName::Position, &position())]),
        Source::Measure { position: Position::OfType(places), meastypes, .. } => {
            let index = meastypes.iter().position(|listed| i64::from(*listed) == meastype);
            index.map(|index| Labels::new([(LabelName::Position, places[index])])).unwrap_or_default()
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
    let place = usize::try_from(number).ok().filter(|place| *place < unknown && code.fract() == 0.0).unwrap_or(unknown);
    if place == unknown {
        context.note(Unknown::Classification, &number);
    }
    place as f64
}

fn note_position(measure: &Measure, context: &mut Context<'_>) {
    if let Some(position) = measure.position.filter(|number| position_name(*number).is_none()) {
        context.note(Unknown::Position, &position);
    }
}

#[cfg(test)]
#[path = "getmeas_tests.rs"]
mod tests;
