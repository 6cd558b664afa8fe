//! How people sleep.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::ZOE;
use super::people;
use crate::sim::{AWAKE, Account, DEEP, LIGHT, Night, REM};

#[test]
fn nights_add_up() {
    for account in people() {
        let (staged, unstaged): (Vec<_>, Vec<_>) =
            account.nights().into_iter().map(|night| night.row).partition(|night| !night.segments.is_empty());
        staged.iter().for_each(check_night);
        unstaged.iter().for_each(check_unstaged);
        assert_eq!(!unstaged.is_empty(), account.userid() == ZOE);
    }
}

/// Checks a night of a phone: a length and no stages.
fn check_unstaged(night: &Night) {
    let [asleep, in_bed] = ["asleepduration", "total_timeinbed"].map(|name| night.data[name].as_i64().unwrap());
    assert!(3 * 3600 < asleep && asleep < in_bed && in_bed == night.enddate - night.startdate);
    assert!(
        ["lightsleepduration", "deepsleepduration", "remsleepduration"]
            .iter()
            .all(|field| night.data[*field].is_null())
    );
}

fn check_night(night: &Night) {
    let field = |name: &str| night.data[name].as_i64().unwrap();
    let stage = |state| -> i64 {
        night
            .segments
            .iter()
            .filter(|segment| segment.state == state)
            .map(|segment| segment.enddate - segment.startdate)
            .sum()
    };
    assert_eq!(field("lightsleepduration"), stage(LIGHT));
    assert_eq!(field("deepsleepduration"), stage(DEEP));
    assert_eq!(field("remsleepduration"), stage(REM));
    assert_eq!(field("wakeupduration"), stage(AWAKE));
    assert_eq!(field("total_sleep_time"), stage(LIGHT) + stage(DEEP) + stage(REM));
    assert_eq!(field("durationtosleep"), field("sleep_latency"));
    assert_eq!(field("durationtowakeup"), field("wakeup_latency"));
    assert_eq!(field("total_timeinbed"), night.enddate - night.startdate);
    let ratio = field("total_sleep_time") as f64 / field("total_timeinbed") as f64;
    assert!((night.data["sleep_efficiency"].as_f64().unwrap() - (ratio * 100.0).round() / 100.0).abs() < 1e-12);
    assert!(
        night.segments.windows(2).all(|pair| pair[0].enddate == pair[1].startdate && pair[0].state != pair[1].state)
    );
    assert!(night.segments.iter().all(|segment| segment.startdate < segment.enddate));
    let ranges = [
        ("hr_min", "hr_average", "hr_max"),
        ("rr_min", "rr_average", "rr_max"),
        ("chest_movement_rate_min", "chest_movement_rate_average", "chest_movement_rate_max"),
    ];
    for (low, mean, high) in ranges {
        let [low, mean, high] = [low, mean, high].map(|name| night.data.get(name).and_then(Value::as_i64));
        assert!(low <= mean && mean <= high, "{low:?} {mean:?} {high:?}");
    }
}

#[test]
fn nights_come_after_one_another_and_naps_are_short() {
    for account in people() {
        let mut nights: Vec<_> =
            account.nights().into_iter().map(|night| (night.row.startdate, night.row.enddate)).collect();
        nights.sort_unstable();
        assert!(nights.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two rows overlap");
        assert!(
            nights.iter().all(|(begin, end)| (1200..11 * 3600).contains(&(end - begin))),
            "a night of no human length"
        );
    }
    let [alice, ..] = people();
    let naps = alice.nights().iter().filter(|night| night.row.enddate - night.row.startdate < 3 * 3600).count();
    assert!((100..250).contains(&naps), "{naps} naps");
}

/// Every field of a person with a mat and a watch, none of which is ever null.
#[test]
fn the_fields_of_a_night_are_those_of_its_devices() {
    let fields = |account: &Account| {
        let nights = account.nights().into_iter().map(|night| night.row).filter(|night| !night.segments.is_empty());
        nights.flat_map(|night| night.data.keys().cloned().collect::<Vec<_>>()).collect::<BTreeSet<_>>()
    };
    let [alice, bob, zoe] = people().map(|account| fields(&account));
    let of_the_watch = |field: &String| field.starts_with("core_body_temperature_");
    for field in [
        "apnea_hypopnea_index",
        "breathing_disturbances_intensity",
        "breathing_quality_assessment",
        "chest_movement_rate_average",
        "core_body_temperature_avg",
        "core_body_temperature_max",
        "core_body_temperature_min",
        "mvt_score_avg",
        "rmssd_end_avg",
        "rmssd_start_avg",
        "sleep_score",
        "snoring",
        "snoringepisodecount",
    ] {
        assert!(alice.contains(field), "{field}");
    }
    assert!(!bob.iter().chain(&zoe).any(of_the_watch), "a temperature without a watch");
    let disturbances = |fields: &BTreeSet<String>| super::super::mat::DISTURBANCES.map(|name| fields.contains(name));
    assert_eq!((disturbances(&bob), disturbances(&zoe)), ([true, false], [false, true]));
    let nights =
        people().into_iter().flat_map(|account| account.nights()).filter(|night| !night.row.segments.is_empty());
    assert!(nights.into_iter().all(|night| night.row.data.values().all(|value| !value.is_null())));
}

#[test]
fn a_short_sleep_counts_no_disturbances() {
    for night in
        people().into_iter().flat_map(|account| account.nights()).filter(|night| !night.row.segments.is_empty())
    {
        let short = night.row.enddate - night.row.startdate <= 5 * 3600;
        assert_eq!(night.row.data["apnea_hypopnea_index"] == -1, short);
    }
}
