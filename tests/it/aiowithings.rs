//! An independent judge: what the library of Home Assistant reads from the simulated cloud is what the cloud holds.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message, also outside of the test functions")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use withings_exporter::sim::people::{ALICE, BOB, ZOE};
use withings_exporter::sim::{Account, Cloud, MeasureGroup, Night, PageSizes, Stored, UserId};

use crate::python;
use crate::sim::server::{NOW, Server, clock};

/// The library does not list these on purpose.
const HIDDEN_MODEL: &str = "Aura Sensor V2";

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
    // The library asks for one page.
    server.cloud.page_sizes(PageSizes { getmeas: usize::MAX, getsummary: usize::MAX });
    let account = server.cloud.accounts().into_iter().find(|it| it.userid() == user).unwrap();
    let seen = read(&server, user);
    check_groups(&seen["groups"], &account);
    check_nights(&seen["nights"], &account);
    check_segments(&seen["segments"], &account);
    check_devices(&seen["devices"], &account);
    let goals = account.person().goals;
    let weight = goals.weight.map(|grams| grams as f64 / 1000.0);
    assert_eq!(seen["goals"], json!({"steps": goals.steps, "sleep": goals.sleep, "weight": weight}));
}

/// What the library makes of everything that the cloud has.
fn read(server: &Server, user: UserId) -> Value {
    let mut reader = python::script("read_simulator.py");
    reader.args([format!("http://{}", server.address), server.login(user).access]);
    reader.args([NOW - 86_400, NOW].map(|it| it.to_string()));
    serde_json::from_slice(&python::answer(&mut reader, b"")).unwrap()
}

fn check_groups(seen: &Value, account: &Account) {
    let groups = by_id(account.groups());
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), groups.len());
    for row in seen {
        let group = &groups[&row["id"].as_u64().unwrap()];
        let device = group.row.device.as_ref().map(|it| &it.id);
        assert_eq!(row["times"], json!([group.row.date, group.created, group.modified]));
        assert_eq!((&row["category"], &row["device"]), (&json!(group.row.category), &json!(device)));
        check_measures(row["measures"].as_array().unwrap(), &group.row);
    }
}

fn check_measures(seen: &[Value], group: &MeasureGroup) {
    assert_eq!(seen.len(), group.measures.len());
    for (seen, measure) in seen.iter().zip(&group.measures) {
        let value = measure.value as f64 / 10_f64.powi(-measure.unit);
        assert_eq!((&seen[0], &seen[2]), (&json!(measure.kind), &json!(measure.position)));
        assert!((seen[1].as_f64().unwrap() - value).abs() < 1e-9, "{seen} is not {value}");
    }
}

fn check_nights(seen: &Value, account: &Account) {
    let mut nights = account.nights();
    nights.sort_by_key(|it| (it.modified, it.id));
    let expected = nights.iter().map(|it| night(&it.row, account));
    assert_eq!(*seen, expected.collect::<Value>());
}

fn night(night: &Night, account: &Account) -> Value {
    let field = |name: &str| night.data.get(name).cloned().unwrap_or_default();
    let end = chrono::DateTime::from_timestamp(night.enddate, 0).unwrap();
    json!({
        "start": night.startdate,
        "end": night.enddate,
        "date": end.with_timezone(&account.person().timezone).date_naive().to_string(),
        "device": night.device.id,
        "light": field("lightsleepduration"),
        "deep": field("deepsleepduration"),
        "rem": field("remsleepduration"),
        "asleep": field("total_sleep_time"),
        "efficiency": field("sleep_efficiency"),
        "heart": [field("hr_min"), field("hr_average"), field("hr_max")],
        "score": field("sleep_score"),
    })
}

/// In order of time: the cloud answers them in none.
fn check_segments(seen: &Value, account: &Account) {
    let mut seen = seen.as_array().unwrap().clone();
    seen.sort_by_key(|it| it["start"].as_i64());
    let mut segments: Vec<_> = account.nights().into_iter().flat_map(|it| it.row.segments).collect();
    segments.retain(|it| (NOW - 86_400..NOW).contains(&it.startdate));
    segments.sort_by_key(|it| it.startdate);
    assert!(segments.len() > 5, "no night in the last day");
    let expected = segments.into_iter().map(|it| {
        let heart = (it.startdate..).step_by(60).zip(&it.vitals).map(|(minute, it)| json!([minute, it.hr]));
        let heart: Value = heart.collect();
        json!({"start": it.startdate, "end": it.enddate, "state": it.state, "heart": heart})
    });
    assert_eq!(Value::from(seen), expected.collect::<Value>());
}

fn check_devices(seen: &Value, account: &Account) {
    let listed = account.person().devices.into_iter().filter(|it| it.model != HIDDEN_MODEL);
    let expected = listed.map(|it| {
        let groups = account.groups().into_iter().filter(|group| group.row.device.as_ref() == Some(&it));
        let nights = account.nights().into_iter().filter(|night| night.row.device == it).map(|it| it.created);
        let last = groups.map(|it| it.created).chain(nights).max();
        json!({"id": it.id, "type": it.kind, "model": it.model_id, "last": last})
    });
    assert_eq!(*seen, expected.collect::<Value>());
}

fn by_id<T>(rows: Vec<Stored<T>>) -> BTreeMap<u64, Stored<T>> {
    rows.into_iter().map(|it| (it.id, it)).collect()
}
