//! Notifications that arrive, and the calls that they cause.

use std::time::Duration;

use withings_exporter::reading::Attempt;
use withings_exporter::sim::{Failure, Fault};
use withings_exporter::web::Security;

use super::{count, path, post, restart, subscribed, weigh};
use crate::config::write;
use crate::http_client::Connection;
use crate::world::World;

/// Longer than notifications are gathered and asked about, and much shorter than an interval.
const SOON: Duration = Duration::from_secs(45);

/// The calls that were made since there were so many of each, by their actions.
fn calls_since(world: &World, before: usize) -> Vec<String> {
    world.cloud.requests().split_off(before).into_iter().filter_map(|request| request.action).collect()
}

/// Lets a whole round pass, so that the next one is far.
async fn just_polled(world: &World) -> usize {
    world.until_refreshed("Alice").await;
    world.pass(Duration::from_secs(31)).await;
    world.cloud.requests().len()
}

#[tokio::test(crate = "crate::paused")]
async fn a_weigh_in_is_shown_within_seconds() {
    let world = subscribed(&["Alice", "Bob"]).await;
    let before = just_polled(&world).await;
    let began = world.clock.now();
    weigh(&world, 72);
    world.until_shown("Alice", "weight_kg", 72.0).await;
    assert!(world.clock.now() - began < chrono::TimeDelta::seconds(10));
    let asked = calls_since(&world, before);
    assert_eq!(asked, ["getmeas"], "only what the notification tells of, and of nobody else");
    assert_eq!(count(&world, "weight", "followed").await, Some(1.0));
    let deliveries = world.cloud.deliveries();
    assert!(
        matches!(&deliveries[..], [delivery] if delivery.http == Some(200) && delivery.attempt == 1),
        "{deliveries:?}"
    );
    let overview = world.get("/").await.body;
    assert!(overview.contains("<dt>Notifications</dt><dd>last one <time datetime=\"2026-11-22T17:"), "{overview}");
}

