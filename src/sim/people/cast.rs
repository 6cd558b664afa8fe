//! Who the people are and what they own.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use chrono_tz::{America, Europe, Tz};

use super::body::Body;
use super::cuff::Cuff;
use super::hand::Hand;
use super::mat::Mat;
use super::scale::Scale;
use super::story::{Gear, Story};
use super::thermometer::Thermometer;
use super::watch::Watch;
use super::{ALICE, BOB, DEMO_USER, ZOE};
use crate::sim::device::{Device, Goals};
use crate::sim::noise::Noise;
use crate::sim::person::{Person, Resident};

/// A newcomer has had the devices for so many days.
const NEWCOMER_DAYS: u64 = 23;
/// Ids of one person: more than anybody measures in a life. The last two digits of the user ids differ.
const IDS_A_PERSON: u64 = 10_000_000;

const ALICE_BODY: Body = Body {
    from_kg: 84.0,
    to_kg: 69.5,
    half_life_days: 400.0,
    winter_kg: 1.1,
    fat_from: 0.36,
    fat_to: 0.28,
    height_cm: 168,
};
const BOB_BODY: Body = Body {
    from_kg: 88.5,
    to_kg: 86.0,
    half_life_days: 700.0,
    winter_kg: 0.8,
    fat_from: 0.25,
    fat_to: 0.24,
    height_cm: 181,
};
const NEWCOMER_BODY: Body = Body {
    from_kg: 63.0,
    to_kg: 62.0,
    half_life_days: 90.0,
    winter_kg: 0.4,
    fat_from: 0.24,
    fat_to: 0.23,
    height_cm: 174,
};

/// The three, with so many years behind them.
pub(in crate::sim) fn household(seed: u64, years: u16, now: i64) -> Vec<Resident> {
    let days = u64::from(years) * 365;
    let zoe = newcomer(Person::new(ZOE, "Zoë", Europe::Berlin), seed, now);
    vec![alice(seed, days, now), bob(seed, days, now), zoe]
}

/// Withings' demo user, a newcomer whom the consent page does not offer.
pub(in crate::sim) fn demo(seed: u64, now: i64) -> Resident {
    let person = Person::new(DEMO_USER, "Demo", Tz::UTC);
    Resident { offered: false, ..newcomer(person, seed, now) }
}

fn alice(seed: u64, days: u64, now: i64) -> Resident {
    let mut person = Person::new(ALICE, "Alice", Europe::Paris);
    person.goals = Goals { steps: Some(9000), sleep: Some(28_800), weight: Some(68_000) };
    let noise = noise_of(&person, seed);
    let device = |kind, model, number, battery| device(noise, kind, model, number, battery);
    let gear: Vec<Box<dyn Gear>> = vec![
        Box::new(Scale {
            device: device("Scale", "Body Scan", 10, "high"),
            body: ALICE_BODY,
            whole_scan: true,
            visitor_kg: 23.4,
        }),
        Box::new(Cuff {
            device: device("Blood Pressure Monitor", "BPM Connect", 45, "medium"),
            systolic_from: 121.0,
            systolic_to: 116.0,
        }),
        Box::new(Thermometer { device: device("Smart Connected Thermometer", "Thermo", 70, "high"), fevers: false }),
        Box::new(Watch { device: device("Activity Tracker", "ScanWatch", 93, "low"), worn_at_night: false }),
        Box::new(Mat { device: device("Sleep Monitor", "Aura Sensor V2", 63, "high"), naps: 0.15, gets_up: 6.75 }),
        Box::new(Hand { body: ALICE_BODY, goal_kg: Some(68) }),
    ];
    settle(person, gear, noise, days, now)
}

fn bob(seed: u64, days: u64, now: i64) -> Resident {
    let mut person = Person::new(BOB, "Bob", America::New_York);
    person.goals = Goals { weight: Some(82_000), ..Goals::default() };
    let noise = noise_of(&person, seed);
    let device = |kind, model, number, battery| device(noise, kind, model, number, battery);
    let gear: Vec<Box<dyn Gear>> = vec![
        Box::new(Cuff {
            device: device("Blood Pressure Monitor", "BPM Core", 44, "medium"),
            systolic_from: 154.0,
            systolic_to: 127.0,
        }),
        Box::new(Scale {
            device: device("Scale", "Body+", 5, "low"),
            body: BOB_BODY,
            whole_scan: false,
            visitor_kg: 61.2,
        }),
        Box::new(Thermometer { device: device("Smart Connected Thermometer", "Thermo", 70, "unknown"), fevers: true }),
        Box::new(Watch { device: device("Activity Tracker", "ScanWatch 2", 94, "high"), worn_at_night: true }),
        Box::new(Hand { body: BOB_BODY, goal_kg: None }),
    ];
    settle(person, gear, noise, days, now)
}

/// Somebody with few weeks of data, no goals, and a device without a name.
fn newcomer(person: Person, seed: u64, now: i64) -> Resident {
    let noise = noise_of(&person, seed);
    let gear: Vec<Box<dyn Gear>> = vec![
        Box::new(Scale {
            device: device(noise, "Scale", "Body Smart", 16, "high"),
            body: NEWCOMER_BODY,
            whole_scan: false,
            visitor_kg: 70.3,
        }),
        Box::new(Mat { device: device(noise, "Sleep Monitor", "", 13, "high"), naps: 0.05, gets_up: 7.5 }),
        Box::new(Hand { body: NEWCOMER_BODY, goal_kg: None }),
    ];
    settle(person, gear, noise, NEWCOMER_DAYS, now)
}

fn noise_of(person: &Person, seed: u64) -> Noise {
    Noise::new(seed).fork(person.userid)
}

fn device(noise: Noise, kind: &str, model: &str, number: u32, battery: &str) -> Arc<Device> {
    let mut device = Device::new(kind, model, number, &noise.named(kind).hex());
    battery.clone_into(&mut device.battery);
    Arc::new(device)
}

/// Lets a person begin `days` ago with this gear.
fn settle(mut person: Person, gear: Vec<Box<dyn Gear>>, noise: Noise, days: u64, now: i64) -> Resident {
    let today = person.local_date(now);
    let first = today.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
    person.devices = gear.iter().filter_map(|it| it.device()).cloned().collect();
    let ids = IDS_A_PERSON * (person.userid % 100);
    let story = Story::new(gear, noise, person.timezone, first, today, ids);
    Resident::living(person, story)
}
