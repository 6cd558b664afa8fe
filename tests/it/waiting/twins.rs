//! Two profiles of one person: only one of them is shown, whatever becomes of the other's login.

use std::time::Duration;

use withings_exporter::sim::Cloud;

use super::{check_within, delete_stored, is_authorized, rewrite, stored_file};
use crate::world::World;

/// How long nothing may change: two refreshes of each profile.
const WATCHED: Duration = Duration::from_mins(11);

/// Mum and Ma, who are both Alice. Ma has logged in last and is shown.
async fn twins() -> World {
    let mut world = World::start(&["Mum"], |clock| Cloud::with_history(7, 1, clock)).await;
    log_in(&world, "Mum").await;
    configure(&mut world, &["Ma"]).await;
    log_in(&world, "Ma").await;
    configure(&mut world, &["Mum", "Ma"]).await;
    super::until(&world, "Ma is shown", async || is_shown(&world, "Ma").await).await;
    assert!(!is_shown(&world, "Mum").await);
    world
}

async fn configure(world: &mut World, profiles: &[&str]) {
    world.stop_exporter().await;
    world.config.profiles = profiles.iter().map(|profile| (*profile).into()).collect();
    world.start_exporter().await;
}

async fn log_in(world: &World, profile: &str) {
    assert_eq!(world.log_in(profile, &world.account("Alice")).await.status, 200);
    world.until_up(profile).await;
}

async fn is_shown(world: &World, profile: &str) -> bool {
    is_authorized(world, profile).await && world.value(profile, "weight_kg").await.is_some()
}

#[tokio::test(crate = "crate::paused")]
async fn a_new_version_of_a_twins_login_does_not_let_both_be_shown() {
    let world = twins().await;
    rewrite(&stored_file(&world, "logins", "Mum"), |login| {
        login["version"] = (login["version"].as_u64().unwrap() + 1).into();
    });
    let began = world.clock.now();
    while world.clock.now() - began < chrono::TimeDelta::from_std(WATCHED).unwrap() {
        let passed = (world.clock.now() - began).num_seconds();
        let page = world.metrics().await;
        let is_on_page = |sample: &str| page.contains(&format!("withings_{sample}"));
        assert!(is_on_page("authorized{profile=\"Mum\"} 0\n"), "the twin is used after {passed} s");
        assert!(!is_on_page("weight_kg{profile=\"Mum\"}"), "the twin is shown after {passed} s");
        let is_other_shown = is_on_page("authorized{profile=\"Ma\"} 1\n") && is_on_page("weight_kg{profile=\"Ma\"}");
        assert!(is_other_shown, "the other is not shown after {passed} s");
        world.pass(Duration::from_secs(1)).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_twin_is_used_as_soon_as_the_other_is_forgotten() {
    let world = twins().await;
    delete_stored(&world, "Ma");
    check_within(&world, 5.0, "Ma is gone", async || !is_shown(&world, "Ma").await).await;
    check_within(&world, 5.0, "Mum is used", async || is_authorized(&world, "Mum").await).await;
    check_within(&world, 30.0, "Mum is shown", async || is_shown(&world, "Mum").await).await;
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.sample("withings_up{profile=\"Mum\"}").await, Some(1.0));
}
