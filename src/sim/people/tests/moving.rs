//! How people move.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

use super::{NOW, clock, people};
use crate::sim::people::ALICE;
use crate::sim::{Account, Activity, Cloud, Source, Stored};

fn local_date(account: &Account, unix: i64) -> NaiveDate {
    account.person().timezone.date(unix)
}

#[test]
fn days_add_up() {
    for account in people() {
        for day in account.activities() {
            check_day(&day.row);
        }
    }
}

fn check_day(day: &Activity) {
    let data = day.data();
    let field = |name: &str| data[name].as_f64().unwrap();
    assert!((field("active") - field("moderate") - field("intense")).abs() < 1e-9);
    assert!(field("totalcalories") > field("calories"));
    assert!(field("soft") + field("active") <= 86_400.0 && (0.0..60_000.0).contains(&field("steps")));
    assert!((field("steps") * 0.4..=field("steps") * 1.5).contains(&field("distance")), "{day:?}");
    assert_eq!(day.heart.is_some(), matches!(day.source, Source::Tracker(_)), "a heart rate without a sensor");
    if let Some(heart) = day.heart {
        assert!(30 < heart.min && heart.min <= heart.average && heart.average <= heart.max && heart.max < 200);
        assert!(heart.zones.iter().sum::<u32>() <= 86_400);
    }
}

#[test]
fn everybody_has_every_day_and_alice_from_two_sources() {
    for account in people() {
        let mut sources = BTreeMap::<NaiveDate, BTreeSet<Option<String>>>::new();
        for day in account.activities() {
            let source = day.row.source.device_id().map(str::to_owned);
            assert!(sources.entry(day.row.date).or_default().insert(source), "two rows of one source");
        }
        let first = *sources.keys().next().unwrap();
        let days = (local_date(&account, NOW) - first).num_days() + 1;
        assert_eq!(sources.len(), usize::try_from(days).unwrap(), "a day is missing");
        assert!(sources.contains_key(&local_date(&account, NOW)));
        let two = sources.values().filter(|counted| counted.len() == 2).count();
        let one = sources.len() - two;
        assert_eq!((two > 900, one > 10), (account.userid() == ALICE, true), "{two} {one}");
    }
}

#[test]
fn the_phone_counts_the_same_day_differently() {
    let [alice, ..] = people();
    let steps = |tracker: bool| {
        let days = alice.activities().into_iter().filter(|day| day.row.source.device_id().is_some() == tracker);
        days.map(|day| (day.row.date, day.row.steps)).collect::<BTreeMap<_, _>>()
    };
    let (watch, phone) = (steps(true), steps(false));
    let yesterdays = watch.iter().filter(|(date, _)| **date < local_date(&alice, NOW));
    assert!(yesterdays.filter_map(|(date, steps)| Some((steps, phone.get(date)?))).all(|(watch, phone)| watch > phone));
}

/// The row of a day over time, from midnight in Paris on.
#[test]
fn a_day_grows_and_is_written_once_more_after_midnight() {
    let clock = clock();
    let alice = Cloud::with_history(1, 0, clock.clone()).account("Alice").unwrap();
    clock.advance(Duration::from_hours(5));
    let today = local_date(&alice, clock.unix());
    let row = |date| -> Option<Stored<Activity>> {
        alice.activities().into_iter().find(|day| day.row.date == date && day.row.source.device_id().is_some())
    };
    assert!(row(today).is_none(), "it has a row at midnight");
    clock.advance(Duration::from_mins(2));
    let mut before = row(today).unwrap();
    assert!(before.row.steps == 0 && before.row.totalcalories > before.row.calories);
    let mut rewritten = 0;
    for _ in 0..24 * 4 {
        clock.advance(Duration::from_mins(15));
        let now = row(today).unwrap();
        assert!(now.id == before.id && now.row.steps >= before.row.steps && now.row.calories >= before.row.calories);
        assert!(now.modified >= before.modified && now.modified <= clock.unix());
        rewritten += u32::from(now.modified > before.modified);
        before = now;
    }
    assert_eq!((rewritten, before.row.steps > 500), (23, true));
    clock.advance(Duration::from_hours(1));
    assert!(row(today).unwrap().modified > row(today + TimeDelta::days(1)).unwrap().modified, "yesterday is newer");
}

