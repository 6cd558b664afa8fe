//! Which devices a person sees, each once.

use std::fmt::Display;

use serde_json::{Value, json};

use super::*;
use crate::withings::calls::context::RowKey;

/// What is shown of a device: id, category, model, battery, last contact.
type ShownDevice = (String, String, String, &'static str, Option<f64>);

fn noted(json: &Value) -> (Vec<ShownDevice>, Vec<(Unknown, String)>) {
    let answer: Getdevice = serde_json::from_str(&json!({"devices": json}).to_string()).unwrap();
    let mut noted = Vec::new();
    let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
    let readings = readings(&answer.into_rows().0, &mut Context::new(0, &mut note));
    let of = |key: &'static str| readings.iter().filter(move |reading| reading.measurement.key == key);
    let shown = |info: &Reading| {
        let label = |name| info.labels.get(name).unwrap();
        let id = label(LabelName::Device);
        let value = |key| {
            of(key).find(|reading| reading.labels.get(LabelName::Device) == Some(id)).map(|reading| reading.value)
        };
        let battery = value("device_battery_state").unwrap();
        let battery =
            BATTERY_STATES.iter().zip(0..).find(|(_, place)| (f64::from(*place) - battery).abs() < 0.5).unwrap().0;
        let [category, model] = [LabelName::Category, LabelName::Model].map(|name| label(name).to_owned());
        (id.to_owned(), category, model, *battery, value("device_last_seen_timestamp_seconds"))
    };
    let all: Vec<_> = of("device_info").map(shown).collect();
    assert_eq!(of("device_battery_state").count(), all.len());
    (all, noted)
}

/// Expects exactly these devices, and nothing unknown.
#[track_caller]
fn check(json: &Value, expected: &[(&str, &str, &str, &'static str, Option<f64>)]) {
    let expected: Vec<ShownDevice> = expected
        .iter()
        .map(|reading| (reading.0.to_owned(), reading.1.to_owned(), reading.2.to_owned(), reading.3, reading.4))
        .collect();
    assert_eq!(noted(json), (expected, vec![]));
}

fn scale(id: &str, battery: &str, seen: Option<i64>) -> Value {
    json!({"type": "Scale", "model": "Body+", "model_id": 5, "battery": battery, "deviceid": id, "hash_deviceid": id,
           "last_session_date": seen})
}

fn mat(id: &str, model: &str, seen: Option<i64>) -> Value {
    json!({"type": "Sleep Monitor", "model": model, "model_id": 63, "battery": "unknown", "hash_deviceid": id,
           "last_session_date": seen})
}

#[test]
fn a_device_has_a_model_a_battery_and_a_last_contact() {
    check(&json!([scale("ab", "low", Some(7))]), &[("ab", "Scale", "Body+", "low", Some(7.0))]);
    check(&json!([scale("ab", "unknown", None)]), &[("ab", "Scale", "Body+", "unknown", None)]);
    check(&json!([scale("ab", "high", Some(0))]), &[("ab", "Scale", "Body+", "high", None)]);
    check(&json!([]), &[]);
}

#[test]
fn what_is_not_said_is_unknown_and_no_surprise() {
    check(&json!([{"deviceid": "ab"}]), &[("ab", "unknown", "unknown", "unknown", None)]);
    let numbered =
        json!([{"hash_deviceid": "ab", "deviceid": "old", "type": "Sauna", "model": "", "model_id": 696_969}]);
    check(&numbered, &[("ab", "Sauna", "model_696969", "unknown", None)]);
}

#[test]
fn a_device_without_an_id_is_left_out_and_counts() {
    let (shown, noted) = noted(&json!([{"type": "Scale", "deviceid": null, "hash_deviceid": ""}]));
    assert_eq!((shown, noted), (vec![], vec![(Unknown::Row, "a device without an id".to_owned())]));
}

#[test]
fn a_new_word_for_a_battery_is_unknown_and_counts() {
    let (shown, noted) = noted(&json!([scale("ab", "charging", None)]));
    assert_eq!((shown[0].3, noted), ("unknown", vec![(Unknown::Battery, "charging".to_owned())]));
}

#[test]
fn entries_of_one_id_are_one_device() {
    let one = [("ab", "Scale", "Body+", "medium", Some(9.0))];
    check(&json!([scale("ab", "high", Some(7)), scale("ab", "medium", Some(9)), scale("ab", "low", None)]), &one);
    check(&json!([scale("ab", "medium", Some(7)), scale("ab", "unknown", Some(9))]), &one);
    let nameless = json!({"hash_deviceid": "ab", "type": "Scale", "model": "", "model_id": 5, "last_session_date": 9});
    check(&json!([nameless, scale("ab", "medium", Some(7))]), &one);
}

#[test]
fn the_second_face_of_a_sleep_mat_is_not_shown_and_what_it_knows_is() {
    let one = [("ab", "Sleep Monitor", "Sleep Analyzer", "unknown", Some(9.0))];
    check(&json!([mat("ab", "Sleep Analyzer", Some(9)), mat("cd", "Aura Sensor V2", None)]), &one);
    check(&json!([mat("cd", "Aura Sensor V2", Some(9)), mat("ab", "Sleep Analyzer", Some(7))]), &one);
}

#[test]
fn the_only_mat_is_shown_whatever_it_is_called() {
    check(&json!([mat("ab", "Aura Sensor V2", None)]), &[("ab", "Sleep Monitor", "Aura Sensor V2", "unknown", None)]);
    let beside_a_scale = json!([mat("ab", "Aura Sensor V2", None), scale("cd", "high", None)]);
    assert_eq!(noted(&beside_a_scale).0.len(), 2);
}

#[test]
fn several_mats_are_several() {
    let count = |json| noted(&json).0.len();
    assert_eq!(count(json!([mat("a", "Aura Sensor V2", Some(1)), mat("b", "Aura Sensor V2", None)])), 2);
    assert_eq!(count(json!([mat("a", "Aura Sensor", Some(1)), mat("b", "Aura Sensor V2", Some(2))])), 2);
    let (shown, _) = noted(&json!([
        mat("a", "Sleep Analyzer", Some(3)),
        mat("b", "Aura Sensor V2", Some(2)),
        mat("c", "Aura Sensor V2", None),
    ]));
    assert_eq!(shown.iter().map(|reading| &*reading.0).collect::<Vec<_>>(), ["a", "b"], "c was never in contact");
}

/// Three entries of a scale and two of a mat, which the person who published them gave one id.
#[test]
fn captured_entries_of_one_id_are_one_device() {
    let captured = include_str!("../../../tests/fixtures/captured/body-scan/getdevice.json");
    let answer: Value = serde_json::from_str(captured).unwrap();
    let scale = ("f998be4b9ccc9e136fd8cd8e8e344c31ec3b271d", "Scale", "Body+", "high", Some(1_693_867_179.0));
    check(&answer["body"]["devices"], &[scale]);
}
