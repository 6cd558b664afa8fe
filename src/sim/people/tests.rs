//! What holds for every day that is told.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

use crate::clock::Clock;
use crate::sim::{AWAKE, Account, Cloud, DEEP, LIGHT, MeasureGroup, Night, REM, Stored};

/// Monday, 2 March 2026, 18:00 UTC: a morning has passed everywhere.
const NOW: i64 = 1_772_474_400;

fn clock() -> Clock {
    Clock::frozen(DateTime::from_timestamp(NOW, 0).unwrap())
}

/// The three after three years; told once for all tests, which only look.
fn people() -> [Account; 3] {
    static CLOUD: LazyLock<Cloud> = LazyLock::new(|| Cloud::seeded(7, clock()));
    ["Alice", "Bob", "Zoë"].map(|name| CLOUD.account(name).unwrap())
}

fn value(group: &MeasureGroup, kind: u32) -> Option<f64> {
    let measure = group.measures.iter().find(|it| it.kind == kind)?;
    Some(measure.value as f64 / 10_f64.powi(-measure.unit))
}

fn newest(groups: &[Stored<MeasureGroup>], kind: u32, counts: impl Fn(&MeasureGroup) -> bool) -> f64 {
    let of_kind = groups.iter().filter(|it| counts(&it.row) && value(&it.row, kind).is_some());
    value(&of_kind.max_by_key(|it| it.row.date).unwrap().row, kind).unwrap()
}

#[test]
fn weight_is_fat_free_mass_and_fat_mass() {
    for account in people() {
        let mut weighed = 0;
        for group in account.groups() {
            let [weight, lean, fat] = [1, 5, 8].map(|kind| value(&group.row, kind));
            if let (Some(weight), Some(lean), Some(fat)) = (weight, lean, fat) {
                assert!((weight - lean - fat).abs() < 1e-9, "{weight} is not {lean} + {fat}");
                assert!((weight * 6.0..weight * 46.0).contains(&(fat * 100.0)), "{fat} kg of {weight} kg are fat");
                weighed += 1;
            }
        }
        assert!(weighed > 15, "{weighed} weighings");
    }
}

#[test]
fn segments_of_the_body_are_the_body() {
    let [alice, ..] = people();
    let scans = alice.groups().into_iter().filter(|it| value(&it.row, 173).is_some());
    let mut seen = 0;
    for scan in scans {
        let total = |kind| scan.row.measures.iter().filter(|it| it.kind == kind).map(|it| it.value).sum::<i64>();
        // Fat-free mass and fat mass come twice.
        assert_eq!((total(173) * 2, total(174) * 2), (total(5), total(8)));
        let positions: BTreeSet<_> =
            scan.row.measures.iter().filter(|it| it.kind == 175).map(|it| it.position).collect();
        assert_eq!(positions, [2, 3, 10, 11, 12].map(Some).into());
        seen += 1;
    }
    assert!(seen > 900, "{seen} scans");
}

#[test]
fn alice_has_every_type_that_homes_know() {
    let [alice, ..] = people();
    let types: BTreeSet<_> = alice.groups().iter().flat_map(|it| it.row.measures.clone()).map(|it| it.kind).collect();
    let wanted = [1, 4, 5, 6, 8, 9, 10, 11, 12, 54, 71, 73, 76, 77, 88, 91, 123, 155, 168, 169, 170, 173, 226, 227];
    assert_eq!(wanted.into_iter().filter(|it| !types.contains(it)).collect::<Vec<_>>(), Vec::<u32>::new());
}

#[test]
fn nights_add_up() {
    for account in people() {
        for stored in account.nights() {
            check_night(&stored.row);
        }
    }
}

