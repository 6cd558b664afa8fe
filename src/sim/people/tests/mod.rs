//! What holds for every generated day.

mod body;
mod moving;
mod nights;
mod people;

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

/// The three after three years, generated once for all tests, which change nothing.
fn people() -> [Account; 3] {
    static CLOUD: LazyLock<Cloud> = LazyLock::new(|| Cloud::seeded(7, clock()));
    ["Alice", "Bob", "Zoë"].map(|name| CLOUD.account(name).unwrap())
}

fn value(group: &MeasureGroup, kind: u32) -> Option<f64> {
    let measure = group.measures.iter().find(|measure| measure.kind == kind)?;
    Some(measure.value as f64 / 10_f64.powi(-measure.unit))
}

fn newest(groups: &[Stored<MeasureGroup>], kind: u32, counts: impl Fn(&MeasureGroup) -> bool) -> f64 {
    let of_kind = groups.iter().filter(|group| counts(&group.row) && value(&group.row, kind).is_some());
    value(&of_kind.max_by_key(|group| group.row.date).unwrap().row, kind).unwrap()
}

#[test]
fn rows_have_ids_of_their_own() {
    let mut ids = HashSet::new();
    for account in people() {
        let groups = account.groups().into_iter().map(|group| group.id).collect::<Vec<_>>();
        let nights = account.nights().into_iter().map(|night| night.id);
        let activities = account.activities().into_iter().map(|day| day.id).collect::<Vec<_>>();
        let workouts = account.workouts().into_iter().map(|workout| workout.id);
        for id in groups.into_iter().chain(nights).chain(activities).chain(workouts) {
            assert!(id > 1 << 32 && ids.insert(id), "id {id} is small or stands twice");
        }
    }
}

#[test]
fn a_seed_gives_the_same_rows_and_another_seed_others() {
    let weights = |seed| -> BTreeMap<_, _> {
        let alice = Cloud::with_history(seed, 1, clock()).account("Alice").unwrap();
        alice.groups().into_iter().map(|group| (group.id, group.row.measures)).collect()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

#[test]
fn rows_appear_as_the_clock_moves_and_earlier_ones_stay() {
    let clock = clock();
    let alice = Cloud::with_history(1, 1, clock.clone()).account("Alice").unwrap();
    let ids = |account: &Account| account.groups().into_iter().map(|group| group.id).collect::<HashSet<_>>();
    let before = ids(&alice);
    clock.advance(Duration::from_hours(72));
    let after = ids(&alice);
    assert!(after.is_superset(&before) && after.len() >= before.len() + 3, "nothing happened in three days");
    assert!(alice.groups().iter().all(|group| group.created <= clock.unix()), "the future is visible");
    assert!(alice.nights().iter().any(|night| night.row.enddate > NOW), "no night in three days");
}

#[test]
fn readings_carry_the_device_that_getdevice_lists() {
    for account in people() {
        let owned: HashSet<_> = account.person().devices.iter().map(|device| device.id.clone()).collect();
        let groups = account.groups().into_iter().filter_map(|group| group.row.device.map(|device| device.id.clone()));
        let nights = account.nights().into_iter().map(|night| night.row.device.id.clone());
        let counted = |source: &Source| source.device_id().map(str::to_owned);
        let days = account.activities().into_iter().filter_map(|day| counted(&day.row.source));
        let workouts = account.workouts().into_iter().filter_map(|workout| counted(&workout.row.source));
        assert!(groups.chain(nights).chain(days).chain(workouts).all(|id| owned.contains(&id)));
    }
}
