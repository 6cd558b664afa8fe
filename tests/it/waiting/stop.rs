//! The end of the program, and a reload, while the exporter waits.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;
use withings_exporter::sim::{Fault, Limits};

use super::beside::Beside;
use super::{Trouble, befall, short_lived, stored_file, weigh};
use crate::program::fed;
use crate::webhooks::subscribed_to;
use crate::world::World;

/// How long an end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// How long a reload may take.
const RELOADS_WITHIN: Duration = Duration::from_secs(5);

/// How long the end of a program may take on a slow machine.
const PROGRAM_ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Expects that the exporter ends in time in this trouble, and that its login is still there.
async fn check_end(trouble: Trouble) {
    let mut world = short_lived().await;
    befall(&world, trouble).await;
    let began = Instant::now();
    world.stop_exporter().await;
    let took = began.elapsed();
    assert!(took <= ENDS_WITHIN, "the end took {took:?}");
    assert!(stored_file(&world, "logins", "Alice").exists());
}

/// Expects that a reload is answered in time, done or not.
async fn check_reload(world: &World) {
    let began = Instant::now();
    let answer = world.reload().await;
    let took = began.elapsed();
    assert!(took <= RELOADS_WITHIN, "the reload took {took:?}");
    assert!([200, 503].contains(&answer.status), "{answer:?}");
}

/// The same with a profile less and an exporter in this trouble.
async fn check_troubled_reload(trouble: Trouble) {
    for profiles in [&["Alice", "Bob"][..], &["Alice"]] {
        let mut world = short_lived().await;
        befall(&world, trouble).await;
        world.config.profiles = profiles.iter().map(|profile| (*profile).into()).collect();
        check_reload(&world).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn an_end_does_not_wait_for_a_pause() {
    check_end(Trouble::Pause).await;
}

#[tokio::test(crate = "crate::paused")]
async fn an_end_does_not_wait_for_a_token_that_withings_does_not_give() {
    check_end(Trouble::Hang).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_does_not_wait_for_a_pause() {
    check_troubled_reload(Trouble::Pause).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_does_not_wait_for_a_token_that_withings_does_not_give() {
    check_troubled_reload(Trouble::Hang).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_reload_does_not_wait_until_the_subscriptions_of_who_left_are_taken_back() {
    let mut world = subscribed_to(&["Alice", "Bob"], |_| {}).await;
    world.cloud.fault(Fault::delay(Duration::from_hours(1)).on("list").times(u32::MAX));
    world.config.profiles = ["Alice"].map(Into::into).into();
    check_reload(&world).await;
}

/// Replaces this file by a pipe: opening it waits for ever.
fn block(file: &Path) {
    let pipe = file.with_extension("pipe");
    let made = fed(Command::new("mkfifo").arg(&pipe), b"");
    assert!(made.status.success(), "{made:?}");
    fs::rename(pipe, file).unwrap();
}

/// Expects scrapes and an end of the program while Alice's file in this folder cannot be read.
async fn check_blocked(folder: &str) {
    let mut world = World::in_real_time(&["Alice"]).await;
    world.cloud.limits(Limits::OFF);
    world.config.requests_per_minute = 6000.try_into().unwrap();
    weigh(&world, "Alice", 72);
    world.start_exporter().await;
    world.connect_in_real_time("Alice").await;
    world.stop_exporter().await;
    let mut program = Beside::serve(&world);
    program.until_line("withings_weight_kg{profile=\"Alice\"} 72").await;
    block(&stored_file(&world, folder, "Alice"));
    // Longer than the stored logins are left alone.
    let (began, before) = (world.clock.unix(), world.cloud.requests().len());
    let is_later = || world.clock.unix() - began > 6 && (folder == "logins" || world.cloud.requests().len() > before);
    super::until(&world, "a look at the disk", async || is_later()).await;
    let weight = program.line("withings_weight_kg{profile=\"Alice\"}");
    let weight = tokio::time::timeout(RELOADS_WITHIN, weight).await.expect("a scrape is answered");
    assert_eq!(weight.as_deref(), Some("72"));
    program.signal(Signal::TERM);
    assert!(program.ended_within(PROGRAM_ENDS_WITHIN).await.is_some(), "it does not end");
}

#[tokio::test]
async fn the_program_ends_while_a_stored_login_cannot_be_read() {
    check_blocked("logins").await;
}

#[tokio::test]
async fn the_program_ends_while_stored_readings_cannot_be_read() {
    check_blocked("readings").await;
}
