//! What changes during a day: activity, workouts, devices and goals, through the whole program.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use serde_json::json;
use withings_exporter::sim::{Account, Activity, Device, Failure, Fault, Goals, HeartRate, Source, Workout};
use withings_exporter::zone::Zone;

use crate::world::{World, beginning};

const HOUR: i64 = 3600;
const WALK: u32 = 1;
const RUN: u32 = 2;

/// Alice in this time zone, and her exporter, connected.
async fn connected(timezone: Zone) -> (World, Account) {
    let mut world = World::with_accounts(&["Alice"]).await;
    let alice = world.account("Alice");
    alice.edit(|person| person.timezone = timezone);
    world.start_exporter().await;
    world.connect("Alice").await;
    (world, alice)
}

fn watch() -> Arc<Device> {
    Arc::new(Device::new("Activity Tracker", "ScanWatch 2", 94, "ab12"))
}

/// So many steps of a day, counted by `source`.
fn steps(date: NaiveDate, source: Source, steps: u32) -> Activity {
    Activity { steps, ..Activity::new(date, source) }
}

/// The local day in this time zone.
fn today(world: &World, timezone: &Zone) -> NaiveDate {
    timezone.date(world.clock.unix())
}

/// A workout that ended so many seconds after the beginning of the world, with so many kcal.
fn workout(category: u32, ended: i64, calories: u32) -> Workout {
    let end = beginning().timestamp() + ended;
    Workout::new(category, end - 1800, end).counted().with([("calories", json!(calories))])
}

async fn check_energy(world: &World, category: &str, expected: Option<f64>) {
    let series = format!("withings_workout_active_energy_kcal{{profile=\"Alice\",category=\"{category}\"}}");
    assert_eq!(world.sample(&series).await, expected, "{category}");
}

/// The lines of the page that begin with this.
async fn lines(world: &World, beginning: &str) -> Vec<String> {
    world.metrics().await.lines().filter(|line| line.starts_with(beginning)).map(str::to_owned).collect()
}

async fn pass_until(world: &World, unix: i64) {
    world.skip(Duration::from_secs((unix - world.clock.unix()).unsigned_abs())).await;
}

/// Lets Alice in this time zone walk; then the cloud is down, and her day ends at this time, RFC 3339.
async fn check_end_of_day(timezone: Zone, end: &str) {
    let (mut world, alice) = connected(timezone.clone()).await;
    alice.add(steps(today(&world, &timezone), Source::Tracker(watch()), 5432));
    world.until_shown("Alice", "activity_steps", 5432.0).await;
    world.stop_cloud().await;
    pass_until(&world, DateTime::parse_from_rfc3339(end).unwrap().timestamp() - 1).await;
    assert_eq!(world.value("Alice", "activity_steps").await, Some(5432.0), "{timezone}");
    // The exporter knows Withings' clock to a second.
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(lines(&world, "withings_activity_").await, Vec::<String>::new(), "{timezone}");
    let times = "withings_measurement_timestamp_seconds{profile=\"Alice\",measurement=\"activity";
    assert_eq!(lines(&world, times).await, Vec::<String>::new(), "{timezone}");
}

