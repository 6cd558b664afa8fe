//! Which rows are asked for, and when an answer that has no rows any more is believed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use withings_exporter::sim::{
    Account, DEEP, Device, Failure, Fault, Goals, LIGHT, Measure, MeasureGroup, Night, Workout,
};

use crate::world::World;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The calls that read all rows first and changed rows then.
const OF_CHANGES: [&str; 3] = ["getmeas", "getsummary", "getworkouts"];

/// Alice, connected, with a row of every kind.
async fn connected() -> (World, Account) {
    let mut world = World::with_accounts(&["Alice"]).await;
    let alice = world.account("Alice");
    let device = || Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
    alice.edit(|person| {
        person.devices.push(device());
        person.goals = Goals { steps: Some(10_000), ..Goals::default() };
    });
    live(&world, 72, 80);
    world.start_exporter().await;
    world.connect("Alice").await;
    (world, alice)
}

/// Adds a weighing, a night and a walk of Alice.
fn live(world: &World, kilograms: i64, deep: u16) {
    let (alice, now) = (world.account("Alice"), world.clock.unix());
    let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
    alice.add(MeasureGroup::new(now, [Measure::new(1, kilograms, 0)]));
    alice.add(Night::asleep(&mat, now - 9 * HOUR, &[(LIGHT, 400), (DEEP, deep)]));
    alice.add(Workout::new(1, now - HOUR, now).counted().with([("calories", json!(kilograms))]));
}

/// A sample of each call.
async fn values(world: &World) -> Vec<Option<f64>> {
    let mut values = Vec::new();
    for series in [
        "withings_weight_kg{profile=\"Alice\"}",
        "withings_sleep_deep_duration_seconds{profile=\"Alice\"}",
        "withings_workout_active_energy_kcal{profile=\"Alice\",category=\"walk\"}",
        "withings_goal_steps{profile=\"Alice\"}",
    ] {
        values.push(world.sample(series).await);
    }
    values
}

fn shown(kilograms: i32, deep: i32) -> Vec<Option<f64>> {
    let kilograms = f64::from(kilograms);
    vec![Some(kilograms), Some(f64::from(deep) * 60.0), Some(kilograms), Some(10_000.0)]
}

/// How often all measures were asked for.
fn whole_reads(world: &World) -> usize {
    world.calls("getmeas").iter().filter(|call| !call.params.contains_key("lastupdate")).count()
}

async fn is_up(world: &World) -> bool {
    world.sample("withings_up{profile=\"Alice\"}").await == Some(1.0)
}

#[tokio::test(crate = "crate::paused")]
async fn a_change_that_is_dated_ahead_leaves_no_gap() {
    let (mut world, alice) = connected().await;
    let now = world.clock.unix();
    let weight = |at, kilograms| MeasureGroup::new(at, [Measure::new(1, kilograms, 0)]);
    alice.add_at(weight(now - 2 * DAY, 70), now, now + 400 * DAY);
    world.until_refreshed("Alice").await;
    world.stop_exporter().await;
    world.pass(Duration::from_mins(10)).await;
    alice.add(weight(world.clock.unix(), 71));
    world.pass(Duration::from_hours(3)).await;
    world.start_exporter().await;
    world.until_shown("Alice", "weight_kg", 71.0).await;
    assert!(world.clock.unix() < now + 4 * HOUR, "only the daily read has found it");
}

/// Lets every whole read of a call fail from a day after the login on, and expects that what changes is shown.
async fn check_changes_are_read(fault: fn() -> Fault) {
    let (world, _) = connected().await;
    world.skip(Duration::from_hours(23)).await;
    let before = whole_reads(&world);
    for action in OF_CHANGES {
        world.cloud.fault(fault().on(action).on_whole_reads().times(u32::MAX));
    }
    for (hours, kilograms, deep) in [(2, 71, 81), (1, 70, 82), (26, 69, 83)] {
        world.skip(Duration::from_hours(hours)).await;
        live(&world, kilograms, deep);
        world.pass(Duration::from_mins(31)).await;
        let expected = shown(i32::try_from(kilograms).unwrap(), i32::from(deep));
        assert_eq!(values(&world).await, expected, "{kilograms} kg");
        assert!(is_up(&world).await);
    }
    let tries = whole_reads(&world) - before;
    assert!((2..=6).contains(&tries), "whole reads are tried {tries} times in the three hours that were played");
    world.cloud.heal();
    let before = whole_reads(&world);
    world.pass(Duration::from_mins(90)).await;
    assert!(whole_reads(&world) > before, "everything is read as soon as that works");
}

#[tokio::test(crate = "crate::paused")]
async fn changes_are_read_while_whole_reads_are_refused() {
    check_changes_are_read(|| Fault::new(Failure::Status(2555))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn changes_are_read_while_whole_reads_are_put_off() {
    check_changes_are_read(|| Fault::new(Failure::Status(524))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn changes_are_read_while_whole_reads_are_too_slow() {
    check_changes_are_read(|| Fault::delay(Duration::from_secs(40))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn an_answer_that_takes_everything_away_is_not_believed_at_once() {
    let empty = [
        r#"{"status":0,"body":{}}"#,
        r#"{"status":0,"body":[]}"#,
        r#"{"status":0,"body":{"measuregrps":[],"series":[],"goals":{},"devices":[]}}"#,
    ];
    for answer in empty {
        let (world, _) = connected().await;
        world.skip(Duration::from_hours(23)).await;
        let before = whole_reads(&world);
        for action in [&OF_CHANGES[..], &["getgoals", "getdevice"]].concat() {
            world.cloud.fault(Fault::new(Failure::Verbatim(answer)).on(action).on_whole_reads());
        }
        for _ in 0..60 {
            world.pass(Duration::from_secs(150)).await;
            assert_eq!(values(&world).await, shown(72, 80), "{answer}");
            assert!(world.metrics().await.contains("withings_device_info{"), "{answer}");
            assert!(is_up(&world).await, "{answer}");
        }
        assert_eq!(whole_reads(&world) - before, 2, "after the empty answer, everything is asked for again");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn who_deletes_everything_is_believed_the_second_time() {
    let (mut world, alice) = connected().await;
    for stored in alice.groups() {
        alice.delete::<MeasureGroup>(stored.id);
    }
    for stored in alice.nights() {
        alice.delete::<Night>(stored.id);
    }
    for stored in alice.workouts() {
        alice.delete::<Workout>(stored.id);
    }
    alice.edit(|person| {
        person.devices.clear();
        person.goals = Goals::default();
    });
    world.skip(Duration::from_hours(24)).await;
    // Nothing that was noted of the first answer is lost with the process.
    world.stop_exporter().await;
    world.start_exporter().await;
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(values(&world).await, vec![None; 4]);
    assert!(!world.metrics().await.contains("withings_device_info{"));
    assert!(is_up(&world).await);
}
