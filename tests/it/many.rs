//! Many profiles: spread over the interval, and slowed alike when the budget does not carry them.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Limits, Measure, MeasureGroup, Person};
use withings_exporter::zone::Zone;

use crate::log::Log;
use crate::world::World;

/// An exporter that is about to start, with so many profiles that are logged in and weigh 60 kg and more. Each costs
/// two requests at each interval.
async fn many(profiles: usize) -> World {
    let names: Vec<_> = (0..profiles).map(|number| format!("Person {number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = World::with_accounts(&names).await;
    world.cloud.limits(Limits::OFF);
    world.config.measurements = ["weight_kg", "sleep_state"].into_iter().filter_map(Measurement::by_key).collect();
    world.config.requests_per_minute = 60_000.try_into().unwrap();
    for (kilograms, name) in (60..).zip(&names) {
        let group = MeasureGroup::new(world.clock.unix(), [Measure::new(1, kilograms, 0)]);
        world.account(name).add(group);
    }
    world.start_exporter().await;
    for name in &names {
        world.connect(name).await;
    }
    world.stop_exporter().await;
    world.config.requests_per_minute = 100.try_into().unwrap();
    world
}

/// The seconds, since the first of `requests` on, at which each person was asked for measures.
fn refreshes(world: &World, since: i64) -> BTreeMap<u64, Vec<i64>> {
    let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in world.calls("getmeas").iter().filter(|call| call.time.timestamp() >= since) {
        times.entry(call.user.unwrap()).or_default().push(call.time.timestamp());
    }
    times
}

/// How long the most overdue call has been due, seconds.
async fn lag(world: &World) -> f64 {
    world.sample("withings_exporter_refresh_lag_seconds").await.unwrap()
}

#[tokio::test(crate = "crate::paused")]
async fn two_hundred_are_slowed_alike_and_the_lag_says_so() {
    let mut world = many(200).await;
    world.config.requests_per_minute = 40.try_into().unwrap();
    let log = Log::listen(LevelFilter::WARN);
    world.start_exporter().await;
    let said =
        "200 profiles with a `refresh_interval` of 5m need about 80 requests a minute, and `requests_per_minute` is 40";
    assert_eq!(log.lines().iter().filter(|line| line.contains(said)).count(), 1, "{:#?}", log.lines());
    let page = world.metrics().await;
    let shown = page.lines().filter(|line| line.starts_with("withings_weight_kg{")).count();
    assert_eq!(shown, 200, "stored values are shown at once");
    let began = world.clock.unix();
    world.pass(Duration::from_mins(35)).await;
    // Two requests for each of 200, of which 39 a minute are made.
    let fair = 2.0 * 200.0 / 39.0 * 60.0;
    let refreshes = refreshes(&world, began + 900);
    assert_eq!(refreshes.len(), 200, "nobody starves");
    for times in refreshes.values() {
        for pair in times.windows(2) {
            let interval = (pair[1] - pair[0]) as f64;
            assert!((interval / fair - 1.0).abs() < 0.1, "{interval} s, where {fair} s are fair: {times:?}");
        }
    }
    assert_eq!(world.sample("withings_exporter_refresh_interval_seconds").await, Some(300.0));
    let waits = lag(&world).await;
    assert!(((waits + 300.0) / fair - 1.0).abs() < 0.1, "{waits}");
    world.config.requests_per_minute = 160.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
    world.pass(Duration::from_mins(20)).await;
    assert!(lag(&world).await < 60.0, "{}", lag(&world).await);
}

#[tokio::test(crate = "crate::paused")]
async fn fifty_are_spread_over_the_interval_and_a_start_takes_them_all_at_once() {
    let mut world = many(50).await;
    let log = Log::listen(LevelFilter::WARN);
    world.start_exporter().await;
    let began = world.clock.unix();
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(refreshes(&world, began).len(), 50);
    world.pass(Duration::from_mins(8)).await;
    let from = world.clock.unix();
    world.pass(Duration::from_mins(10)).await;
    let refreshes = refreshes(&world, from);
    assert!(refreshes.len() == 50 && refreshes.values().all(|times| times.len() == 2), "{refreshes:?}");
    let times: Vec<_> = refreshes.into_values().flatten().collect();
    for begin in (from..from + 600).step_by(60) {
        let in_a_minute = times.iter().filter(|time| (begin..begin + 60).contains(time)).count();
        assert!((3..=20).contains(&in_a_minute), "{in_a_minute} of 10 begin within a minute of {begin}");
    }
    assert!(lag(&world).await < 60.0, "{}", lag(&world).await);
    assert!(log.lines().is_empty(), "{:#?}", log.lines());
}

#[tokio::test(crate = "crate::paused")]
async fn who_logs_in_need_not_wait_for_all_the_others() {
    let mut world = many(100).await;
    world.config.requests_per_minute = 10.try_into().unwrap();
    world.config.profiles.push("Zoë".into());
    let zoe = world.cloud.add_person(Person::new(7, "Zoë", Zone::UTC));
    zoe.add(MeasureGroup::new(world.clock.unix(), [Measure::new(1, 59, 0)]));
    world.start_exporter().await;
    world.pass(Duration::from_mins(30)).await;
    let began = world.clock.unix();
    assert_eq!(world.log_in("Zoë", &zoe).await.status, 200);
    world.until_shown("Zoë", "weight_kg", 59.0).await;
    let waited = world.clock.unix() - began;
    assert!(waited <= 60, "{waited} s");
}
