//! Mixed-up logins: a profile is one person, two profiles are two people, and no profile shows another person's values.

use std::fs;
use std::time::Duration;

use withings_exporter::sim::{Account, Cloud, Failure, Fault};
use withings_exporter::storage::{NewConsent, NewLogin};

use crate::http_client::Answer;
use crate::world::{World, joined};

/// An exporter for `profiles` without logins, and the household of the simulated cloud.
async fn household(profiles: &[&str]) -> World {
    World::start(profiles, |clock| Cloud::with_history(7, 1, clock)).await
}

fn account(world: &World, name: &str) -> Account {
    world.cloud.account(name).unwrap()
}

/// Logs the person in and waits for the measurements.
async fn connect(world: &World, profile: &str, person: &str) {
    check_page(&world.log_in(profile, &account(world, person)).await, 200, &[&format!("{profile} is connected")]);
    world.until_up(profile).await;
    assert!(weight(world, profile).await.is_some());
}

/// Restarts the exporter with other names in its configuration.
async fn rename(world: &mut World, profiles: &[&str]) {
    world.stop_exporter().await;
    world.config.profiles = profiles.iter().map(|name| (*name).into()).collect();
    world.start_exporter().await;
}

#[track_caller]
fn check_page(answer: &Answer, status: u16, says: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for text in says {
        assert!(answer.body.contains(text), "{text} is missing in\n{}", answer.body);
    }
}

/// Withings' demo user tried as `profile`.
async fn try_demo(world: &World, profile: &str) -> Answer {
    let callback = world.follow(&format!("/authorize?profile={profile}&mode=demo")).await;
    world.get(&callback).await
}

/// The token against forged requests in a page, which its button sends.
fn confirmation(page: &Answer) -> String {
    page.body.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn weight(world: &World, profile: &str) -> Option<f64> {
    world.sample(&format!("withings_weight_kg{{profile=\"{profile}\"}}")).await
}

async fn is_authorized(world: &World, profile: &str) -> bool {
    world.sample(&format!("withings_authorized{{profile=\"{profile}\"}}")).await == Some(1.0)
}

/// How many values of `profile` are shown.
async fn values(world: &World, profile: &str) -> usize {
    let row = format!("withings_measurement_timestamp_seconds{{profile=\"{profile}\"");
    world.metrics().await.lines().filter(|line| line.starts_with(&row)).count()
}

/// The folders in which something of the person is stored.
fn stored(world: &World, person: &str) -> Vec<&'static str> {
    let mark = format!("\"user_id\":\"{}\"", account(world, person).userid());
    let holds = |folder: &&str| {
        let Ok(files) = fs::read_dir(world.disk.path().join(folder)) else { return false };
        files.into_iter().any(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default().contains(&mark))
    };
    ["logins", "readings"].into_iter().filter(holds).collect()
}

/// Makes every data call of the person fail, so that all values shown were known before.
fn cut_off(world: &World, person: &str) {
    world.cloud.fault(Fault::new(Failure::Http(502)).of(account(world, person).userid()).times(u32::MAX));
}

#[tokio::test(crate = "crate::paused")]
async fn the_person_of_another_profile_is_refused_by_both_names() {
    let world = household(&["Mum", "Dad"]).await;
    connect(&world, "Mum", "Alice").await;
    let shown = weight(&world, "Mum").await;
    let refused = world.log_in("Dad", &account(&world, "Alice")).await;
    check_page(&refused, 409, &["That was Mum", "is connected as Mum, so Dad was left as it was", "private window"]);
    assert!(!refused.body.contains("name=\"replace\""), "one person under two names can be confirmed");
    assert_eq!((is_authorized(&world, "Dad").await, values(&world, "Dad").await), (false, 0));
    assert_eq!((is_authorized(&world, "Mum").await, weight(&world, "Mum").await), (true, shown));
    connect(&world, "Dad", "Bob").await;
}

#[tokio::test(crate = "crate::paused")]
async fn whom_another_process_has_just_logged_in_is_known_at_once() {
    let world = household(&["Mum", "Dad"]).await;
    // The exporter looks every 2 s, and has just looked.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let elsewhere = NewLogin {
        user_id: account(&world, "Alice").userid().to_string(),
        access_token: "a".into(),
        expires_at: world.clock.unix() + 10_800,
        refresh_token: "r".into(),
        scopes: Vec::new(),
    };
    let storage = joined(world.disk.path(), world.clock.clone());
    let consent = NewConsent { profile: "Mum".into(), new: elsewhere, demo: false };
    storage.connect(consent, &world.config.profiles, false).await.unwrap();
    check_page(&world.log_in("Dad", &account(&world, "Alice")).await, 409, &["That was Mum"]);
    check_page(&world.log_in("Mum", &account(&world, "Bob")).await, 409, &["This is another person"]);
}

