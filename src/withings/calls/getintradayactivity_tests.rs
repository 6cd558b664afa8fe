//! Tests of what a watch measures through the day.

use std::fmt::Display;

use serde_json::{Value, json};

use super::*;
use crate::telemetry::Unknown;
use crate::withings::calls::RowKey;

const NOW: i64 = 1_800_000_000;

fn rows(series: &Value) -> Vec<(String, Fields)> {
    serde_json::from_value::<Value>(json!({"series": series}))
        .and_then(|body| serde_json::from_str::<Getintradayactivity>(&body.to_string()))
        .unwrap()
        .into_rows()
        .0
}

/// What is known after an answer for the last 24 hours, and what of it was not believed.
fn noted(known: &Readings, series: &Value) -> (Readings, Vec<(Unknown, String)>) {
    let mut noted = Vec::new();
    let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
    let moment = Moment { server_now: NOW, night: None };
    let asked = Getintradayactivity::asks(known, RowSelection::All, &moment)[0];
    let context = &mut Context::new(NOW, &mut note);
    let known = Getintradayactivity::note(known, asked, &rows(series), &moment, context).unwrap();
    (known, noted)
}

fn shown(known: &Readings) -> Vec<(&'static str, f64, i64)> {
    known.0.iter().map(|reading| (reading.measurement.key, reading.value, reading.measured_at)).collect()
}

/// Expects these newest values, each with its age in seconds, of an answer whose times are ages too.
fn check(series: &[(i64, Value)], expected: &[(&'static str, f64, i64)]) {
    let series: Value = series.iter().map(|(age, fields)| ((NOW - age).to_string(), fields.clone())).collect();
    let (known, noted) = noted(&Readings::default(), &series);
    let ages: Vec<_> = shown(&known).into_iter().map(|(key, value, at)| (key, value, NOW - at)).collect();
    assert_eq!(ages, expected, "{series}");
    assert_eq!(noted, []);
}

#[test]
fn the_newest_value_of_each_field_has_its_own_time() {
    let watch = json!({"deviceid": "ab", "model": "ScanWatch", "model_id": 93, "heart_rate": 61, "rmssd": 48});
    check(
        &[
            (9_000, watch),
            (600, json!({"heart_rate": 74, "core_body_temperature": 36.81, "steps": 12})),
            (4_000, json!({"heart_rate": 90, "spo2_auto": 97, "sdnn1": "62", "rr": 14})),
        ],
        &[
            ("intraday_heart_rate_bpm", 74.0, 600),
            ("intraday_spo2_pct", 97.0, 4_000),
            ("intraday_core_body_temperature_c", 36.81, 600),
            ("intraday_heart_rate_variability_rmssd_seconds", 0.048, 9_000),
            ("intraday_heart_rate_variability_sdnn_seconds", 0.062, 4_000),
            ("intraday_respiratory_bpm", 14.0, 4_000),
        ],
    );
}

#[test]
fn nothing_is_a_list_a_zero_or_null() {
    let (known, noted) = noted(&Readings::default(), &json!([]));
    assert_eq!((shown(&known), noted), (vec![], vec![]));
    check(&[(60, json!({"heart_rate": 0, "spo2_auto": null, "rmssd": -1})), (70, json!([]))], &[]);
}

#[test]
fn what_is_not_believed_is_left_out_and_counts() {
    let series = json!({
        "soon": {"heart_rate": 60},
        (NOW + 200_000).to_string(): {"heart_rate": 61},
        (NOW - 10).to_string(): {"heart_rate": "fast", "spo2_auto": 96},
    });
    let (known, noted) = noted(&Readings::default(), &series);
    assert_eq!(shown(&known), [("intraday_spo2_pct", 96.0, NOW - 10)]);
    let counted = [
        (Unknown::BadNumber, "heart_rate".to_owned()),
        (Unknown::FutureDate, "heart_rate".to_owned()),
        (Unknown::Row, "heart_rate without a time".to_owned()),
    ];
    assert_eq!(noted, counted);
}

#[test]
fn a_value_stays_until_a_newer_one_replaces_it_and_one_that_was_deleted_goes() {
    let value = |age: i64| json!({ (NOW - age).to_string(): {"heart_rate": 60} });
    let (yesterday, _) = noted(&Readings::default(), &value(100));
    let old = Readings(
        yesterday.0.iter().map(|reading| Reading { measured_at: NOW - SPAN - 1, ..reading.clone() }).collect(),
    );
    assert_eq!(noted(&old, &json!([])).0, old, "it is older than what was asked for");
    assert_eq!(shown(&noted(&old, &value(50)).0)[0].2, NOW - 50);
    assert_eq!(shown(&noted(&yesterday, &json!([])).0), []);
}
