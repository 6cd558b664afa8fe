//! A person with two weeks of data, no goals, and a device without a name.

use super::body::Body;
use super::generator::{Generator, Recorder};
use super::manual_entry::ManualEntry;
use super::mat::{CALM, DISTURBANCES, Mat};
use super::pedometer::Pedometer;
use super::phone::Phone;
use super::profile::Profile;
use super::scale::Scale;
use super::sport::{BADMINTON, Habit, RIDE, Sport};
use crate::sim::activity::Source;
use crate::sim::person::Person;
use crate::sim::user::User;

/// The scale came so many days ago.
const DAYS: u64 = 14;
/// The phone has written the nights of so many of them, until the mat came.
const NIGHTS_BY_PHONE: i64 = 4;

const BODY: Body = Body {
    from_kg: 63.0,
    to_kg: 62.0,
    half_life_days: 90.0,
    winter_kg: 0.4,
    fat_from: 0.24,
    fat_to: 0.23,
    height_cm: 174,
};

const HABITS: [Habit; 2] = [
    Habit { category: RIDE, every: 4, last: 2, hour: 8.3, minutes: 25.0, speed: 4.4 },
    Habit { category: BADMINTON, every: 7, last: 3, hour: 18.5, minutes: 55.0, speed: 0.0 },
];

/// A newcomer called `person`.
pub(super) fn newcomer(person: Person, seed: u64, now: i64) -> User {
    let profile = Profile::of(&person, seed, DAYS, now);
    let recorders = measuring(&profile).into_iter().chain(moving()).collect();
    User::generated(person, Generator::new(recorders, profile))
}

fn measuring(profile: &Profile) -> [Box<dyn Recorder>; 4] {
    let device = |kind, model, number, battery| profile.device(kind, model, number, battery);
    [
        Box::new(Scale {
            device: device("Scale", "Body Smart", 16, "high"),
            body: BODY,
            whole_scan: false,
            visitor_kg: 70.3,
        }),
        Box::new(Phone { device: device("HealthKit Google", "Google Fit", 1055, "unknown"), days: NIGHTS_BY_PHONE }),
        Box::new(Mat {
            device: device("Sleep Monitor", "", 13, "high"),
            since: NIGHTS_BY_PHONE,
            naps: 0.05,
            gets_up: 7.5,
            breath: CALM,
            disturbances: &DISTURBANCES[1..],
            watch: false,
        }),
        Box::new(ManualEntry { body: BODY, goal_kg: None }),
    ]
}

fn moving() -> [Box<dyn Recorder>; 2] {
    [
        Box::new(Pedometer {
            source: Source::GoogleFit,
            steps: 6200.0,
            habits: &HABITS,
            notices: 1.0,
            left_at_home: 0.0,
            kcal_at_rest: 1390.0,
            minute: 35,
        }),
        Box::new(Sport { watch: None, habits: &HABITS }),
    ]
}
