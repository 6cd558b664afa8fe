//! What counts the steps of the day: a watch on the wrist, or the phone in the pocket.

use std::sync::Arc;

use super::day::{Day, whole};
use super::story::{Entries, Gear};
use crate::sim::activity::{Activity, HeartRate, Source};
use crate::sim::device::Device;

/// Nobody walks before this local hour of the day.
const GETS_UP: f64 = 6.5;
/// Nobody walks after so many more hours.
const HOURS_UP: f64 = 15.5;
const METERS_A_STEP: f64 = 0.72;

pub(super) struct Pedometer {
    pub(super) source: Source,
    /// Steps of a usual day.
    pub(super) steps: f64,
    /// The share of them that it notices, 0 to 1.
    pub(super) notices: f64,
    /// How often it stays at home for a day, 0 to 1.
    pub(super) left_at_home: f64,
    /// kcal that the person burns in a day of rest.
    pub(super) kcal_at_rest: f64,
    /// The minute of each hour in which it uploads.
    pub(super) minute: i64,
}

impl Gear for Pedometer {
    /// A watch is listed as itself, a phone not at all.
    fn device(&self) -> Option<&Arc<Device>> {
        None
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.ahead > 1 && day.noise("watch at home").happens(self.left_at_home) {
            return;
        }
        let midnight = day.at(0.0);
        // A first row right after midnight, and a last one after the next midnight: yesterday is newer than today then.
        let hours = (1..=24).map(|hour| day.at(f64::from(hour)) + self.minute * 60);
        let times: Vec<_> = std::iter::once(midnight + 60 + self.minute).chain(hours).collect();
        let total = Total::of(self, day);
        entries.activity(&times, |time| self.until((time - midnight) as f64 / 3600.0, &total, day));
    }
}

impl Pedometer {
    /// The day's row as it is so many hours after midnight.
    fn until(&self, hours: f64, total: &Total, day: &Day) -> Activity {
        let share = ((hours - GETS_UP) / HOURS_UP).clamp(0.0, 1.0);
        let of = |total: f64| u32::try_from(whole(total * share)).unwrap_or_default();
        let (steps, intense) = (of(total.steps), of(total.intense));
        let calories = thousandths(f64::from(steps) * 0.038 + f64::from(intense) * 0.11);
        let activity = Activity {
            steps,
            distance: thousandths(f64::from(steps) * METERS_A_STEP),
            elevation: of(total.floors),
            soft: of(total.soft),
            moderate: of(total.moderate),
            intense,
            calories,
            totalcalories: thousandths(calories + self.kcal_at_rest * (hours / 24.0).min(1.0)),
            ..Activity::new(day.date, self.source.clone())
        };
        match self.source {
            Source::Tracker(_) => Activity { heart: Some(heart(&activity, share, day)), ..activity },
            Source::Foreign { .. } => activity,
        }
    }
}

/// What a whole day comes to.
struct Total {
    steps: f64,
    floors: f64,
    soft: f64,
    moderate: f64,
    intense: f64,
}

impl Total {
    fn of(pedometer: &Pedometer, day: &Day) -> Self {
        let mood = day.noise("steps").around(1.0, 0.35).max(0.15);
        let strength = if day.fever.is_some() { 0.15 } else { 1.0 };
        let steps = pedometer.steps * pedometer.notices * mood * strength;
        let between = |what: &str, low, high| day.noise(what).between(low, high) * strength;
        let sweats = day.fever.is_none() && day.noise("sweats").happens(0.4);
        Self {
            steps,
            floors: between("floors", 2.0, 18.0),
            soft: steps * 0.55,
            moderate: between("moderate", 900.0, 3600.0),
            intense: if sweats { between("intense", 300.0, 2400.0) } else { 0.0 },
        }
    }
}

/// The heart follows the day: zones are filled by what was done.
fn heart(activity: &Activity, share: f64, day: &Day) -> HeartRate {
    let beats = |what, mean: f64| u32::try_from(whole(day.noise(what).around(mean, 3.0))).unwrap_or_default();
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

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
