//! Alice, who owns every kind of device.

use std::sync::Arc;

use super::ALICE;
use super::body::Body;
use super::cuff::Cuff;
use super::generator::{Generator, Recorder};
use super::manual_entry::ManualEntry;
use super::mat::{CALM, DISTURBANCES, Mat};
use super::pedometer::Pedometer;
use super::profile::Profile;
use super::scale::Scale;
use super::sport::{Habit, RIDE, RUN, SWIM, Sport, WALK, YOGA};
use super::thermometer::Thermometer;
use super::urine::UrineAnalyzer;
use super::watch::Watch;
use crate::sim::activity::Source;
use crate::sim::device::Goals;
use crate::sim::person::Person;
use crate::sim::user::User;
use crate::zone::Zone;

const BODY: Body = Body {
    from_kg: 84.0,
    to_kg: 69.5,
    half_life_days: 400.0,
    winter_kg: 1.1,
    fat_from: 0.36,
    fat_to: 0.28,
    height_cm: 168,
};

const HABITS: [Habit; 5] = [
    Habit { category: RUN, every: 3, last: 5, hour: 18.2, minutes: 38.0, speed: 2.7 },
    Habit { category: WALK, every: 2, last: 4, hour: 12.5, minutes: 24.0, speed: 1.4 },
    Habit { category: SWIM, every: 7, last: 6, hour: 10.0, minutes: 45.0, speed: 0.6 },
    Habit { category: RIDE, every: 14, last: 9, hour: 14.5, minutes: 80.0, speed: 5.6 },
    Habit { category: YOGA, every: 10, last: 7, hour: 8.0, minutes: 40.0, speed: 0.0 },
];

/// Alice after so many days in this zone.
pub(super) fn alice(zone: Zone, seed: u64, days: u64, now: i64) -> User {
    let goals = Goals { steps: Some(9000), sleep: Some(28_800), weight: Some(68_000) };
    let mut person = Person { goals, ..Person::new(ALICE, "Alice", zone) };
    let mut profile = Profile::of(&person, seed, days, now);
    profile.falls_ill = true;
    // A second mat with the id of the first and no name, as the fixtures of joostlek/python-withings list one.
    person.devices.push(profile.device("Sleep Monitor", "", 13, "high"));
    let recorders = measuring(&profile).into_iter().chain(moving(&profile)).collect();
    User::generated(person, Generator::new(recorders, profile))
}

fn measuring(profile: &Profile) -> [Box<dyn Recorder>; 6] {
    let device = |kind, model, number, battery| profile.device(kind, model, number, battery);
    [
        Box::new(Scale {
            device: device("Scale", "Body Scan", 10, "high"),
            body: BODY,
            whole_scan: true,
            visitor_kg: 23.4,
        }),
        Box::new(Cuff {
            device: device("Blood Pressure Monitor", "BPM Connect", 45, "medium"),
            systolic: 117.0,
            relief: 0.0,
            electrodes: false,
        }),
        Box::new(Thermometer { device: device("Smart Connected Thermometer", "Thermo", 70, "high") }),
        Box::new(Mat {
            device: device("Sleep Monitor", "Aura Sensor V2", 63, "high"),
            since: 0,
            naps: 0.15,
            gets_up: 6.75,
            breath: CALM,
            disturbances: &DISTURBANCES,
            watch: true,
        }),
        // The kind and the number are in no list of the service: what it calls a U-Scan is not known.
        Box::new(UrineAnalyzer { device: device("Urine Analyzer", "U-Scan", 120, "medium") }),
        Box::new(ManualEntry { body: BODY, goal_kg: Some(68) }),
    ]
}

/// The watch, and the phone that counts the same steps.
fn moving(profile: &Profile) -> [Box<dyn Recorder>; 4] {
    let watch = profile.device("Activity Tracker", "ScanWatch", 93, "low");
    let pedometer = |source, notices, left_at_home, minute| {
        Box::new(Pedometer {
            source,
            steps: 6400.0,
            habits: &HABITS,
            notices,
            left_at_home,
            kcal_at_rest: 1440.0,
            minute,
        })
    };
    [
        Box::new(Watch { device: Arc::clone(&watch) }),
        pedometer(Source::Tracker(Arc::clone(&watch)), 1.0, 0.05, 20),
        pedometer(Source::GoogleFit, 0.7, 0.0, 50),
        Box::new(Sport { watch: Some(watch), habits: &HABITS }),
    ]
}
