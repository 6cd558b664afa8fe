//! `getworkouts`: one row for each workout. The newest of each category is shown.
//!
//! The newest end wins; ties: newest `modified`, highest `id`. A row without an end is a workout that goes on, and one
//! that ends before it began is not believed: both are left out.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::context::{Context, bounded, is_future, number, row_id};
use super::data_call::{DataCall, Moment, PastCall};
use super::winners::{Ranked, latest_versions, merged, ranked, winners};
use crate::catalogue::{Call, LabelName, Measurement, Source, WorkoutFact, ZONES, named, workout_category};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::prune::{self, Rank};
use crate::withings::request::{Request, RowSelection, data_fields};
use crate::withings::wire::{Float, SeriesPage, int, map};

/// A page of the answer to `getworkouts`.
pub type Getworkouts = SeriesPage<WorkoutRow>;

/// One workout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkoutRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub id: Option<i64>,
    /// Withings' number of the kind of workout.
    #[serde(deserialize_with = "int")]
    pub category: Option<i64>,
    /// The start of the workout, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// The end of the workout, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// The named values.
    #[serde(deserialize_with = "map")]
    pub data: BTreeMap<String, Float>,
}

impl WorkoutRow {
    /// What tells it from other workouts.
    fn identity(&self) -> Option<i64> {
        self.id.or_else(|| Some(row_id(None, self.startdate?, self.enddate?)))
    }
}

impl DataCall for Getworkouts {
    const CALL: Call = Call::Getworkouts;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Activity];
    const BY_DAYS: bool = true;
    const SOONER_SECONDS: i64 = 4 * 3600;
    // 2: workouts know their zones, steps, climbing, pauses and oxygen.
    const REVISION: u32 = 2;
    type Known = Workouts;

    /// With every field that the catalogue knows.
    fn request(rows: RowSelection) -> Request {
        let fields = data_fields(|source| match source {
            Source::Workout(WorkoutFact::Data(fields) | WorkoutFact::Zones(fields)) => fields,
            _ => &[],
        });
        Request::data(Call::Getworkouts, "/v2/measure", "getworkouts", rows.by_days_after(fields))
    }

    fn prune(rows: &mut Vec<WorkoutRow>, server_now: i64) {
        let said = |row: &WorkoutRow| ranked(server_now, |context| workout(row, context).into_iter().collect());
        prune::to_the_newest(rows, |row| row.modified, said);
    }

    fn note(
        known: &Workouts,
        asked: RowSelection,
        rows: &[WorkoutRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Workouts> {
        match asked {
            RowSelection::ChangedSince(_) => known.merge(rows, context),
            _ => Some(Workouts::choose(rows, context)),
        }
    }

    fn changed_at(row: &WorkoutRow) -> Option<i64> {
        row.modified
    }

    fn readings(known: &Workouts, _: &Moment<'_>) -> Vec<Reading> {
        known.readings().collect()
    }
}

impl PastCall for Getworkouts {
    type Kept = (i64, Workout);

    fn keep(rows: &[WorkoutRow], context: &mut Context<'_>) -> Vec<(i64, Workout)> {
        each(rows, context)
    }

    fn values(kept: &[(i64, Workout)]) -> usize {
        kept.iter().map(|(_, workout)| workout.values.len()).sum()
    }
}

/// The newest workout of each category, by Withings' number of the category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Workouts(BTreeMap<i64, Workout>);

/// A workout that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workout {
    origin: Origin,
    ended_at: i64,
    /// Ascending by measurement; absent ones are absent.
    values: Vec<(Measurement, f64)>,
    /// How long the heart rate was in each of the [`ZONES`], seconds; empty without a heart rate sensor.
    #[serde(default)]
    zones: Vec<f64>,
}

impl Workouts {
    /// The newest workouts of a whole history.
    fn choose(rows: &[WorkoutRow], context: &mut Context<'_>) -> Self {
        let newest = winners(each(rows, context));
        Self::of(newest, context)
    }

    /// The newest workouts after an answer that holds what has changed; `None` if everything must be read.
    fn merge(&self, changed: &[WorkoutRow], context: &mut Context<'_>) -> Option<Self> {
        let is_changed = |id| changed.iter().any(|row| row.identity() == Some(id));
        let newest = winners(each(changed, context));
        Some(Self::of(merged(self.0.clone(), newest, is_changed)?, context))
    }

    fn of(newest: BTreeMap<i64, Workout>, context: &mut Context<'_>) -> Self {
        Self(bounded(newest, |category| workout_category(*category).is_none(), context))
    }

