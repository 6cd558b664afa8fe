//! An independent judge: what the library of Home Assistant reads from the simulated cloud is what the cloud holds.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message, also outside of the test functions")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use withings_exporter::sim::people::{ALICE, BOB, ZOE};
use withings_exporter::sim::{
    Account, Activity, Cloud, HeartRate, MeasureGroup, Night, Source, Stored, UserId, Vitals, Workout,
};

use crate::python;
use crate::sim::server::{NOW, Server, clock};

/// The model of device that the library leaves out on purpose.
const HIDDEN_MODEL: &str = "Aura Sensor V2";
/// The measure types that the library does not know, and its word for them.
const UNKNOWN_TYPES: [u32; 10] = [119, 147, 148, 151, 204, 205, 229, 248, 249, 251];
const UNKNOWN_TYPE: u32 = 0;
/// The kind of device that the library does not know, and its words for that.
const UNKNOWN_DEVICE: &str = "Urine Analyzer";
const UNKNOWN_KIND: (&str, u32) = ("unknown", 0);
/// More than anybody has rows: the library asks for one page.
const ONE_PAGE: usize = 1_000_000;

/// A night's fields as the library and as Withings call them.
const NIGHT_FIELDS: [(&str, &str); 28] = [
    ("active_movement_duration", "mvt_active_duration"),
    ("apnea_hypopnea_index", "apnea_hypopnea_index"),
    ("average_heart_rate", "hr_average"),
    ("average_movement_score", "mvt_score_avg"),
    ("average_respiration_rate", "rr_average"),
    ("breathing_disturbances_intensity", "breathing_disturbances_intensity"),
    ("deep_sleep_duration", "deepsleepduration"),
    ("external_time_asleep", "asleepduration"),
    ("light_sleep_duration", "lightsleepduration"),
    ("max_heart_rate", "hr_max"),
    ("max_respiration_rate", "rr_max"),
    ("min_heart_rate", "hr_min"),
    ("min_respiration_rate", "rr_min"),
    ("out_of_bed_count", "out_of_bed_count"),
    ("rem_sleep_duration", "remsleepduration"),
    ("rem_sleep_phase_count", "nb_rem_episodes"),
    ("sleep_efficiency", "sleep_efficiency"),
    ("sleep_latency", "sleep_latency"),
    ("sleep_score", "sleep_score"),
    ("snoring", "snoring"),
    ("snoring_count", "snoringepisodecount"),
    ("time_awake_during_sleep", "waso"),
    ("total_sleep_time", "total_sleep_time"),
    ("total_time_awake", "wakeupduration"),
    ("total_time_in_bed", "total_timeinbed"),
    ("wake_up_count", "wakeupcount"),
    ("wake_up_latency", "wakeup_latency"),
    ("withings_index", "withings_index"),
];

/// A workout's fields as the library and as Withings call them.
const WORKOUT_FIELDS: [(&str, &str); 14] = [
    ("active_calories_burnt", "calories"),
    ("average_heart_rate", "hr_average"),
    ("distance", "distance"),
    ("duration_heart_rate_intense_zone", "hr_zone_2"),
    ("duration_heart_rate_light_zone", "hr_zone_0"),
    ("duration_heart_rate_maximal_zone", "hr_zone_3"),
    ("duration_heart_rate_moderate_zone", "hr_zone_1"),
    ("elevation", "elevation"),
    ("intensity", "intensity"),
    ("max_heart_rate", "hr_max"),
    ("min_heart_rate", "hr_min"),
    ("pause_duration", "pause_duration"),
    ("spo2_average", "spo2_average"),
    ("steps", "steps"),
];

#[test]
fn it_reads_alice() {
    check(ALICE);
}

#[test]
fn it_reads_bob() {
    check(BOB);
}

#[test]
fn it_reads_zoe() {
    check(ZOE);
}