#[test]
fn what_is_visible_does_not_depend_on_when_somebody_looked() {
    let clock = clock();
    let days = |cloud: &Cloud| -> BTreeSet<_> {
        let days = cloud.accounts().into_iter().flat_map(|account| account.activities());
        days.map(|day| (day.id, day.modified, day.row.steps)).collect()
    };
    let (often, once) = (Cloud::with_history(1, 0, clock.clone()), Cloud::with_history(1, 0, clock.clone()));
    for _ in 0..50 {
        clock.advance(Duration::from_mins(77));
        days(&often);
    }
    assert_eq!(days(&often), days(&once));
}

#[test]
fn workouts_lie_within_their_day() {
    for account in people() {
        let workouts = account.workouts();
        for workout in &workouts {
            assert!((600..3 * 3600).contains(&(workout.row.enddate - workout.row.startdate)), "{:?}", workout.row);
            assert_eq!(local_date(&account, workout.row.startdate), local_date(&account, workout.row.enddate));
            assert!(workout.created > workout.row.enddate);
        }
        let mut spans: Vec<_> = workouts.iter().map(|workout| (workout.row.startdate, workout.row.enddate)).collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two at once");
    }
}

/// The totals of a day include its workouts.
#[test]
fn a_day_is_more_than_its_workouts() {
    for account in people() {
        let has_watch = account.userid() == ALICE;
        let days = account.activities().into_iter().map(|day| day.row);
        let days: BTreeMap<_, _> =
            days.filter(|day| day.source.device_id().is_some() == has_watch).map(|day| (day.date, day)).collect();
        let mut workouts = BTreeMap::<NaiveDate, [f64; 2]>::new();
        for workout in account.workouts() {
            let sum = workouts.entry(local_date(&account, workout.row.startdate)).or_default();
            let field = |name: &str| workout.row.data.get(name).and_then(Value::as_f64).unwrap_or_default();
            *sum = [sum[0] + field("steps"), sum[1] + field("calories")];
        }
        for (date, [steps, calories]) in workouts.into_iter().filter(|(date, _)| *date < local_date(&account, NOW)) {
            if let Some(day) = days.get(&date) {
                assert!(f64::from(day.steps) > steps && day.calories > calories, "{day:?}: {steps}, {calories}");
            }
        }
    }
}

#[test]
fn only_a_watch_feels_the_heart_of_a_workout() {
    for account in people() {
        for workout in account.workouts() {
            let field = |name: &str| workout.row.data.get(name).and_then(Value::as_i64);
            let has_heart = field("hr_average").is_some_and(|rate| rate > 0);
            assert_eq!(has_heart, workout.row.source.device_id().is_some(), "{:?}", workout.row);
            if has_heart {
                assert!(field("hr_min") < field("hr_average") && field("hr_average") < field("hr_max"));
                let zones = (0..4).map(|zone| field(&format!("hr_zone_{zone}")).unwrap()).sum::<i64>();
                assert!(zones <= workout.row.enddate - workout.row.startdate);
            }
        }
    }
}

#[test]
fn everybody_does_several_things() {
    let categories = people()
        .map(|account| account.workouts().into_iter().map(|workout| workout.row.category).collect::<BTreeSet<_>>());
    assert_eq!(categories, [vec![1, 2, 6, 7, 28], vec![1, 3, 16], vec![6, 15]].map(BTreeSet::from_iter));
    let [alice, bob, _] = people().map(|account| account.workouts());
    assert!(
        alice.iter().any(|workout| workout.row.attrib == 7)
            && alice.iter().any(|workout| workout.row.data.contains_key("pool_laps"))
    );
    assert!(bob.iter().any(|workout| workout.row.data.len() == 1 && workout.row.data["algo_pause_duration"].is_null()));
    assert!(bob.iter().any(|workout| workout.row.data.get("hr_average") == Some(&0.into())));
    let distances = || alice.iter().filter_map(|workout| workout.row.data.get("distance"));
    assert!(distances().any(Value::is_f64) && distances().any(Value::is_i64), "one type of number");
}