#[tokio::test(crate = "crate::paused")]
async fn steps_do_not_outlast_the_day_though_the_cloud_is_down() {
    check_end_of_day(Zone::known("Asia/Tokyo"), "2026-11-24T00:00:00+09:00").await;
    check_end_of_day(Zone::known("US/Pacific"), "2026-11-23T00:00:00-08:00").await;
    check_end_of_day(Zone::UTC, "2026-11-23T00:00:00Z").await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_new_day_begins_with_its_own_first_row() {
    let zone = Zone::known("US/Pacific");
    let (world, alice) = connected(zone.clone()).await;
    alice.add(steps(today(&world, &zone), Source::Tracker(watch()), 5432));
    world.until_shown("Alice", "activity_steps", 5432.0).await;
    // In UTC it has been tomorrow for seven hours.
    pass_until(&world, DateTime::parse_from_rfc3339("2026-11-22T23:50:00-08:00").unwrap().timestamp()).await;
    assert_eq!(world.value("Alice", "activity_steps").await, Some(5432.0));
    world.pass(Duration::from_mins(20)).await;
    assert_eq!(world.value("Alice", "activity_steps").await, None);
    alice.add(steps(today(&world, &zone), Source::Tracker(watch()), 7));
    world.until_shown("Alice", "activity_steps", 7.0).await;
    let midnight = DateTime::parse_from_rfc3339("2026-11-23T00:00:00-08:00").unwrap().timestamp();
    assert_eq!(world.value("Alice", "activity_day_start_timestamp_seconds").await, Some(midnight as f64));
}

#[tokio::test(crate = "crate::paused")]
async fn the_day_of_a_traveller_ends_where_it_was_counted() {
    let paris = Zone::known("Europe/Paris");
    let (world, alice) = connected(paris.clone()).await;
    let day = today(&world, &paris);
    let until = async |time: &str, expected: Option<f64>| {
        pass_until(&world, DateTime::parse_from_rfc3339(time).unwrap().timestamp()).await;
        assert_eq!(world.value("Alice", "activity_steps").await, expected, "{time}");
    };
    alice.add(steps(day, Source::GoogleFit, 8000));
    world.until_shown("Alice", "activity_steps", 8000.0).await;
    alice.edit(|person| person.timezone = Zone::known("America/New_York"));
    until("2026-11-22T23:59:00+01:00", Some(8000.0)).await;
    until("2026-11-23T00:30:00+01:00", None).await;
    // In New York it is the same day again.
    alice.add(steps(day, Source::GoogleFit, 700));
    world.until_shown("Alice", "activity_steps", 700.0).await;
    until("2026-11-22T23:59:00-05:00", Some(700.0)).await;
    until("2026-11-23T00:01:00-05:00", None).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_restart_shows_the_day_again_but_not_after_its_end() {
    let (mut world, alice) = connected(Zone::UTC).await;
    let walked = steps(today(&world, &Zone::UTC), Source::Tracker(watch()), 5432);
    alice.add(Activity { heart: Some(HeartRate { average: 71, min: 50, max: 120, zones: [60, 0, 0, 0] }), ..walked });
    alice.add(workout(RUN, 60, 300));
    world.until_shown("Alice", "workout_active_energy_kcal", 300.0).await;
    let before = (lines(&world, "withings_activity_").await, lines(&world, "withings_workout_").await);
    assert!(before.0.iter().any(|row| row.contains("zone=\"light\"} 60")), "{before:?}");
    world.stop_cloud().await;
    world.stop_exporter().await;
    world.start_exporter().await;
    assert_eq!((lines(&world, "withings_activity_").await, lines(&world, "withings_workout_").await), before);
    world.stop_exporter().await;
    world.pass(Duration::from_hours(8)).await;
    world.start_exporter().await;
    assert_eq!(lines(&world, "withings_activity_").await, Vec::<String>::new());
    assert_eq!(lines(&world, "withings_workout_").await, before.1, "the last run stays");
}

#[tokio::test(crate = "crate::paused")]
async fn a_phone_does_not_add_to_a_watch() {
    let (world, alice) = connected(Zone::UTC).await;
    let today = today(&world, &Zone::UTC);
    let phone = alice.add(steps(today, Source::GoogleFit, 900));
    world.until_shown("Alice", "activity_steps", 900.0).await;
    let worn = alice.add(steps(today, Source::Tracker(watch()), 800));
    world.until_shown("Alice", "activity_steps", 800.0).await;
    alice.edit_row::<Activity>(phone, |activity| activity.steps = 2000);
    world.until_refreshed("Alice").await;
    assert_eq!(world.value("Alice", "activity_steps").await, Some(800.0));
    alice.delete::<Activity>(worn);
    world.until_shown("Alice", "activity_steps", 2000.0).await;
}

#[tokio::test(crate = "crate::paused")]
async fn what_a_watch_or_a_plan_does_not_measure_is_absent_and_no_failure() {
    let (world, alice) = connected(Zone::UTC).await;
    alice.add(steps(today(&world, &Zone::UTC), Source::Tracker(watch()), 5432));
    alice.add(Workout::new(RUN, beginning().timestamp() - HOUR, beginning().timestamp()));
    world.until_measured("Alice", "workout_end_timestamp_seconds").await;
    world.until_shown("Alice", "activity_steps", 5432.0).await;
    assert_eq!(lines(&world, "withings_activity_heart").await, Vec::<String>::new());
    assert_eq!(lines(&world, "withings_workout_").await.len(), 2);
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
    let page = world.metrics().await;
    let counted = |line: &&str| {
        let is_counted = ["withings_exporter_unknown_values_total", "withings_exporter_api_request_failures_total"];
        is_counted.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0")
    };
    assert_eq!(page.lines().filter(counted).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test(crate = "crate::paused")]
async fn the_newest_workout_of_each_kind_is_shown() {
    let (world, alice) = connected(Zone::UTC).await;
    alice.add(workout(WALK, -48 * HOUR, 80));
    alice.add(workout(RUN, -24 * HOUR, 300));
    let walk = alice.add(workout(WALK, -HOUR, 90));
    alice.add(workout(533, -HOUR, 10));
    world.until_shown("Alice", "workout_active_energy_kcal", 90.0).await;
    for (category, energy) in [("walk", 90.0), ("run", 300.0), ("category_533", 10.0)] {
        check_energy(&world, category, Some(energy)).await;
    }
    assert_eq!(world.sample("withings_exporter_unknown_values_total{kind=\"workout\"}").await, Some(1.0));
    // It was a run after all: the walk before it is shown again, which only a read of everything brings.
    alice.edit_row::<Workout>(walk, |workout| workout.category = RUN);
    world.until_shown("Alice", "workout_active_energy_kcal", 80.0).await;
    check_energy(&world, "run", Some(90.0)).await;
    alice.delete::<Workout>(walk);
    world.skip(Duration::from_hours(25)).await;
    check_energy(&world, "run", Some(300.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn an_account_that_refuses_all_workouts_since_ever_is_read_by_days() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.account("Alice").add(workout(RUN, -24 * HOUR, 300));
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("getworkouts"));
    world.start_exporter().await;
    world.connect("Alice").await;
    check_energy(&world, "run", Some(300.0)).await;
    let since =
        world.calls("getworkouts").iter().map(|call| call.params.get("startdateymd").cloned()).collect::<Vec<_>>();
    assert_eq!(since, [None, Some("2009-01-01".to_owned())]);
}

#[tokio::test(crate = "crate::paused")]
async fn only_days_that_can_be_the_present_one_are_asked_for() {
    let (world, _) = connected(Zone::known("Asia/Tokyo")).await;
    let [call] = &world.calls("getactivity")[..] else { panic!() };
    let day = |name: &str| call.params[name].clone();
    assert_eq!([day("startdateymd"), day("enddateymd")], ["2026-11-21", "2026-11-23"]);
    assert!(!call.params.contains_key("lastupdate"));
}

#[tokio::test(crate = "crate::paused")]
async fn a_device_that_was_given_away_is_gone_within_the_hour_and_so_is_a_goal() {
    let mut world = World::with_accounts(&["Alice"]).await;
    let alice = world.account("Alice");
    let seen = Device { battery: "medium".to_owned(), last_session: Some(1_795_000_000), ..(*watch()).clone() };
    let mat = Device::new("Sleep Monitor", "", 63, "cd34");
    alice.edit(|person| {
        person.devices = vec![Arc::new(seen), Arc::new(mat)];
        person.goals = Goals { steps: Some(10_000), sleep: None, weight: Some(70_500) };
    });
    world.start_exporter().await;
    world.connect("Alice").await;
    world.until_measured("Alice", "device_info").await;
    let device = [
        "withings_device_info{profile=\"Alice\",device=\"ab12\",category=\"Activity Tracker\",model=\"ScanWatch 2\"} 1",
        "withings_device_info{profile=\"Alice\",device=\"cd34\",category=\"Sleep Monitor\",model=\"model_63\"} 1",
        "withings_device_battery_state{profile=\"Alice\",device=\"ab12\",withings_device_battery_state=\"high\"} 0",
        "withings_device_battery_state{profile=\"Alice\",device=\"ab12\",withings_device_battery_state=\"medium\"} 1",
        "withings_device_battery_state{profile=\"Alice\",device=\"ab12\",withings_device_battery_state=\"low\"} 0",
        "withings_device_battery_state{profile=\"Alice\",device=\"ab12\",withings_device_battery_state=\"unknown\"} 0",
    ];
    let shown = lines(&world, "withings_device_").await;
    for line in device {
        assert!(shown.iter().any(|row| row == line), "no {line} in {shown:#?}");
    }
    assert_eq!(lines(&world, "withings_device_last_seen").await.len(), 1, "the mat was never seen");
    assert_eq!(world.value("Alice", "goal_steps").await, Some(10_000.0));
    assert_eq!(world.value("Alice", "goal_sleep_duration_seconds").await, None);
    assert_eq!(world.value("Alice", "goal_weight_kg").await, Some(70.5));
    alice.edit(|person| {
        person.devices.remove(0);
        person.goals.weight = None;
    });
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(lines(&world, "withings_device_").await.len(), 5);
    assert_eq!(lines(&world, "withings_goal_").await, ["withings_goal_steps{profile=\"Alice\"} 10000"]);
}