fn check(user: UserId) {
    let server = Server::start(Cloud::with_history(7, 1, clock()));
    server.cloud.page_size(ONE_PAGE);
    let account = server.cloud.accounts().into_iter().find(|account| account.userid() == user).unwrap();
    let seen = read(&server, user);
    check_groups(&seen["groups"], &account);
    let nights = in_order(account.nights());
    assert_eq!(seen["nights"], nights.iter().map(|stored| night(&stored.row, &account)).collect::<Value>());
    check_segments(&seen["segments"], &account);
    assert_eq!(seen["activities"], in_order(account.activities()).iter().map(day).collect::<Value>());
    let workouts = in_order(account.workouts());
    assert_eq!(seen["workouts"], workouts.iter().map(|stored| workout(stored, &account)).collect::<Value>());
    check_devices(&seen["devices"], &account);
    let goals = account.person().goals;
    let weight = goals.weight.map(|grams| grams as f64 / 1000.0);
    assert_eq!(seen["goals"], json!({"steps": goals.steps, "sleep": goals.sleep, "weight": weight}));
}

/// What the library reads of all of a user's data.
fn read(server: &Server, user: UserId) -> Value {
    let mut reader = python::script("read_simulator.py");
    reader.args([format!("http://{}", server.address), server.login(user).access]);
    reader.args([NOW - 86_400, NOW].map(|bound| bound.to_string()));
    serde_json::from_slice(&python::answer(&mut reader, b"")).unwrap()
}

fn check_groups(seen: &Value, account: &Account) {
    let groups = by_id(account.groups());
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), groups.len());
    for row in seen {
        let group = &groups[&row["id"].as_u64().unwrap()];
        let device = group.row.device.as_ref().map(|device| &device.id);
        assert_eq!(row["times"], json!([group.row.date, group.created, group.modified]));
        assert_eq!((&row["category"], &row["device"]), (&json!(group.row.category), &json!(device)));
        check_measures(row["measures"].as_array().unwrap(), &group.row);
    }
}

fn check_measures(seen: &[Value], group: &MeasureGroup) {
    assert_eq!(seen.len(), group.measures.len());
    for (seen, measure) in seen.iter().zip(&group.measures) {
        let value = measure.value as f64 / 10_f64.powi(-measure.unit);
        let kind = if UNKNOWN_TYPES.contains(&measure.kind) { UNKNOWN_TYPE } else { measure.kind };
        assert_eq!((&seen[0], &seen[2]), (&json!(kind), &json!(measure.position)));
        assert!((seen[1].as_f64().unwrap() - value).abs() < 1e-9, "{seen} is not {value}");
    }
}

/// The rows in the order in which the cloud answers them.
fn in_order<T>(mut rows: Vec<Stored<T>>) -> Vec<Stored<T>> {
    rows.sort_by_key(|stored| (stored.modified, stored.id));
    rows
}

fn night(night: &Night, account: &Account) -> Value {
    let mut expected = json!({
        "start_date": night.startdate,
        "end_date": night.enddate,
        "date": local_date(night.enddate, account),
        "hashed_device_id": night.device.id,
    });
    for (name, field) in NIGHT_FIELDS {
        expected[name] = night.data.get(field).cloned().unwrap_or_default();
    }
    expected
}

fn day(stored: &Stored<Activity>) -> Value {
    let day = &stored.row;
    let is_tracker = matches!(day.source, Source::Tracker(_));
    let heart = |of: fn(HeartRate) -> u32| day.heart.map(of);
    json!({
        "steps": day.steps,
        "distance": day.distance,
        "elevation": day.elevation,
        "soft_activity": day.soft,
        "moderate_activity": day.moderate,
        "intense_activity": day.intense,
        "total_time_active": day.moderate + day.intense,
        "active_calories_burnt": day.calories,
        "total_calories_burnt": day.totalcalories,
        "average_heart_rate": heart(|heart| heart.average),
        "min_heart_rate": heart(|heart| heart.min),
        "max_heart_rate": heart(|heart| heart.max),
        "duration_heart_rate_light_zone": heart(|heart| heart.zones[0]),
        "duration_heart_rate_moderate_zone": heart(|heart| heart.zones[1]),
        "duration_heart_rate_intense_zone": heart(|heart| heart.zones[2]),
        "duration_heart_rate_maximal_zone": heart(|heart| heart.zones[3]),
        "date": day.date.to_string(),
        "modified": stored.modified,
        "is_withings_tracker": is_tracker,
        "origin": if is_tracker { 1 } else { 18 },
    })
}

