//! Tests of the recordings of the heart.

use std::fmt::Display;

use serde_json::{Value, json};

use super::*;
use crate::withings::calls::RowKey;
use crate::withings::wire::AnswerPage;

const NOW: i64 = 1_800_000_000;

fn noted(known: &Readings, read: RowSelection, rows: &Value) -> (Option<Readings>, Vec<(Unknown, String)>) {
    let mut noted = Vec::new();
    let mut note = |kind, what: &dyn Display, _: RowKey| noted.push((kind, what.to_string()));
    let page: HeartList = serde_json::from_str(&json!({"series": rows}).to_string()).unwrap();
    let moment = Moment { server_now: NOW, night: None };
    let asked = HeartList::asks(known, read, &moment)[0];
    let known = HeartList::note(known, asked, &page.into_rows().0, &moment, &mut Context::new(NOW, &mut note));
    (known, noted)
}

/// What is known after these rows are all.
fn all(rows: &Value) -> Readings {
    noted(&Readings::default(), RowSelection::All, rows).0.unwrap()
}

/// The key, the value or the state, and the age in seconds of each reading.
fn shown(known: &Readings) -> Vec<(&'static str, String, i64)> {
    let value = |reading: &Reading| match reading.measurement.kind() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the place of a state")]
        crate::catalogue::Kind::StateSet(states) => states[reading.value as usize].to_owned(),
        _ => reading.value.to_string(),
    };
    known.0.iter().map(|reading| (reading.measurement.key, value(reading), NOW - reading.measured_at)).collect()
}

fn ecg(age: i64, rate: i64, afib: i64) -> Value {
    json!({"timestamp": NOW - age, "modified": NOW - age, "heart_rate": rate, "ecg": {"signalid": 7, "afib": afib}})
}

fn expected(rows: &[(&'static str, &str, i64)]) -> Vec<(&'static str, String, i64)> {
    rows.iter().map(|(key, value, age)| (*key, (*value).to_owned(), *age)).collect()
}

#[test]
fn the_newest_recording_of_each_kind_is_shown() {
    let mut core = ecg(500, 66, 0);
    core["stetho"] = json!({"signalid": 8, "vhd": 1});
    core["bloodpressure"] = json!({"systole": 120, "diastole": 80});
    let heard = [
        ("ecg_classification", "inconclusive", 60),
        ("ecg_heart_rate_bpm", "71", 60),
        ("stethoscope_classification", "positive", 500),
    ];
    assert_eq!(shown(&all(&json!([core, ecg(60, 71, 2), ecg(900, 99, 1)]))), expected(&heard));
    // A stethoscope alone has no electrocardiogram, and its heart rate is none of one.
    let stethoscope = json!([{"timestamp": NOW - 5, "heart_rate": 60, "stetho": {"vhd": 0}}]);
    assert_eq!(shown(&all(&stethoscope)), expected(&[("stethoscope_classification", "negative", 5)]));
    assert_eq!(shown(&all(&json!([]))), []);
}

#[test]
fn odd_numbers_and_times_are_unknown_or_left_out_and_count() {
    let rows = json!([
        ecg(60, 0, 7),
        {"timestamp": NOW - 70, "stetho": {"vhd": -5}},
        {"heart_rate": 60, "ecg": {"afib": 0}},
        {"timestamp": NOW + 200_000, "ecg": {"afib": 1}, "stetho": []},
    ]);
    let (known, noted) = noted(&Readings::default(), RowSelection::All, &rows);
    let shown = shown(&known.unwrap());
    assert_eq!(
        shown,
        expected(&[("ecg_classification", "unknown", 60), ("stethoscope_classification", "unknown", 70)])
    );
    let kinds = [
        (Unknown::Classification, "afib 7"),
        (Unknown::Classification, "vhd -5"),
        (Unknown::Row, "afib without a time"),
        (Unknown::Row, "heart_rate without a time"),
        (Unknown::FutureDate, "afib"),
    ];
    assert_eq!(noted, kinds.map(|(kind, what)| (kind, what.to_owned())));
}

#[test]
fn changes_are_the_last_thirty_days_and_a_recording_that_is_gone_makes_everything_be_read() {
    let changes = RowSelection::ChangedSince(NOW - 3600);
    let moment = Moment { server_now: NOW, night: None };
    let asked = HeartList::asks(&Readings::default(), changes, &moment);
    assert_eq!(asked, [RowSelection::Between { from: NOW - RECENT, to: NOW }]);
    let old = all(&json!([ecg(RECENT + 9, 60, 0)]));
    assert_eq!(noted(&old, changes, &json!([])).0, Some(old.clone()), "it is older than what was asked for");
    assert_eq!(noted(&old, changes, &json!([ecg(5, 71, 2)])).0, Some(all(&json!([ecg(5, 71, 2)]))));
    let recent = all(&json!([ecg(500, 60, 0)]));
    assert_eq!(noted(&recent, changes, &json!([])).0, None);
}