#[tokio::test(crate = "crate::paused")]
async fn another_person_changes_nothing_until_somebody_confirms_it() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    let shown = weight(&world, "Mum").await;
    let asked = world.log_in("Mum", &account(&world, "Bob")).await;
    check_page(&asked, 409, &["This is another person", "not the one that Mum has had", "Replace the account of Mum"]);
    assert_eq!((is_authorized(&world, "Mum").await, weight(&world, "Mum").await), (true, shown));
    assert_eq!((stored(&world, "Alice"), stored(&world, "Bob")), (vec!["logins", "readings"], vec![]));

    cut_off(&world, "Bob");
    check_page(&world.post("/authorize", &[("replace", &confirmation(&asked))]).await, 200, &["Mum is connected"]);
    world.until("Mum", |snapshot| snapshot.refresh_seconds.is_some() && snapshot.up() == Some(false)).await;
    assert_eq!((is_authorized(&world, "Mum").await, values(&world, "Mum").await), (true, 0), "the former's stay");
    assert_eq!(stored(&world, "Alice"), Vec::<&str>::new());

    world.cloud.heal();
    world.until_up("Mum").await;
    assert_ne!(weight(&world, "Mum").await, shown);
    assert_eq!((stored(&world, "Alice"), stored(&world, "Bob")), (vec![], vec!["logins", "readings"]));
}

#[tokio::test(crate = "crate::paused")]
async fn a_person_is_not_replaced_while_the_readings_cannot_be_deleted() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    let asked = world.log_in("Mum", &account(&world, "Bob")).await;
    let readings = fs::read_dir(world.disk.path().join("readings")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&readings).unwrap();
    fs::create_dir(&readings).unwrap();
    let failed = world.post("/authorize", &[("replace", &confirmation(&asked))]).await;
    check_page(&failed, 500, &["The login could not be stored"]);
    assert_eq!((stored(&world, "Bob"), is_authorized(&world, "Mum").await), (vec![], true));
}

#[tokio::test(crate = "crate::paused")]
async fn a_confirmation_works_once_and_for_10_minutes() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    let asked = world.log_in("Mum", &account(&world, "Bob")).await;
    world.pass(Duration::from_mins(10)).await;
    let late = world.post("/authorize", &[("replace", &confirmation(&asked))]).await;
    check_page(&late, 400, &["This login is over"]);
    check_page(&world.post("/authorize", &[("replace", "guessed")]).await, 400, &["This login is over"]);
    assert_eq!(stored(&world, "Bob"), Vec::<&str>::new());

    let asked = world.log_in("Mum", &account(&world, "Bob")).await;
    world.pass(Duration::from_secs(590)).await;
    check_page(&world.post("/authorize", &[("replace", &confirmation(&asked))]).await, 200, &["Mum is connected"]);
    check_page(&world.post("/authorize", &[("replace", &confirmation(&asked))]).await, 400, &["This login is over"]);
}

#[tokio::test(crate = "crate::paused")]
async fn who_logged_in_elsewhere_meanwhile_cannot_be_confirmed() {
    let world = household(&["Mum", "Dad"]).await;
    connect(&world, "Mum", "Alice").await;
    let asked = world.log_in("Mum", &account(&world, "Bob")).await;
    connect(&world, "Dad", "Bob").await;
    check_page(&world.post("/authorize", &[("replace", &confirmation(&asked))]).await, 409, &["That was Dad"]);
    assert!(is_authorized(&world, "Mum").await && is_authorized(&world, "Dad").await);
}

#[tokio::test(crate = "crate::paused")]
async fn the_same_person_reconnects_and_keeps_the_readings() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    let (shown, number) = (weight(&world, "Mum").await, values(&world, "Mum").await);
    account(&world, "Alice").revoke();
    world.until("Mum", |snapshot| !snapshot.authorized()).await;
    assert_eq!((is_authorized(&world, "Mum").await, weight(&world, "Mum").await), (false, shown));
    check_page(&world.get("/").await, 200, &["Login refused", "no longer accepts this login", ">Reconnect<"]);

    let callback = world.consent("Mum", &account(&world, "Alice")).await;
    world.cloud.fault(Fault::new(Failure::Http(502)).on("getmeas").times(u32::MAX));
    check_page(&world.get(&callback).await, 200, &["Mum is connected"]);
    world.until("Mum", |snapshot| snapshot.authorized() && snapshot.up() == Some(false)).await;
    assert_eq!((weight(&world, "Mum").await, values(&world, "Mum").await), (shown, number));
}

