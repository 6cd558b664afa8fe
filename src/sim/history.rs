//! What the cloud has stored about a user, and what of it is visible at a time.

use std::ops::RangeInclusive;

use super::activity::{Activity, Source};
use super::heart::HeartRecording;
use super::intraday::IntradayValues;
use super::measure::MeasureGroup;
use super::night::Night;
use super::people::Generator;
use super::rows::Rows;
use super::stored::Stored;
use super::workout::Workout;

/// The ids of added rows begin here; those of generated rows are smaller.
const FIRST_ADDED_ID: u64 = 9_000_000_000;

/// Everything that is stored about a user.
#[derive(Default)]
pub(super) struct History {
    pub(super) rows: Rows,
    /// What writes further rows as time passes; `None` has only rows that were added.
    generator: Option<Generator>,
    added: u64,
}

impl History {
    /// A history whose rows are generated.
    pub(super) fn generated(generator: Generator) -> Self {
        Self { generator: Some(generator), ..Self::default() }
    }

    /// Generates what happened until `now`.
    pub(super) fn generate_until(&mut self, now: i64) {
        if let Some(generator) = &mut self.generator {
            generator.write_until(now, &mut self.rows);
        }
    }

    /// The groups visible at `now`.
    pub(super) fn groups(&self, now: i64) -> impl Iterator<Item = &Stored<MeasureGroup>> {
        self.rows.groups.iter().filter(move |group| group.created <= now)
    }

    /// The nights visible at `now`.
    pub(super) fn nights(&self, now: i64) -> impl Iterator<Item = &Stored<Night>> {
        self.rows.nights.iter().filter(move |night| night.created <= now)
    }

    /// The days visible at `now`, each as it was written last.
    pub(super) fn activities(&self, now: i64) -> impl Iterator<Item = &Stored<Activity>> {
        let versions = self.rows.activities.chunk_by(|a, b| a.id == b.id);
        versions.filter_map(move |versions| versions.iter().rfind(|version| version.created <= now))
    }

    /// The workouts visible at `now`.
    pub(super) fn workouts(&self, now: i64) -> impl Iterator<Item = &Stored<Workout>> {
        self.rows.workouts.iter().filter(move |workout| workout.created <= now)
    }

    /// The recordings of hearts visible at `now`.
    pub(super) fn recordings(&self, now: i64) -> impl Iterator<Item = &Stored<HeartRecording>> {
        self.rows.recordings.iter().filter(move |recording| recording.created <= now)
    }

    /// What watches measured in a period (Unix seconds) and is visible at `now`.
    pub(super) fn intraday(&self, period: RangeInclusive<i64>, now: i64) -> Vec<IntradayValues> {
        let added = self.rows.intraday.iter().filter(|values| values.created <= now).map(|values| values.row.clone());
        let generated = self.generator.iter().flat_map(|generator| generator.intraday(&period, now));
        added.chain(generated).filter(|values| period.contains(&values.at)).collect()
    }

    /// Whether rows are generated.
    pub(super) fn is_generated(&self) -> bool {
        self.generator.is_some()
    }

    /// An id that no other row has.
    pub(super) fn new_id(&mut self) -> u64 {
        self.added += 1;
        FIRST_ADDED_ID + self.added
    }

    /// When the device with this id has last uploaded anything.
    pub(super) fn last_upload(&self, deviceid: &str, now: i64) -> Option<i64> {
        let measured =
            |group: &&Stored<MeasureGroup>| group.row.device.as_ref().is_some_and(|device| device.id == deviceid);
        let groups = self.groups(now).filter(measured).map(|group| group.created);
        let nights = self.nights(now).filter(|night| night.row.device.id == deviceid).map(|night| night.created);
        let counted = |source: &Source| source.device_id() == Some(deviceid);
        let activities = self.activities(now).filter(|day| counted(&day.row.source)).map(|day| day.created);
        let workouts = self.workouts(now).filter(|workout| counted(&workout.row.source)).map(|workout| workout.created);
        groups.chain(nights).chain(activities).chain(workouts).max()
    }
}
