//! Workouts, each kind on days of its own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::day::{Day, whole};
use super::story::{Entries, Gear};
use crate::sim::device::Device;
use crate::sim::workout::Workout;

pub(super) const WALK: u32 = 1;
pub(super) const RUN: u32 = 2;
pub(super) const HIKE: u32 = 3;
pub(super) const RIDE: u32 = 6;
pub(super) const SWIM: u32 = 7;
pub(super) const BADMINTON: u32 = 15;
pub(super) const WEIGHTS: u32 = 16;
pub(super) const YOGA: u32 = 28;
/// One that no list has yet.
pub(super) const NEW: u32 = 569;

/// Detected by the device and confirmed by the person.
const CONFIRMED: u32 = 7;
const POOL_METERS: i64 = 25;

pub(super) struct Sport {
    /// What counts; `None` is a phone, which has no sensor for the heart.
    pub(super) watch: Option<Arc<Device>>,
    pub(super) habits: &'static [Habit],
}

/// Something that a person does every few days, always at about the same hour.
pub(super) struct Habit {
    pub(super) category: u32,
    /// Days from one time to the next.
    pub(super) every: i64,
    /// The last time was so many days before the cloud began.
    pub(super) last: i64,
    /// The local hour, 19 at most, so that it ends on the same day.
    pub(super) hour: f64,
    pub(super) minutes: f64,
    /// Meters per second, 0 if one stays in place.
    pub(super) speed: f64,
}

impl Gear for Sport {
    /// The watch is listed as itself.
    fn device(&self) -> Option<&Arc<Device>> {
        None
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        let due = |it: &&Habit| day.fever.is_none() && (day.ahead - it.last).rem_euclid(it.every) == 0;
        for habit in self.habits.iter().filter(due) {
            entries.workout(self.workout(habit, day), 600);
        }
    }
}

impl Sport {
    fn workout(&self, habit: &Habit, day: &Day) -> Workout {
        let noise = day.noise("sport").fork(u64::from(habit.category));
        let start = day.at(noise.named("hour").around(habit.hour, 0.3));
        let seconds = whole(noise.named("minutes").around(habit.minutes, habit.minutes * 0.2) * 60.0);
        let workout = Workout::new(habit.category, start, start + seconds);
        match &self.watch {
            Some(watch) => {
                let attrib = if habit.category == WALK { CONFIRMED } else { 0 };
                let heart = day.noise("sport heart").around(122.0 + habit.speed.min(4.0) * 8.0, 8.0);
                workout.by(watch).attributed(attrib).counted().with(moved(habit, seconds)).with(beats(heart, seconds))
            }
            // Without a way to go a phone knows nothing but the time.
            None if habit.speed == 0.0 => workout,
            None => workout.counted().with(moved(habit, seconds)),
        }
    }
}

/// What was done in so many seconds.
fn moved(habit: &Habit, seconds: i64) -> Vec<(&'static str, Value)> {
    let distance = whole(seconds as f64 * habit.speed);
    let on_foot = matches!(habit.category, WALK | RUN | HIKE | BADMINTON);
    let mut fields = vec![
        ("calories", json!(whole(seconds as f64 * (0.07 + habit.speed.min(4.0) * 0.03)))),
        ("intensity", json!(30 + whole(habit.speed.min(4.0) * 10.0))),
        ("distance", json!(distance)),
        ("steps", json!(if on_foot { seconds * 2 } else { 0 })),
        ("elevation", json!(if on_foot { distance / 500 } else { 0 })),
    ];
    if habit.category == SWIM {
        let laps = distance / POOL_METERS;
        fields.extend([
            ("pool_laps", json!(laps)),
            ("pool_length", json!(POOL_METERS)),
            ("strokes", json!(laps * 18)),
            ("algo_pause_duration", json!(seconds / 10)),
        ]);
    }
    fields
}

fn beats(average: f64, seconds: i64) -> [(&'static str, Value); 8] {
    let beats = |factor: f64| json!(whole(average * factor));
    [
        ("hr_average", beats(1.0)),
        ("hr_min", beats(0.7)),
        ("hr_max", beats(1.2)),
        ("hr_zone_0", json!(seconds / 10)),
        ("hr_zone_1", json!(seconds / 3)),
        ("hr_zone_2", json!(seconds / 3)),
        ("hr_zone_3", json!(seconds / 20)),
        ("spo2_average", json!(96)),
    ]
}