fn check_night(night: &Night) {
    let field = |name: &str| night.data[name].as_i64().unwrap();
    let stage = |state| -> i64 {
        night.segments.iter().filter(|it| it.state == state).map(|it| it.enddate - it.startdate).sum()
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
    assert!(night.segments.windows(2).all(|it| it[0].enddate == it[1].startdate && it[0].state != it[1].state));
    assert!(night.segments.iter().all(|it| it.startdate < it.enddate));
    for (low, mean, high) in [("hr_min", "hr_average", "hr_max"), ("rr_min", "rr_average", "rr_max")] {
        let [low, mean, high] = [low, mean, high].map(|name| night.data.get(name).and_then(Value::as_i64));
        assert!(low <= mean && mean <= high, "{low:?} {mean:?} {high:?}");
    }
}

#[test]
fn nights_come_after_one_another_and_naps_are_short() {
    for account in people() {
        let mut nights: Vec<_> = account.nights().into_iter().map(|it| (it.row.startdate, it.row.enddate)).collect();
        nights.sort_unstable();
        assert!(nights.windows(2).all(|it| it[0].1 <= it[1].0), "two rows overlap");
        assert!(nights.iter().all(|it| (1200..11 * 3600).contains(&(it.1 - it.0))), "a night of no human length");
    }
    let [alice, ..] = people();
    let naps = alice.nights().iter().filter(|it| it.row.enddate - it.row.startdate < 3 * 3600).count();
    assert!((100..250).contains(&naps), "{naps} naps");
}

#[test]
fn the_stories_are_what_they_promise() {
    let [alice, bob, zoe] = people().map(|it| it.groups());
    let own = |it: &MeasureGroup| it.attrib != 1 && it.category == 1;
    let early = |groups: &[Stored<MeasureGroup>]| -> Vec<_> {
        groups.iter().filter(|it| it.row.date < NOW - 1000 * 86_400).cloned().collect()
    };
    assert!(newest(&early(&alice), 1, own) - newest(&alice, 1, own) > 5.0, "alice lost no weight");
    assert!(newest(&early(&bob), 10, own) - newest(&bob, 10, own) > 5.0, "bob's treatment does not help");
    assert!(newest(&bob, 71, own) > 37.2, "bob has no fever");
    assert!(zoe.iter().all(|it| it.row.date > NOW - 25 * 86_400), "zoë is no newcomer");
}

#[test]
fn what_misleads_is_there() {
    for account in people() {
        let groups = account.groups();
        let weights = || groups.iter().filter(|it| value(&it.row, 1).is_some() && it.row.category == 1);
        assert_eq!(weights().max_by_key(|it| it.row.date).unwrap().row.attrib, 1, "the newest weight is certain");
        let exponents: HashSet<_> = weights().map(|it| it.row.measures[0].unit).collect();
        assert!(exponents.len() > 1, "one exponent for all weights");
        assert!(groups.iter().any(|it| it.row.attrib == 4 && value(&it.row, 4).is_some()), "no height");
    }
    let [alice, bob, _] = people();
    let groups = alice.groups();
    assert!(groups.iter().any(|it| it.row.category == 2), "no goal");
    assert!(groups.iter().any(|it| it.row.attrib == 2 && it.row.device.is_none()), "nothing by hand");
    assert!(groups.iter().any(|it| it.created - it.row.date > 20 * 86_400), "nothing late");
    assert!(groups.iter().any(|it| it.row.attrib == 10 && it.row.measures[0].position == Some(4)), "no foot");
    let night = &bob.nights()[0].row.data;
    assert!(night["rr_average"].is_null() && night["apnea_hypopnea_index"] == -1 && !night.contains_key("snoring"));
}

#[test]
fn rows_have_ids_of_their_own() {
    let mut ids = HashSet::new();
    for account in people() {
        let groups = account.groups().into_iter().map(|it| it.id).collect::<Vec<_>>();
        let nights = account.nights().into_iter().map(|it| it.id);
        for id in groups.into_iter().chain(nights) {
            assert!(id > 1 << 32 && ids.insert(id), "id {id} is small or stands twice");
        }
    }
}

#[test]
fn a_seed_is_a_life_and_another_seed_another() {
    let weights = |seed| -> BTreeMap<_, _> {
        let alice = Cloud::with_history(seed, 1, clock()).account("Alice").unwrap();
        alice.groups().into_iter().map(|it| (it.id, it.row.measures)).collect()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

#[test]
fn people_go_on_living_and_the_past_stays() {
    let clock = clock();
    let alice = Cloud::with_history(1, 1, clock.clone()).account("Alice").unwrap();
    let ids = |account: &Account| account.groups().into_iter().map(|it| it.id).collect::<HashSet<_>>();
    let before = ids(&alice);
    clock.advance(Duration::from_hours(72));
    let after = ids(&alice);
    assert!(after.is_superset(&before) && after.len() >= before.len() + 3, "nothing happened in three days");
    assert!(alice.groups().iter().all(|it| it.created <= clock.unix()), "the future is visible");
    assert!(alice.nights().iter().any(|it| it.row.enddate > NOW), "no night in three days");
}

#[test]
fn readings_carry_the_device_that_getdevice_lists() {
    for account in people() {
        let owned: HashSet<_> = account.person().devices.iter().map(|it| it.id.clone()).collect();
        let used = account
            .groups()
            .into_iter()
            .filter_map(|it| it.row.device)
            .chain(account.nights().into_iter().map(|it| Arc::clone(&it.row.device)));
        assert!(used.into_iter().all(|it| owned.contains(&it.id)));
    }
}
