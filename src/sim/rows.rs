//! The rows of a person.

use super::activity::Activity;
use super::heart::HeartRecording;
use super::intraday::IntradayValues;
use super::measure::MeasureGroup;
use super::night::Night;
use super::stored::Stored;
use super::workout::Workout;

/// The rows of a person, including those that will become visible later.
#[derive(Default)]
pub struct Rows {
    pub(super) groups: Vec<Stored<MeasureGroup>>,
    pub(super) nights: Vec<Stored<Night>>,
    /// The days. A day is rewritten until it is over: the versions of a row have one id and stand together, oldest
    /// first.
    pub(super) activities: Vec<Stored<Activity>>,
    pub(super) workouts: Vec<Stored<Workout>>,
    pub(super) recordings: Vec<Stored<HeartRecording>>,
    /// What watches measured through the day, of rows that were added: of generated people it is made when it is asked for.
    pub(super) intraday: Vec<Stored<IntradayValues>>,
}