#[tokio::test(crate = "crate::paused")]
async fn each_kind_of_news_is_asked_for() {
    let world = subscribed(&["Alice"]).await;
    let path = path(&world);
    let activity = ["getactivity", "getintradayactivity", "getworkouts"];
    for (appli, expected) in [
        (4, &["getmeas"][..]),
        (44, &["getsummary", "get"]),
        (16, &activity),
        (54, &["getmeas", "list"]),
        (61, &["list"]),
        (62, &["getmeas", "getintradayactivity"]),
    ] {
        let before = just_polled(&world).await;
        assert_eq!(post(&world, &path, appli, &[]).await.status, 200);
        world.pass(SOON).await;
        assert_eq!(calls_since(&world, before), expected, "{appli}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_flood_makes_one_refresh() {
    let world = subscribed(&["Alice"]).await;
    let path = path(&world);
    let before = just_polled(&world).await;
    let began = world.clock.now();
    let body = format!("userid={}&appli=1&startdate=1&enddate=2", world.account("Alice").userid());
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut connection = Connection::open(world.address()).await;
    for _ in 0..10_000 {
        connection.send(&request).await;
        assert_eq!(connection.answer("POST").await.status, 200);
    }
    world.pass(SOON).await;
    assert_eq!(count(&world, "weight", "followed").await, Some(10_000.0));
    let spans = (world.clock.now() - began).num_seconds() / 30 + 1;
    let asked = calls_since(&world, before).into_iter().filter(|action| action == "getmeas").count();
    assert!(asked >= 1 && asked <= usize::try_from(spans).unwrap(), "{asked} calls in {spans} times 30 seconds");
    assert_eq!(world.sample("withings_up{profile=\"Alice\"}").await, Some(1.0));
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_of_no_use_is_answered_ignored_and_counted() {
    let world = subscribed(&["Alice"]).await;
    let path = path(&world);
    let before = just_polled(&world).await;
    for (fields, kind, outcome) in [
        (&[("userid", "4711"), ("appli", "1")][..], "weight", "unknown_user"),
        (&[("userid", "1001"), ("appli", "98")], "other", "unknown_kind"),
        (&[("userid", "1001"), ("appli", "-1")], "other", "unknown_kind"),
        (&[("userid", "<script>"), ("appli", "1")], "other", "invalid"),
        (&[("appli", "1")], "other", "invalid"),
        (&[("nonsense", "\u{0}")], "other", "invalid"),
    ] {
        let before = count(&world, kind, outcome).await.unwrap_or(0.0);
        assert_eq!(world.post(&path, fields).await.status, 200, "{fields:?}");
        // The counters of a page are up to a second old.
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(count(&world, kind, outcome).await, Some(before + 1.0), "{fields:?}");
    }
    world.pass(SOON).await;
    assert_eq!(calls_since(&world, before), [] as [&str; 0]);
}

#[tokio::test(crate = "crate::paused")]
async fn the_address_answers_the_test_of_it_and_nobody_who_guesses() {
    let mut world = subscribed(&["Alice"]).await;
    let path = path(&world);
    for method in ["HEAD", "GET", "POST"] {
        assert_eq!(world.request(method, &path, "").await.status, 200, "{method}");
    }
    assert_eq!(world.request("PUT", &path, "").await.status, 405);
    assert_eq!(world.post(&path, &[("much", &"x".repeat(9000))]).await.status, 413);
    let almost = &path[..path.len() - 1];
    for wrong in [almost, &format!("{path}/"), &format!("{path}x"), "/webhook", "/webhook/", "/webhook/guess"] {
        for method in ["HEAD", "GET", "POST", "PUT"] {
            assert_eq!(world.request(method, wrong, "").await.status, 404, "{method} {wrong}");
        }
        let nothing = world.get(&wrong.replacen("webhook", "nothing", 1)).await.body;
        assert_eq!(world.get(wrong).await.body, nothing);
    }
    assert!(!world.metrics().await.contains("notifications_total"));
    world.config.webhooks = false;
    restart(&mut world).await;
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test(crate = "crate::paused")]
async fn withings_needs_no_password() {
    let mut world = subscribed(&["Alice"]).await;
    let path = path(&world);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    let hash = bcrypt::hash_with_salt("hush-hush", 4, [7; 16]).unwrap();
    write(&file, &format!("basic_auth_users:\n  prometheus: {hash}\n"));
    world.security = Security::load(&file).unwrap();
    restart(&mut world).await;
    assert_eq!(world.get("/metrics").await.status, 401);
    assert_eq!(world.request("HEAD", &path, "").await.status, 200);
    assert_eq!(post(&world, &path, 50, &[]).await.status, 200);
    world.until_measured("Alice", "in_bed").await;
    assert_eq!(world.get("/webhook/guess").await.body, world.get("/nothing").await.body);
}

#[tokio::test(crate = "crate::paused")]
async fn a_lost_notification_loses_nothing() {
    let world = subscribed(&["Alice"]).await;
    world.cloud.host(super::HOST, ([127, 0, 0, 1], 1).into());
    weigh(&world, 72);
    world.until_shown("Alice", "weight_kg", 72.0).await;
    assert!(world.cloud.deliveries().iter().all(|delivery| delivery.http.is_none()));
}

#[tokio::test(crate = "crate::paused")]
async fn a_notification_shortens_no_pause_of_a_call_that_fails() {
    let world = subscribed(&["Alice"]).await;
    let path = path(&world);
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("getmeas").times(u32::MAX));
    world.until_down("Alice").await;
    // Four full reads after growing pauses have failed as well: the next try is in an hour.
    world.pass(Duration::from_mins(15)).await;
    let before = world.cloud.requests().len();
    for _ in 0..10 {
        post(&world, &path, 1, &[]).await;
        world.pass(SOON).await;
    }
    assert!(!calls_since(&world, before).contains(&"getmeas".to_owned()));
}

#[tokio::test(crate = "crate::paused")]
async fn news_of_the_end_of_a_login_is_looked_at_at_once() {
    let world = subscribed(&["Alice"]).await;
    just_polled(&world).await;
    let began = world.clock.now();
    world.account("Alice").revoke();
    world.until("Alice", |snapshot| !snapshot.authorized()).await;
    assert!(world.clock.now() - began < chrono::TimeDelta::seconds(20));
    world
        .until("Alice", |snapshot| snapshot.calls.values().any(|call| matches!(call.latest, Attempt::Failed(_))))
        .await;
    assert_eq!(count(&world, "account", "followed").await, Some(1.0));
}
