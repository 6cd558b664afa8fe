//! What survives a restart: values, logins, logins under way, and any name.

use std::fs;
use std::time::Duration;

use withings_exporter::sim::{Failure, Fault, Measure, MeasureGroup, Request, Rotation};

use crate::world::World;

/// Alice with a weight of 72 kg, connected.
async fn alice() -> World {
    let world = World::connected(&["Alice"]).await;
    weigh(&world, "Alice", 72);
    world.until_shown("Alice", "weight_kg", 72.0).await;
    world
}

fn weigh(world: &World, name: &str, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account(name).add(MeasureGroup::new(world.clock.unix(), [weight]));
}

async fn restart(world: &mut World, after: Duration) {
    world.stop_exporter().await;
    world.clock.advance(after);
    world.start_exporter().await;
}

/// The refreshes of tokens.
fn rotations(world: &World) -> Vec<Request> {
    let is_rotation = |request: &Request| request.params.get("grant_type").is_some_and(|kind| kind == "refresh_token");
    world.calls("requesttoken").into_iter().filter(is_rotation).collect()
}

async fn check(world: &World, series: &str, expected: Option<f64>) {
    assert_eq!(world.sample(series).await, expected, "{series}");
}

#[tokio::test(crate = "crate::paused")]
async fn the_last_values_are_there_at_once_after_a_restart_also_without_the_cloud() {
    let mut world = alice().await;
    // The other calls of the refresh that has brought the weight.
    world.pass(Duration::from_secs(10)).await;
    let last_success = "withings_exporter_refresh_last_success_timestamp_seconds{profile=\"Alice\",call=\"getmeas\"}";
    let succeeded_at = world.sample(last_success).await;
    assert!(succeeded_at.is_some());
    world.stop_cloud().await;
    // Nothing is due yet.
    restart(&mut world, Duration::from_secs(30)).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    check(&world, "withings_up{profile=\"Alice\"}", None).await;
    world.until_down("Alice").await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    check(&world, last_success, succeeded_at).await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_browser_that_has_seen_the_overview_is_known_after_a_restart() {
    let mut world = World::connected(&["Alice"]).await;
    let before = world.get("/").await.header("set-cookie").unwrap().to_owned();
    restart(&mut world, Duration::ZERO).await;
    assert_eq!(world.get("/").await.header("set-cookie"), Some(before.as_str()));
}

#[tokio::test(crate = "crate::paused")]
async fn after_a_restart_only_changes_are_asked_for() {
    let mut world = alice().await;
    let before = world.calls("getmeas").len();
    weigh(&world, "Alice", 71);
    restart(&mut world, Duration::from_mins(10)).await;
    world.until_shown("Alice", "weight_kg", 71.0).await;
    let calls = world.calls("getmeas").split_off(before);
    assert!(calls.iter().all(|call| call.params.contains_key("lastupdate")), "{calls:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn an_access_token_that_lapsed_while_nothing_ran_is_refreshed_once_for_all_calls() {
    let mut world = alice().await;
    restart(&mut world, Duration::from_hours(4)).await;
    world.until_up("Alice").await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
    assert_eq!(rotations(&world).len(), 1);
    assert!(world.cloud.requests().iter().all(|request| request.status.unwrap_or(0) == 0), "a dead token was tried");
}

/// Days of rotations, with a restart, and no login is lost nor any token tried twice.
async fn check_rotations(rotation: Rotation) {
    let mut world = alice().await;
    world.cloud.rotation(rotation);
    world.config.refresh_interval = Duration::from_mins(30);
    restart(&mut world, Duration::from_secs(30)).await;
    for _ in 0..18 {
        world.skip(Duration::from_hours(3)).await;
    }
    restart(&mut world, Duration::from_hours(6)).await;
    for _ in 0..9 {
        world.skip(Duration::from_hours(3)).await;
    }
    world.until_refreshed("Alice").await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
    check(&world, "withings_up{profile=\"Alice\"}", Some(1.0)).await;
    let rotations = rotations(&world);
    assert!(rotations.len() >= 24, "{}", rotations.len());
    assert!(rotations.iter().all(|call| call.status == Some(0)), "{rotations:?}");
    assert_eq!(world.account("Alice").live_tokens().refresh, 1);
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_lasts_for_days() {
    check_rotations(Rotation::Grace).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_lasts_for_days_where_a_used_refresh_token_is_fatal() {
    check_rotations(Rotation::Strict).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_restart_between_a_new_token_and_its_first_use_costs_no_login() {
    for rotation in [Rotation::Grace, Rotation::Strict] {
        let mut world = alice().await;
        world.cloud.rotation(rotation);
        let data = ["getmeas", "getsummary", "get"];
        for action in data {
            world.cloud.fault(Fault::new(Failure::Http(502)).on(action).times(u32::MAX));
        }
        restart(&mut world, Duration::from_hours(4)).await;
        world.until_down("Alice").await;
        assert_eq!(rotations(&world).len(), 1);
        restart(&mut world, Duration::from_hours(4)).await;
        world.until_down("Alice").await;
        world.cloud.heal();
        world.until_up("Alice").await;
        check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_mistyped_client_secret_costs_no_login() {
    let mut world = alice().await;
    let secret = std::mem::replace(&mut world.config.client_secret, "mistyped".into());
    restart(&mut world, Duration::from_hours(4)).await;
    world.until("Alice", |snapshot| !snapshot.authorized()).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    world.config.client_secret = secret;
    restart(&mut world, Duration::from_secs(30)).await;
    world.until_up("Alice").await;
    check(&world, "withings_authorized{profile=\"Alice\"}", Some(1.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_disk_that_fails_for_a_while_costs_no_login() {
    let world = alice().await;
    let (logins, aside) = (world.disk.path().join("logins"), world.disk.path().join("aside"));
    world.pass(Duration::from_mins(170)).await;
    fs::rename(&logins, &aside).unwrap();
    fs::File::create(&logins).unwrap();
    world.until_down("Alice").await;
    world.pass(Duration::from_mins(30)).await;
    assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    assert!(rotations(&world).is_empty(), "a pair was asked for that cannot be stored");
    fs::remove_file(&logins).unwrap();
    fs::rename(&aside, &logins).unwrap();
    world.until_up("Alice").await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_was_begun_before_a_restart_is_finished_after_it() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.start_exporter().await;
    let callback = world.consent("Alice", &world.account("Alice")).await;
    restart(&mut world, Duration::from_secs(5)).await;
    assert_eq!(world.get(&callback).await.status, 200);
    world.until_up("Alice").await;
}

#[tokio::test(crate = "crate::paused")]
async fn the_stored_values_of_another_person_are_never_shown() {
    let mut world = alice().await;
    world.stop_exporter().await;
    fs::remove_dir_all(world.disk.path().join("logins")).unwrap();
    world.start_exporter().await;
    let stranger =
        world.cloud.add_person(withings_exporter::sim::Person::new(7, "Carol", withings_exporter::zone::Zone::UTC));
    world.log_in("Alice", &stranger).await;
    world.until_up("Alice").await;
    assert_eq!(world.value("Alice", "weight_kg").await, None);
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_may_have_any_name() {
    let long = "Ω".repeat(200);
    let names = ["Zoë \"Z\" \\ O'Neil", "../x", &long];
    let mut world = World::connected(&names).await;
    for (kilograms, name) in (61..).zip(names) {
        weigh(&world, name, kilograms);
        world.until_measured(name, "weight_kg").await;
    }
    restart(&mut world, Duration::from_mins(1)).await;
    let text = world.metrics().await;
    let openmetrics = world.request("GET", "/metrics", "Accept: application/openmetrics-text\r\n").await;
    assert!(openmetrics.body.ends_with("# EOF\n"));
    for (kilograms, name) in (61..).zip(["Zoë \\\"Z\\\" \\\\ O'Neil", "../x", &long]) {
        let line = format!("withings_weight_kg{{profile=\"{name}\"}} {kilograms}\n");
        for page in [&text, &openmetrics.body] {
            assert!(page.contains(&line), "{line} is missing in\n{page}");
        }
    }
    for folder in ["logins", "readings"] {
        let files = fs::read_dir(world.disk.path().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let stored = files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).count();
        assert_eq!(stored, names.len(), "a name led out of {folder}");
    }
    world.until_up(names[0]).await;
}
