//! What holds for every day that is told.

mod body;
mod moving;
mod nights;
mod stories;

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;
use std::time::Duration;

use chrono::DateTime;

use crate::clock::Clock;
use crate::sim::{Account, Cloud, MeasureGroup, Source, Stored};

/// Monday, 2 March 2026, 18:00 UTC: a day in New York, an evening in Paris, night in Tokyo.
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
fn rows_have_ids_of_their_own() {
    let mut ids = HashSet::new();
    for account in people() {
        let groups = account.groups().into_iter().map(|it| it.id).collect::<Vec<_>>();
        let nights = account.nights().into_iter().map(|it| it.id);
        let activities = account.activities().into_iter().map(|it| it.id).collect::<Vec<_>>();
        let workouts = account.workouts().into_iter().map(|it| it.id);
        for id in groups.into_iter().chain(nights).chain(activities).chain(workouts) {
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
        let groups = account.groups().into_iter().filter_map(|it| it.row.device.map(|it| it.id.clone()));
        let nights = account.nights().into_iter().map(|it| it.row.device.id.clone());
        let counted = |it: &Source| it.device_id().map(str::to_owned);
        let days = account.activities().into_iter().filter_map(|it| counted(&it.row.source));
        let workouts = account.workouts().into_iter().filter_map(|it| counted(&it.row.source));
        assert!(groups.chain(nights).chain(days).chain(workouts).all(|it| owned.contains(&it)));
    }
}