#[tokio::test(crate = "crate::paused")]
async fn a_new_name_takes_nothing_over_and_the_page_names_the_login_that_is_left() {
    let mut world = household(&["Alice"]).await;
    connect(&world, "Alice", "Alice").await;
    rename(&mut world, &["Mum", "Dad"]).await;
    check_page(
        &world.get("/").await,
        200,
        &["Alice, connected since", "withings-exporter forget Alice", "Not connected"],
    );
    assert_eq!((is_authorized(&world, "Mum").await, stored(&world, "Alice")), (false, vec!["logins", "readings"]));
    connect(&world, "Mum", "Alice").await;
    assert!(is_authorized(&world, "Mum").await);
}

#[tokio::test(crate = "crate::paused")]
async fn the_command_that_forgets_takes_a_name_for_no_flag() {
    let mut world = household(&["-Alice B."]).await;
    connect(&world, "-Alice B.", "Alice").await;
    rename(&mut world, &["Mum"]).await;
    check_page(&world.get("/").await, 200, &["<code>withings-exporter forget -- &#39;-Alice B.&#39;</code>"]);
}

#[tokio::test(crate = "crate::paused")]
async fn two_names_with_one_body_at_the_start_are_not_both_shown() {
    let mut world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    rename(&mut world, &["Ma"]).await;
    connect(&world, "Ma", "Alice").await;
    let shown = weight(&world, "Ma").await;
    rename(&mut world, &["Mum", "Ma"]).await;
    world.until_up("Ma").await;
    assert_eq!((is_authorized(&world, "Ma").await, weight(&world, "Ma").await), (true, shown), "the latest consent");
    world.until("Mum", |snapshot| snapshot.up() == Some(false)).await;
    assert_eq!((is_authorized(&world, "Mum").await, values(&world, "Mum").await), (false, 0));
    let page = world.get("/").await;
    check_page(&page, 200, &["same person as Ma", "take one of the two names out of the configuration"]);
    assert!(!page.body.contains("no longer accepts"), "Withings is blamed:\n{}", page.body);

    rename(&mut world, &["Mum"]).await;
    world.until_up("Mum").await;
    assert_eq!(weight(&world, "Mum").await, shown, "the former login was lost");
}

#[tokio::test(crate = "crate::paused")]
async fn the_demo_user_is_marked_and_gives_way_to_a_person_without_asking() {
    let world = household(&["Mum", "Dad"]).await;
    for profile in ["Mum", "Dad"] {
        check_page(&try_demo(&world, profile).await, 200, &["demo user"]);
        world.until_up(profile).await;
    }
    check_page(&world.get("/").await, 200, &["Demo user", "Connect Mum"]);
    let shown = weight(&world, "Mum").await;
    connect(&world, "Mum", "Alice").await;
    assert_ne!(weight(&world, "Mum").await, shown);
}

#[tokio::test(crate = "crate::paused")]
async fn the_demo_user_takes_a_persons_place_only_when_confirmed() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    let shown = weight(&world, "Mum").await;
    let asked = try_demo(&world, "Mum").await;
    check_page(&asked, 409, &["This is another person"]);
    assert_eq!(weight(&world, "Mum").await, shown);
    check_page(&world.post("/authorize", &[("replace", &confirmation(&asked))]).await, 200, &["demo user"]);
    world.until_up("Mum").await;
    assert_ne!(weight(&world, "Mum").await, shown);
    assert_eq!(stored(&world, "Alice"), Vec::<&str>::new());
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_forgotten_right_after_the_login_is_gone_from_the_running_exporter_too() {
    let world = household(&["Mum"]).await;
    connect(&world, "Mum", "Alice").await;
    check_page(&world.log_in("Mum", &account(&world, "Alice")).await, 200, &["Mum is connected"]);
    joined(world.disk.path(), world.clock.clone()).forget("Mum").await.unwrap();
    let noticed = async { world.until("Mum", |snapshot| snapshot.login.is_none()).await };
    tokio::time::timeout(Duration::from_secs(5), noticed).await.unwrap();
    assert_eq!(values(&world, "Mum").await, 0);
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_that_leaves_the_configuration_comes_back_without_a_login() {
    let mut world = household(&["Mum", "Dad"]).await;
    connect(&world, "Mum", "Alice").await;
    connect(&world, "Dad", "Bob").await;
    let shown = weight(&world, "Dad").await;
    rename(&mut world, &["Mum"]).await;
    assert_eq!((values(&world, "Dad").await, stored(&world, "Bob")), (0, vec!["logins", "readings"]));
    world.stop_cloud().await;
    rename(&mut world, &["Mum", "Dad"]).await;
    assert_eq!((is_authorized(&world, "Dad").await, weight(&world, "Dad").await), (true, shown));
}