/// The fields of a workout; the library takes a 0 for no value.
fn workout(stored: &Stored<Workout>, account: &Account) -> Value {
    let workout = &stored.row;
    let mut expected = json!({
        "workout_id": stored.id,
        "category": workout.category,
        "attribution": workout.attrib,
        "start_date": workout.startdate,
        "end_date": workout.enddate,
        "date": local_date(workout.startdate, account),
    });
    for (name, field) in WORKOUT_FIELDS {
        expected[name] = workout.data.get(field).filter(|value| **value != 0).cloned().unwrap_or_default();
    }
    expected
}

fn local_date(time: i64, account: &Account) -> String {
    account.person().timezone.date(time).to_string()
}

/// Compares the segments in the order of time: the cloud answers them in none.
fn check_segments(seen: &Value, account: &Account) {
    let mut seen = seen.as_array().unwrap().clone();
    seen.sort_by_key(|segment| segment["start"].as_i64());
    let mut segments: Vec<_> = account.nights().into_iter().flat_map(|stored| stored.row.segments).collect();
    segments.retain(|segment| (NOW - 86_400..NOW).contains(&segment.startdate));
    segments.sort_by_key(|segment| segment.startdate);
    assert!(segments.len() > 5, "no night in the last day");
    let expected = segments.into_iter().map(|segment| {
        let curve = |of: fn(&Vitals) -> u8| -> Value {
            let minutes = (segment.startdate..).step_by(60).zip(&segment.vitals);
            minutes.map(|(minute, vitals)| json!([minute, of(vitals)])).collect()
        };
        json!({
            "start": segment.startdate,
            "end": segment.enddate,
            "state": segment.state,
            "hr": curve(|vitals| vitals.hr),
            "rr": curve(|vitals| vitals.rr),
            "rmssd": curve(|vitals| vitals.rmssd),
        })
    });
    assert_eq!(Value::from(seen), expected.collect::<Value>());
}

fn check_devices(seen: &Value, account: &Account) {
    let listed = account.person().devices.into_iter().filter(|device| device.model != HIDDEN_MODEL);
    let expected = listed.map(|device| {
        let is_known = device.kind != UNKNOWN_DEVICE;
        let (kind, model) = if is_known { (device.kind.as_str(), device.model_id) } else { UNKNOWN_KIND };
        json!({
            "device_type": kind,
            "battery": Some(&device.battery).filter(|word| *word != "unknown"),
            // Its own name for a mat that has none.
            "raw_model": if device.model.is_empty() { "Sleep Analyzer" } else { &device.model },
            "model": model,
            "first_session_date": device.first_session,
            "last_session_date": last_upload(&device.id, account),
            "device_id": device.id,
            "hashed_device_id": device.id,
        })
    });
    assert_eq!(*seen, expected.collect::<Value>());
}

fn last_upload(deviceid: &str, account: &Account) -> Option<i64> {
    let measured =
        |stored: &Stored<MeasureGroup>| stored.row.device.as_ref().is_some_and(|device| device.id == deviceid);
    let counted = |source: &Source| source.device_id() == Some(deviceid);
    let groups = account.groups().into_iter().filter(measured).map(|stored| stored.created);
    let nights =
        account.nights().into_iter().filter(|stored| stored.row.device.id == deviceid).map(|stored| stored.created);
    let days =
        account.activities().into_iter().filter(|stored| counted(&stored.row.source)).map(|stored| stored.created);
    let workouts =
        account.workouts().into_iter().filter(|stored| counted(&stored.row.source)).map(|stored| stored.created);
    groups.chain(nights).chain(days).chain(workouts).max()
}

fn by_id<T>(rows: Vec<Stored<T>>) -> BTreeMap<u64, Stored<T>> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}
