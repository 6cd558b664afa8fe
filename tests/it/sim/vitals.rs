//! The calls for what watches and electrocardiographs measure.

use std::sync::Arc;

use serde_json::{Value, json};
use withings_exporter::sim::people::{ALICE, BOB};
use withings_exporter::sim::{Cloud, Device, HeartRecording, IntradayValues};

use super::dana::Dana;
use super::server::{NOW, Server, clock};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn watch() -> Arc<Device> {
    Arc::new(Device::new("Activity Tracker", "ScanWatch", 93, "cd34"))
}

/// The answer to `getintradayactivity` for a time, Unix seconds, with the heart rate.
fn intraday(dana: &Dana, from: i64, to: i64) -> Value {
    let (from, to) = (from.to_string(), to.to_string());
    let span = [("action", "getintradayactivity"), ("startdate", &from), ("enddate", &to)];
    dana.call("/v2/measure", &[&span[..], &[("data_fields", "heart_rate")]].concat()).ok()
}

#[test]
fn intraday_values_stand_under_their_times_in_text_and_none_are_a_list() {
    let dana = Dana::new();
    assert_eq!(intraday(&dana, NOW - DAY, NOW), json!({"series": []}));
    let fields = [("heart_rate", json!(61)), ("rmssd", json!(40))];
    dana.account.add(IntradayValues::new(NOW - HOUR, &watch(), fields));
    let entry = json!({"heart_rate": 61, "deviceid": "cd34", "model": "ScanWatch", "model_id": 93});
    assert_eq!(intraday(&dana, NOW - DAY, NOW), json!({"series": {(NOW - HOUR).to_string(): entry}}));
    dana.account.add(IntradayValues::new(NOW - 60, &watch(), [("rmssd", json!(40))]));
    assert_eq!(intraday(&dana, NOW - 90, NOW), json!({"series": []}), "only what was asked for");
    let latest = dana.call("/v2/measure", &[("action", "getintradayactivity")]).ok();
    assert_eq!(latest["series"].as_object().unwrap().len(), 2, "without a time it is the last day");
}

#[test]
fn of_a_longer_time_only_the_first_day_is_answered() {
    let dana = Dana::new();
    for hours in [30, 10] {
        let fields = [("heart_rate", json!(hours))];
        dana.account.add(IntradayValues::new(NOW - hours * HOUR, &watch(), fields));
    }
    let series = intraday(&dana, NOW - 48 * HOUR, NOW)["series"].take();
    assert_eq!(series.as_object().unwrap().keys().collect::<Vec<_>>(), [&(NOW - 30 * HOUR).to_string()]);
    let odd = [("action", "getintradayactivity"), ("startdate", "9"), ("enddate", "8")];
    assert_eq!(dana.call("/v2/measure", &odd).status(), 503);
}

#[test]
fn a_recording_has_the_parts_that_its_device_has_made_a_page_at_a_time() {
    let dana = Dana::new();
    let core = Arc::new(Device::new("Blood Pressure Monitor", "BPM Core", 44, "ef56"));
    let of_core =
        HeartRecording { vhd: Some(0), pressure: Some((121, 79)), ..HeartRecording::ecg(NOW - DAY, &core, 66, 0) };
    let id = dana.account.add(of_core);
    dana.server.advance(1);
    dana.account.add(HeartRecording::ecg(NOW - HOUR, &watch(), 96, 1));
    let list = |more: &[(&str, &str)]| dana.call("/v2/heart", &[&[("action", "list")], more].concat()).ok();
    let whole = list(&[]);
    assert_eq!((&whole["more"], &whole["offset"]), (&json!(false), &json!(0)));
    assert_eq!(
        whole["series"][0],
        json!({
            "deviceid": "ef56", "model": 44, "timestamp": NOW - DAY, "modified": NOW, "timezone": "America/New_York",
            "heart_rate": 66, "ecg": {"signalid": id, "afib": 0}, "stetho": {"signalid": id + 1, "vhd": 0},
            "bloodpressure": {"systole": 121, "diastole": 79},
        })
    );
    assert!(whole["series"][1].get("stetho").is_none() && whole["series"][1].get("bloodpressure").is_none());
    let since = (NOW - 2 * HOUR).to_string();
    assert_eq!(list(&[("startdate", &since)])["series"].as_array().unwrap().len(), 1);
    dana.server.cloud.page_size(1);
    assert_eq!(list(&[])["offset"], 1);
    assert_eq!(list(&[("offset", "1")])["series"][0]["timestamp"], NOW - HOUR);
}

#[test]
fn both_calls_need_their_permissions() {
    let dana = Dana::new();
    for (scope, path, action) in
        [("user.metrics", "/v2/heart", "list"), ("user.activity", "/v2/measure", "getintradayactivity")]
    {
        dana.account.edit(|person| person.scopes = vec!["user.info".to_owned()]);
        let without = dana.server.login(42).access;
        assert_eq!(dana.server.post(path, Some(&without), &[("action", action)]).status(), 403, "{action}");
        dana.account.edit(|person| person.scopes = vec![scope.to_owned()]);
        let with = dana.server.login(42).access;
        assert_eq!(dana.server.post(path, Some(&with), &[("action", action)]).status(), 0, "{action}");
    }
}

#[test]
fn the_people_have_a_watch_and_an_electrocardiograph() {
    let server = Server::start(Cloud::with_history(7, 1, clock()));
    let call = |user, path, params: &[(&str, &str)]| server.post(path, Some(&server.login(user).access), params).ok();
    let series = call(ALICE, "/v2/measure", &[("action", "getintradayactivity")])["series"].take();
    let rates = series.as_object().unwrap().values().filter_map(|entry| entry["heart_rate"].as_i64());
    assert!(rates.clone().count() > 100 && rates.into_iter().all(|rate| (40..140).contains(&rate)), "{series}");
    assert_eq!(call(BOB, "/v2/measure", &[("action", "getintradayactivity")]), json!({"series": []}));
    let newest = |user| {
        let recent = (NOW - 20 * DAY).to_string();
        let rows = call(user, "/v2/heart", &[("action", "list"), ("startdate", &recent)])["series"].take();
        rows.as_array().unwrap().iter().max_by_key(|row| row["timestamp"].as_i64()).cloned().unwrap()
    };
    assert_eq!(newest(BOB)["ecg"]["afib"], 1, "fibrillation on the evening before");
    assert_eq!(newest(BOB)["stetho"]["vhd"], 0);
    assert!(newest(ALICE).get("stetho").is_none());
}
