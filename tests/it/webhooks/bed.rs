//! `withings_in_bed`, from notifications of a sleep mat.

use std::time::Duration;

use withings_exporter::sim::Cloud;
use withings_exporter::zone::Zone;

use super::{count, path, post, restart, subscribed, subscribed_in};
use crate::world::{World, beginning};

const TIME: &str = "withings_measurement_timestamp_seconds{profile=\"Alice\",measurement=\"in_bed\"}";

/// Waits until this is shown, and expects when it has been measured, in seconds after `began`.
async fn check(world: &World, in_bed: f64, began: i64, after: i64) {
    world.until_shown("Alice", "in_bed", in_bed).await;
    assert_eq!(world.value("Alice", "in_bed").await, Some(in_bed));
    #[expect(clippy::cast_possible_truncation, reason = "times are whole")]
    let at = world.sample(TIME).await.map(|value| value as i64).unwrap();
    // The exporter knows Withings' clock to a second.
    assert!((began + after - 1..=began + after).contains(&at), "{} s after it began", at - began);
}

#[tokio::test(crate = "crate::paused")]
async fn getting_into_bed_and_out_of_it_is_shown_with_its_time() {
    let world = subscribed(&["Alice", "Bob"]).await;
    assert_eq!(world.value("Alice", "in_bed").await, None);
    let (began, alice) = (world.clock.unix(), world.account("Alice"));
    alice.got_in_bed();
    check(&world, 1.0, began, 0).await;
    world.skip(Duration::from_hours(8)).await;
    let up = world.clock.unix();
    alice.got_out_of_bed();
    check(&world, 0.0, up, 0).await;
    assert_eq!(world.value("Bob", "in_bed").await, None);
    assert_eq!(count(&world, "in_bed", "followed").await, Some(1.0));
    assert_eq!(count(&world, "out_of_bed", "followed").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn an_event_counts_by_its_time_and_not_by_its_arrival() {
    let world = subscribed(&["Alice"]).await;
    let (path, began) = (path(&world), world.clock.unix());
    let at = |after: i64| (began + after).to_string();
    post(&world, &path, 51, &[("startdate", &at(-60)), ("deviceid", "mat")]).await;
    check(&world, 0.0, began, -60).await;
    post(&world, &path, 50, &[("startdate", &at(-3600)), ("deviceid", "mat")]).await;
    world.pass(Duration::from_secs(10)).await;
    check(&world, 0.0, began, -60).await;
    post(&world, &path, 50, &[("date", &at(-30)), ("deviceid", "mat")]).await;
    check(&world, 1.0, began, -30).await;
    post(&world, &path, 51, &[("date", "2026-11-22"), ("deviceid", "mat")]).await;
    let arrived = world.clock.unix();
    check(&world, 0.0, arrived, 0).await;
}

/// An event in the future would hide all events until then.
#[tokio::test(crate = "crate::paused")]
async fn an_event_later_than_its_arrival_is_not_believed_and_freezes_nothing() {
    let world = subscribed(&["Alice"]).await;
    let path = path(&world);
    let in_bed = async |is_in: bool, after: i64| {
        let at = (world.clock.unix() + after).to_string();
        post(&world, &path, if is_in { 50 } else { 51 }, &[("startdate", &at), ("deviceid", "mat")]).await;
    };
    let early = "withings_exporter_unknown_values_total{kind=\"event_time\"}";
    let began = world.clock.unix();
    in_bed(true, 0).await;
    check(&world, 1.0, began, 0).await;
    for (refused, after) in [(1.0, 330), (2.0, 23 * 3600), (3.0, 2 * 86_400)] {
        in_bed(false, after).await;
        world.pass(Duration::from_secs(10)).await;
        check(&world, 1.0, began, 0).await;
        assert_eq!(count(&world, "out_of_bed", "invalid").await, Some(refused));
        assert_eq!(world.sample(early).await, Some(refused));
    }
    in_bed(false, 270).await;
    let believed = world.clock.unix();
    check(&world, 0.0, believed, 270).await;
    world.pass(Duration::from_mins(5)).await;
    let up = world.clock.unix();
    in_bed(true, 0).await;
    check(&world, 1.0, up, 0).await;
}

#[tokio::test(crate = "crate::paused")]
async fn it_outlives_a_restart_and_ends_with_webhooks() {
    let mut world = subscribed(&["Alice"]).await;
    let began = world.clock.unix();
    world.account("Alice").got_in_bed();
    check(&world, 1.0, began, 0).await;
    restart(&mut world).await;
    check(&world, 1.0, began, 0).await;
    world.config.webhooks = false;
    restart(&mut world).await;
    assert_eq!(world.value("Alice", "in_bed").await, None);
    assert_eq!(world.sample(TIME).await, None);
}

/// The generated people, as the demo shows them.
#[tokio::test(crate = "crate::paused")]
async fn the_people_of_the_demo_are_in_bed_before_midnight() {
    let dhaka = Zone::known("Asia/Dhaka");
    let world = subscribed_in(&["Alice"], |clock| Cloud::seeded_in(&dhaka, 1, clock), |_| {}).await;
    world.until_shown("Alice", "in_bed", 1.0).await;
    let midnight = dhaka.midnight(dhaka.date(beginning().timestamp()).succ_opt().unwrap());
    assert!(world.clock.unix() < midnight, "{} s after it", world.clock.unix() - midnight);
}

#[tokio::test(crate = "crate::paused")]
async fn nothing_of_the_former_person_stays() {
    let world = subscribed(&["Alice"]).await;
    let began = world.clock.unix();
    world.account("Alice").got_in_bed();
    check(&world, 1.0, began, 0).await;
    world.account("Alice").got_out_of_bed();
    let other = withings_exporter::sim::Person::new(2002, "Carol", Zone::UTC);
    let asked = world.log_in("Alice", &world.cloud.add_person(other)).await;
    let confirmation = asked.body.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(world.post("/authorize", &[("replace", confirmation)]).await.status, 200);
    world.until_up("Alice").await;
    world.pass(Duration::from_mins(1)).await;
    assert_eq!(world.value("Alice", "in_bed").await, None);
}
