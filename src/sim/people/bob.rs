//! Bob, who has high blood pressure and snores.

use super::BOB;
use super::body::Body;
use super::cuff::Cuff;
use super::generator::{Generator, Recorder};
use super::glucometer::Glucometer;
use super::manual_entry::ManualEntry;
use super::mat::{APNOEA, DISTURBANCES, Mat};
use super::pedometer::Pedometer;
use super::profile::Profile;
use super::scale::Scale;
use super::sport::{HIKE, Habit, Sport, WALK, WEIGHTS};
use crate::sim::activity::Source;
use crate::sim::device::Goals;
use crate::sim::person::Person;
use crate::sim::user::User;
use crate::zone::Zone;

const BODY: Body = Body {
    from_kg: 88.5,
    to_kg: 86.0,
    half_life_days: 700.0,
    winter_kg: 0.8,
    fat_from: 0.25,
    fat_to: 0.24,
    height_cm: 181,
};
const HABITS: [Habit; 3] = [
    Habit { category: WALK, every: 2, last: 1, hour: 18.5, minutes: 32.0, speed: 1.2 },
    Habit { category: HIKE, every: 28, last: 11, hour: 10.0, minutes: 95.0, speed: 1.1 },
    Habit { category: WEIGHTS, every: 9, last: 3, hour: 17.0, minutes: 30.0, speed: 0.0 },
];

/// Bob after so many days in this zone.
pub(super) fn bob(zone: Zone, seed: u64, days: u64, now: i64) -> User {
    let goals = Goals { steps: Some(6000), weight: Some(82_000), sleep: None };
    let person = Person { goals, ..Person::new(BOB, "Bob", zone) };
    let profile = Profile::of(&person, seed, days, now);
    let recorders = measuring(&profile).into_iter().chain(moving()).collect();
    User::generated(person, Generator::new(recorders, profile))
}

fn measuring(profile: &Profile) -> [Box<dyn Recorder>; 5] {
    let device = |kind, model, number, battery| profile.device(kind, model, number, battery);
    [
        Box::new(Cuff {
            device: device("Blood Pressure Monitor", "BPM Core", 44, "medium"),
            systolic: 154.0,
            relief: 24.0,
            electrodes: true,
        }),
        Box::new(Scale { device: device("Scale", "Body+", 5, "low"), body: BODY, whole_scan: false, visitor_kg: 61.2 }),
        Box::new(Mat {
            device: device("Sleep Monitor", "Aura Sensor V2", 63, "high"),
            since: 0,
            naps: 0.1,
            gets_up: 6.3,
            breath: APNOEA,
            disturbances: &DISTURBANCES[..1],
            watch: false,
        }),
        Box::new(Glucometer { device: device("iGlucose", "iGlucose", 1061, "unknown") }),
        Box::new(ManualEntry { body: BODY, goal_kg: None }),
    ]
}

/// Bob has no watch.
fn moving() -> [Box<dyn Recorder>; 2] {
    [
        Box::new(Pedometer {
            source: Source::GoogleFit,
            steps: 3600.0,
            habits: &HABITS,
            notices: 1.0,
            left_at_home: 0.0,
            kcal_at_rest: 1780.0,
            minute: 35,
        }),
        Box::new(Sport { watch: None, habits: &HABITS }),
    ]
}
