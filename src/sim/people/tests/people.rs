//! What is particular to each person.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use chrono::DateTime;

use super::{NOW, newest, people, value};
use crate::clock::Clock;
use crate::sim::{Account, Cloud, MeasureGroup, Stored};

#[test]
fn the_stories_are_what_they_promise() {
    let [alice, _, zoe] = people().map(|account| account.groups());
    let own = |group: &MeasureGroup| group.attrib != 1 && group.category == 1;
    let early = |groups: &[Stored<MeasureGroup>]| -> Vec<_> {
        groups.iter().filter(|group| group.row.date < NOW - 1000 * 86_400).cloned().collect()
    };
    assert!(newest(&early(&alice), 1, own) - newest(&alice, 1, own) > 5.0, "alice lost no weight");
    assert!(zoe.iter().all(|group| group.row.date > NOW - 15 * 86_400), "zoë is no newcomer");
}

#[test]
fn bobs_pressure_falls_when_he_is_treated_and_is_too_high_now_and_then() {
    let [_, bob, _] = people().map(|account| account.groups());
    let systolic = |days: Range<i64>| -> Vec<_> {
        let then = bob.iter().filter(|group| days.contains(&((NOW - group.row.date) / 86_400)));
        then.filter_map(|group| value(&group.row, 10)).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (before, now) = (systolic(300..1000), systolic(0..120));
    assert!(mean(&before) > 148.0 && mean(&now) < 138.0, "{} became {}", mean(&before), mean(&now));
    let high = now.iter().filter(|pressure| **pressure >= 140.0).count();
    assert!((4..now.len() / 3).contains(&high), "{high} of {} are high", now.len());
}

#[test]
fn one_electrocardiogram_of_bob_is_positive_and_it_is_the_last_one() {
    let [_, bob, _] = people().map(|account| account.groups());
    let classified = |group: &Stored<MeasureGroup>| {
        let measure = group.row.measures.iter().find(|measure| measure.kind == 130)?;
        Some((group.row.date, measure.value))
    };
    let mut seen: Vec<_> = bob.iter().filter_map(classified).collect();
    seen.sort_unstable();
    let (last, class) = *seen.last().unwrap();
    assert!(class == 1 && NOW - last < 86_400, "{class} at {last}");
    let count = |class| seen.iter().filter(|(_, seen_class)| *seen_class == class).count();
    assert!(count(1) == 1 && count(0) > 300 && count(2) > 5, "{seen:?}");
}

#[test]
fn bob_has_sleep_apnoea_and_the_others_do_not() {
    let mean = |account: &Account, field: &str| {
        let nights = account.nights().into_iter().map(|night| night.row);
        let values = nights.filter_map(|night| night.data.get(field)?.as_f64().filter(|value| *value >= 0.0));
        let values: Vec<_> = values.collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let [alice, bob, zoe] = people();
    let index = |account| mean(account, "apnea_hypopnea_index");
    assert!(index(&bob) > 20.0 && index(&alice) < 5.0 && index(&zoe) < 5.0);
    assert!(mean(&bob, "breathing_disturbances_intensity") >= 60.0);
    assert!(mean(&alice, "breathing_disturbances_intensity") < 30.0);
    assert!(mean(&bob, "snoring") > 2.0 * mean(&alice, "snoring"));
    assert!(mean(&bob, "wakeupcount") > 1.5 * mean(&alice, "wakeupcount"));
}

/// At any time of day: the fever follows the days of Paris.
#[test]
fn alice_has_a_fever_when_the_cloud_begins() {
    for hour in (0..24).step_by(3) {
        let now = NOW + hour * 3600;
        let clock = Clock::frozen(DateTime::from_timestamp(now, 0).unwrap());
        let alice = Cloud::with_history(7, 1, clock).account("Alice").unwrap();
        let mut temperatures: Vec<_> =
            alice.groups().into_iter().filter_map(|group| Some((group.row.date, value(&group.row, 71)?))).collect();
        temperatures.sort_by_key(|(date, _)| *date);
        let last_day = temperatures.iter().filter(|(date, celsius)| *date > now - 86_400 && *celsius >= 38.5);
        assert!(last_day.count() >= 3, "no fever at {now}");
        assert!(temperatures.last().unwrap().1 >= 38.5, "well again at {now}");
        let days = temperatures
            .iter()
            .filter(|(_, celsius)| *celsius >= 38.5)
            .map(|(date, _)| date / 86_400)
            .collect::<BTreeSet<_>>();
        assert!(days.len() < 12, "always ill");
    }
}

#[test]
fn a_fever_is_felt_all_over() {
    let [alice, ..] = people();
    let heart = |days: Range<i64>| {
        let nights = alice.nights().into_iter().filter(|night| days.contains(&((NOW - night.row.enddate) / 86_400)));
        nights.filter_map(|night| night.row.data.get("hr_average")?.as_i64()).max().unwrap()
    };
    assert!(
        heart(0..1) > heart(10..40) && alice.workouts().iter().all(|workout| workout.row.startdate < NOW - 3 * 86_400)
    );
}

#[test]
fn goals_and_batteries_differ() {
    let goals = people().map(|account| account.person().goals);
    let set = goals.map(|goals| [goals.steps.is_some(), goals.sleep.is_some(), goals.weight.is_some()]);
    assert_eq!(set, [[true, true, true], [true, false, true], [false, false, false]]);
    let batteries =
        people().into_iter().flat_map(|account| account.person().devices).map(|device| device.battery.clone());
    assert_eq!(batteries.collect::<BTreeSet<_>>(), ["high", "low", "medium", "unknown"].map(str::to_owned).into());
}

#[test]
fn alices_mat_is_listed_twice() {
    let [alice, ..] = people();
    let devices = alice.person().devices;
    let mats: Vec<_> = devices.iter().filter(|device| device.kind == "Sleep Monitor").collect();
    let [mat, twin] = mats[..] else { panic!("{} mats", mats.len()) };
    assert_eq!((mat.model.as_str(), twin.model.as_str(), &mat.id), ("Aura Sensor V2", "", &twin.id));
    let ids: BTreeSet<_> = devices.iter().map(|device| &device.id).collect();
    assert_eq!(ids.len(), devices.len() - 1, "another device is listed twice");
}

#[test]
fn what_misleads_is_there() {
    for account in people() {
        let groups = account.groups();
        let weights = || groups.iter().filter(|group| value(&group.row, 1).is_some() && group.row.category == 1);
        assert_eq!(weights().max_by_key(|group| group.row.date).unwrap().row.attrib, 1, "the newest weight is certain");
        let exponents: HashSet<_> = weights().map(|group| group.row.measures[0].unit).collect();
        assert!(exponents.len() > 1, "one exponent for all weights");
        assert!(groups.iter().any(|group| group.row.attrib == 4 && value(&group.row, 4).is_some()), "no height");
    }
    let [alice, _, zoe] = people();
    let groups = alice.groups();
    assert!(groups.iter().any(|group| group.row.category == 2), "no goal");
    assert!(groups.iter().any(|group| group.row.attrib == 2 && group.row.device.is_none()), "nothing by hand");
    assert!(groups.iter().any(|group| group.created - group.row.date > 20 * 86_400), "nothing late");
    assert!(groups.iter().any(|group| group.row.attrib == 10 && group.row.measures[0].position == Some(4)), "no foot");
    let night = &zoe.nights()[0].row.data;
    assert!(night["rr_average"].is_null() && night["apnea_hypopnea_index"] == -1 && !night.contains_key("snoring"));
}
