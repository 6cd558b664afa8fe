//! Workouts, each kind on days of its own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::day::{Day, whole};
use super::effort::Effort;
use super::generator::{Entries, Recorder};
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

/// The attribution of a workout that the device has detected and the person has confirmed.
const CONFIRMED: u32 = 7;
const POOL_METERS: i64 = 25;

/// The workouts of a person.
pub(super) struct Sport {
    /// The tracker; `None` is a phone, which has no sensor for the heart.
    pub(super) watch: Option<Arc<Device>>,
    pub(super) habits: &'static [Habit],
}

/// A workout that a person repeats every few days at about the same hour.
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

/// A workout of a day.
pub(super) struct Session {
    habit: &'static Habit,
    start: i64,
    seconds: i64,
}

/// The workouts of the day; there is none with a fever.
pub(super) fn sessions(habits: &'static [Habit], day: &Day) -> impl Iterator<Item = Session> {
    let due = |habit: &&Habit| day.fever.is_none() && (day.ahead - habit.last).rem_euclid(habit.every) == 0;
    habits.iter().filter(due).map(|habit| {
        let random = day.random("sport").fork(u64::from(habit.category));
        let start = day.at(random.named("hour").around(habit.hour, 0.3));
        let seconds = whole(random.named("minutes").around(habit.minutes, habit.minutes * 0.2) * 60.0);
        Session { habit, start, seconds }
    })
}

impl Session {
    /// The share of the workout that is over at `time`, 0 to 1.
    pub(super) fn done(&self, time: i64) -> f64 {
        ((time - self.start) as f64 / self.seconds as f64).clamp(0.0, 1.0)
    }

    /// The whole effort of the workout.
    pub(super) fn effort(&self) -> Effort {
        let seconds = self.seconds as f64;
        let (moderate, intense) = if self.is_intense() { (0.0, seconds) } else { (seconds, 0.0) };
        let kcal = self.kcal() as f64;
        let effort = Effort { moderate, intense, kcal, ..Effort::default() };
        if !self.is_on_foot() {
            return effort;
        }
        Effort { steps: self.steps() as f64, meters: self.meters() as f64, climbed: self.climbed() as f64, ..effort }
    }

    fn meters(&self) -> i64 {
        whole(self.seconds as f64 * self.habit.speed)
    }

    fn steps(&self) -> i64 {
        if self.is_on_foot() { self.seconds * 2 } else { 0 }
    }

    /// Meters.
    fn climbed(&self) -> i64 {
        if self.is_on_foot() { self.meters() * 3 / 500 } else { 0 }
    }

    fn kcal(&self) -> i64 {
        whole(self.seconds as f64 * (0.07 + self.strength() * 0.03))
    }

    fn is_on_foot(&self) -> bool {
        matches!(self.habit.category, WALK | RUN | HIKE)
    }

    fn is_intense(&self) -> bool {
        matches!(self.habit.category, RUN | RIDE | SWIM)
    }

    /// How hard the workout is, 0 to 4.
    fn strength(&self) -> f64 {
        self.habit.speed.min(4.0)
    }
}

impl Recorder for Sport {
    /// The watch is a recorder of its own.
    fn device(&self) -> Option<&Arc<Device>> {
        None
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        for session in sessions(self.habits, day) {
            entries.workout(self.workout(&session, day), 600);
        }
    }
}

impl Sport {
    fn workout(&self, session: &Session, day: &Day) -> Workout {
        let habit = session.habit;
        let workout = Workout::new(habit.category, session.start, session.start + session.seconds);
        match &self.watch {
            Some(watch) => {
                let attrib = if habit.category == WALK { CONFIRMED } else { 0 };
                let heart = day.random("sport heart").around(122.0 + session.strength() * 8.0, 8.0);
                let workout = workout.by(watch).attributed(attrib).counted();
                workout.with(moved(session)).with(beats(heart, session.seconds))
            }
            // Without a way to go a phone knows nothing but the time.
            None if habit.speed == 0.0 => workout,
            None => workout.counted().with(moved(session)),
        }
    }
}

/// The fields of what was done.
fn moved(session: &Session) -> Vec<(&'static str, Value)> {
    let meters = session.meters();
    let mut fields = vec![
        ("calories", json!(session.kcal())),
        ("intensity", json!(30 + whole(session.strength() * 10.0))),
        // By satellite, with a fraction; a guess by the length of a step is whole.
        ("distance", if session.habit.speed > 2.0 { json!(meters as f64 + 0.25) } else { json!(meters) }),
        ("steps", json!(session.steps())),
        ("elevation", json!(session.climbed())),
    ];
    if session.habit.category == SWIM {
        let laps = meters / POOL_METERS;
        fields.extend([
            ("pool_laps", json!(laps)),
            ("pool_length", json!(POOL_METERS)),
            ("strokes", json!(laps * 18)),
            ("algo_pause_duration", json!(session.seconds / 10)),
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
