//! `getworkouts`: one row for each workout. The newest of each category is shown.
//!
//! The newest end wins; ties: newest `modified`, highest `id`. A row without an end is a workout that goes on, and one
//! that ends before it began is not believed: both are left out.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::context::{Context, is_future, number};
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{Call, LabelName, Measurement, Source, WorkoutFact, named, workout_category};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::prune::{self, Rank, Said};
use crate::withings::request::{Request, Rows, data_fields};
use crate::withings::wire::{Float, Page, int, list, map, next_offset};

/// A page of the answer to `getworkouts`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getworkouts {
    #[serde(deserialize_with = "list")]
    series: Vec<WorkoutRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// One workout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkoutRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub id: Option<i64>,
    /// The number of its kind.
    #[serde(deserialize_with = "int")]
    pub category: Option<i64>,
    /// Its start, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// Its end, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// The named values.
    #[serde(deserialize_with = "map")]
    pub data: BTreeMap<String, Float>,
}

impl Page for Getworkouts {
    type Row = WorkoutRow;

    fn into_rows(self) -> (Vec<WorkoutRow>, Option<i64>) {
        (self.series, next_offset(self.more, self.offset))
    }
}

impl DataCall for Getworkouts {
    const CALL: Call = Call::Getworkouts;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Activity];
    const BY_DAYS: bool = true;
    type Known = Workouts;

    /// With every field that the catalogue knows.
    fn request(rows: Rows) -> Request {
        let fields = data_fields(|source| match source {
            Source::Workout(WorkoutFact::Data(fields)) => fields,
            _ => &[],
        });
        Request::data(Call::Getworkouts, "/v2/measure", "getworkouts", rows.by_days_after(fields))
    }

    fn prune(rows: &mut Vec<WorkoutRow>, server_now: i64) {
        prune::to_the_newest(
            rows,
            |it| it.modified,
            |row| {
                let mut is_doubtful = false;
                let mut note = |unknown, _: &dyn Display| is_doubtful |= prune::is_doubt(unknown);
                let workout = workout(row, &mut Context { server_now, unknown: &mut note });
                Said { ranks: workout.into_iter().map(|(category, it)| (category, it.rank())).collect(), is_doubtful }
            },
        );
    }

    fn note(
        known: &Workouts,
        asked: Rows,
        rows: &[WorkoutRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Workouts> {
        match asked {
            Rows::ChangedSince(_) => known.merge(rows, context),
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
}

impl Workouts {
    /// The newest workouts of a whole history.
    fn choose(rows: &[WorkoutRow], context: &mut Context<'_>) -> Self {
        Self(winners(each(rows, context), |category, _| category))
    }

    /// The newest workouts after an answer that holds what changed since; `None` if one that was shown is no longer the newest of
    /// its category: everything must be read.
    fn merge(&self, changed: &[WorkoutRow], context: &mut Context<'_>) -> Option<Self> {
        let mut newest = Self::choose(changed, context);
        for (category, old) in &self.0 {
            let is_changed = changed.iter().any(|row| row.id == Some(old.origin.id));
            let is_beaten = newest.0.get(category).is_some_and(|new| new.rank() >= old.rank());
            if is_beaten {
                continue;
            }
            if is_changed {
                return None;
            }
            newest.0.insert(*category, old.clone());
        }
        Some(newest)
    }

    /// Their readings.
    pub fn readings(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().flat_map(|(category, workout)| workout.readings(*category))
    }
}

/// Every workout of an answer that is over, with Withings' number of its category.
fn each(rows: &[WorkoutRow], context: &mut Context<'_>) -> Vec<(i64, Workout)> {
    latest_versions(rows).filter_map(|row| workout(row, context)).collect()
}

/// The readings of workouts of a history in any order, each at its end, until the end of the next one of its category.
#[must_use]
pub fn history(workouts: Vec<(i64, Workout)>) -> Vec<Reading> {
    let ended = winners(workouts, |category, workout| (category, workout.ended_at));
    let mut history = Vec::new();
    for ((category, measured_at), workout) in &ended {
        let mut later =
            ended.range((Bound::Excluded((*category, *measured_at)), Bound::Included((*category, i64::MAX))));
        let until = later.next().map(|((_, ended_at), _)| *ended_at);
        history.extend(workout.readings(*category).map(|it| Reading { measured_at: *measured_at, until, ..it }));
    }
    history
}

/// The workouts that win over all others of the same place.
fn winners<K: Ord>(workouts: Vec<(i64, Workout)>, place: impl Fn(i64, &Workout) -> K) -> BTreeMap<K, Workout> {
    let mut winners: BTreeMap<K, Workout> = BTreeMap::new();
    for (category, workout) in workouts {
        let place = winners.entry(place(category, &workout));
        if !matches!(&place, Entry::Occupied(best) if best.get().rank() >= workout.rank()) {
            place.insert_entry(workout);
        }
    }
    winners
}

impl Workout {
    /// The order of winning.
    fn rank(&self) -> Rank {
        (self.ended_at, self.origin)
    }

    /// What it says as one of this category, without a time.
    fn readings(&self, category: i64) -> impl Iterator<Item = Reading> {
        let name = named(workout_category(category), "category", category);
        let labels = Labels::new([(LabelName::Category, &*name)]);
        let reading = move |(measurement, value): &(Measurement, f64)| Reading {
            measurement: *measurement,
            labels: labels.clone(),
            value: *value,
            measured_at: 0,
            until: None,
        };
        self.values.iter().map(reading)
    }
}

/// The rows without the older versions of a row that was changed while its pages were read.
fn latest_versions(rows: &[WorkoutRow]) -> impl Iterator<Item = &WorkoutRow> {
    let mut latest: HashMap<Option<i64>, Option<i64>> = HashMap::new();
    for row in rows {
        let modified = latest.entry(row.id).or_default();
        *modified = row.modified.max(*modified);
    }
    rows.iter().filter(move |it| latest.get(&it.id) == Some(&it.modified))
}

fn workout(row: &WorkoutRow, context: &mut Context<'_>) -> Option<(i64, Workout)> {
    let (id, category, started_at, ended_at) = (row.id?, row.category?, row.startdate?, row.enddate?);
    if is_future(ended_at, context.server_now) {
        (context.unknown)(Unknown::FutureDate, &id);
        return None;
    }
    if ended_at < started_at {
        (context.unknown)(Unknown::BadNumber, &id);
        return None;
    }
    if workout_category(category).is_none() {
        (context.unknown)(Unknown::Workout, &category);
    }
    let mut value = |it: Measurement| match it.source {
        Source::Workout(WorkoutFact::Start) => Some(started_at as f64),
        Source::Workout(WorkoutFact::End) => Some(ended_at as f64),
        // A sensor that was not there shows as 0.
        Source::Workout(WorkoutFact::Data(fields)) => {
            fields.iter().find_map(|field| number(&row.data, field, context).filter(|it| *it > 0.0))
        }
        _ => None,
    };
    let values = Measurement::all().filter_map(|it| Some((it, value(it)?))).collect();
    Some((category, Workout { origin: Origin { modified: row.modified.unwrap_or(0), id }, ended_at, values }))
}

#[cfg(test)]
#[path = "getworkouts_tests.rs"]
mod tests;