    /// The readings of the workouts, ascending by category.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().flat_map(|(category, workout)| workout.readings(*category))
    }
}

/// Every workout of an answer that is over, with Withings' number of its category.
fn each(rows: &[WorkoutRow], context: &mut Context<'_>) -> Vec<(i64, Workout)> {
    latest_versions(rows, |row| (row.identity(), row.modified)).filter_map(|row| workout(row, context)).collect()
}

/// The readings of workouts of a history in any order, each at its end, until the end of the next one of its category.
#[must_use]
pub fn history(workouts: Vec<(i64, Workout)>) -> Vec<Reading> {
    let ended = workouts.into_iter().map(|(category, workout)| ((category, workout.ended_at), workout));
    let ended = winners(ended);
    let mut history = Vec::new();
    for ((category, measured_at), workout) in &ended {
        let mut later =
            ended.range((Bound::Excluded((*category, *measured_at)), Bound::Included((*category, i64::MAX))));
        let end = later.next().map(|((_, ended_at), _)| *ended_at);
        let at_its_end = |reading| Reading { measured_at: *measured_at, ..reading }.ending_at(end);
        history.extend(workout.readings(*category).map(at_its_end));
    }
    history
}

impl Ranked for Workout {
    fn rank(&self) -> Rank {
        (self.ended_at, self.origin)
    }
}

impl Workout {
    /// The readings of a workout of this category, without a time.
    fn readings(&self, category: i64) -> impl Iterator<Item = Reading> {
        let name = named(workout_category(category), "category", category);
        let of_category = Labels::new([(LabelName::Category, &*name)]);
        let of_zone = move |zone| Labels::new([(LabelName::Category, &*name), (LabelName::Zone, zone)]);
        let values = self.values.iter().map(move |(measurement, value)| (*measurement, of_category.clone(), *value));
        let is_zoned = |row: &Measurement| matches!(row.source, Source::Workout(WorkoutFact::Zones(_)));
        let durations = Measurement::all().find(is_zoned).into_iter().flat_map(move |measurement| {
            let durations = ZONES.iter().zip(&self.zones);
            durations.map(|(zone, value)| (measurement, of_zone(zone), *value)).collect::<Vec<_>>()
        });
        values.chain(durations).map(|(measurement, labels, value)| Reading {
            measurement,
            labels,
            value,
            measured_at: 0,
            until: None,
        })
    }
}

fn workout(row: &WorkoutRow, context: &mut Context<'_>) -> Option<(i64, Workout)> {
    context.begin_row((row.identity(), row.startdate, row.enddate));
    let (Some(category), Some(started_at), Some(ended_at)) = (row.category, row.startdate, row.enddate) else {
        context.note(Unknown::Row, &"a workout without category, begin or end");
        return None;
    };
    let id = row_id(row.id, started_at, ended_at);
    if is_future(ended_at, context.server_now) {
        context.note(Unknown::FutureDate, &id);
        return None;
    }
    if ended_at < started_at {
        context.note(Unknown::BadNumber, &id);
        return None;
    }
    if workout_category(category).is_none() {
        context.note(Unknown::Workout, &category);
    }
    let mut value = |measurement: Measurement| match measurement.source {
        Source::Workout(WorkoutFact::Start) => Some(started_at as f64),
        Source::Workout(WorkoutFact::End) => Some(ended_at as f64),
        // A sensor that was not there shows as 0.
        Source::Workout(WorkoutFact::Data(fields)) => {
            fields.iter().find_map(|field| number(&row.data, field, context).filter(|value| *value > 0.0))
        }
        _ => None,
    };
    let values = Measurement::all().filter_map(|measurement| Some((measurement, value(measurement)?))).collect();
    let origin = Origin { modified: row.modified.unwrap_or(0), id };
    Some((category, Workout { origin, ended_at, values, zones: zones(row, context) }))
}

/// How long the heart rate was in each zone, seconds. All are 0 without a sensor: then there is none.
fn zones(row: &WorkoutRow, context: &mut Context<'_>) -> Vec<f64> {
    let fields = Measurement::all().find_map(|measurement| match measurement.source {
        Source::Workout(WorkoutFact::Zones(fields)) => Some(fields),
        _ => None,
    });
    let seconds = |field: &&str| number(&row.data, field, context).unwrap_or(0.0).max(0.0);
    let zones: Vec<f64> = fields.into_iter().flatten().map(seconds).collect();
    if zones.iter().any(|seconds| *seconds > 0.0) { zones } else { Vec::new() }
}

#[cfg(test)]
#[path = "getworkouts_tests.rs"]
mod tests;
