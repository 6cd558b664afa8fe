//! The step counter: a watch on the wrist, or the phone in the pocket.

use std::sync::Arc;

use super::day::{Day, whole};
use super::effort::Effort;
use super::generator::{Entries, Recorder};
use super::sport::{Habit, Session, sessions};
use crate::sim::activity::{Activity, HeartRate, Source};
use crate::sim::device::Device;

/// Nobody walks before this local hour of the day.
const GETS_UP: f64 = 6.5;
/// Nobody walks after so many more hours.
const HOURS_UP: f64 = 15.5;
const METERS_A_STEP: f64 = 0.72;

pub(super) struct Pedometer {
    pub(super) source: Source,
    /// Steps of a usual day without a workout.
    pub(super) steps: f64,
    /// The person's workouts, which are counted with the rest.
    pub(super) habits: &'static [Habit],
    /// The share of all moving that is noticed, 0 to 1.
    pub(super) notices: f64,
    /// The share of days on which the watch stays at home, 0 to 1.
    pub(super) left_at_home: f64,
    /// kcal that the person burns in a day of rest.
    pub(super) kcal_at_rest: f64,
    /// The minute of each hour in which the totals are uploaded.
    pub(super) minute: i64,
}

impl Recorder for Pedometer {
    /// A watch is listed as itself, a phone not at all.
    fn device(&self) -> Option<&Arc<Device>> {
        None
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.ahead > 1 && day.random("watch at home").happens(self.left_at_home) {
            return;
        }
        let (midnight, next_midnight) = (day.at(0.0), day.at(24.0));
        // A first row right after midnight, and a last one after the next midnight: yesterday is newer than today then.
        let hours = (midnight + 3600..=next_midnight).step_by(3600).map(|hour| hour + self.minute * 60);
        let times: Vec<_> = std::iter::once(midnight + 60 + self.minute).chain(hours).collect();
        let totals = DayTotals::of(self, day);
        entries.activity(&times, |time| self.until(time, midnight, &totals, day));
    }
}

impl Pedometer {
    /// The day's row as it is at `time`.
    fn until(&self, time: i64, midnight: i64, totals: &DayTotals, day: &Day) -> Activity {
        let hours = (time - midnight) as f64 / 3600.0;
        let share = ((hours - GETS_UP) / HOURS_UP).clamp(0.0, 1.0);
        let everyday = Effort::default().and(share, totals.everyday);
        let done = totals.sessions.iter().fold(everyday, |sum, session| sum.and(session.done(time), session.effort()));
        let noticed = Effort::default().and(self.notices, done);
        let calories = thousandths(noticed.kcal);
        let activity = Activity {
            steps: count(noticed.steps),
            distance: thousandths(noticed.meters),
            elevation: count(noticed.climbed),
            soft: count(noticed.soft),
            moderate: count(noticed.moderate),
            intense: count(noticed.intense),
            calories,
            totalcalories: thousandths(calories + self.kcal_at_rest * (hours / 24.0).min(1.0)),
            ..Activity::new(day.date, self.source.clone())
        };
        match self.source {
            Source::Tracker(_) => Activity { heart: Some(heart(&activity, share, day)), ..activity },
            Source::GoogleFit => activity,
        }
    }
}

/// The totals that the day will have.
struct DayTotals {
    /// Without the workouts.
    everyday: Effort,
    sessions: Vec<Session>,
}

impl DayTotals {
    fn of(pedometer: &Pedometer, day: &Day) -> Self {
        let strength = if day.fever.is_some() { 0.15 } else { 1.0 };
        let steps = pedometer.steps * day.random("steps").around(1.0, 0.35).max(0.15) * strength;
        let everyday = Effort {
            steps,
            meters: steps * METERS_A_STEP,
            climbed: day.random("climbed").between(6.0, 54.0) * strength,
            soft: steps * 0.55,
            moderate: day.random("moderate").between(900.0, 3600.0) * strength,
            intense: 0.0,
            kcal: steps * 0.038,
        };
        Self { everyday, sessions: sessions(pedometer.habits, day).collect() }
    }
}

/// The heart rate of the day so far: its zones are filled by what was done.
fn heart(activity: &Activity, share: f64, day: &Day) -> HeartRate {
    let beats = |what, mean: f64| count(day.random(what).around(mean, 3.0));
    let ill = if day.fever.is_some() { 12.0 } else { 0.0 };
    let average = beats("average heart", 58.0 + 18.0 * share + ill);
    let hardest = if activity.intense > 0 { 80.0 } else { 45.0 };
    HeartRate {
        average,
        min: beats("resting heart", 50.0 + ill).min(average),
        max: beats("fast heart", 72.0 + hardest * share + ill).max(average),
        zones: [activity.soft / 2, activity.moderate, activity.intense - activity.intense / 4, activity.intense / 4],
    }
}

fn count(number: f64) -> u32 {
    u32::try_from(whole(number)).unwrap_or_default()
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
