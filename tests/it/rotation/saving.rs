//! A new pair on its way to the disk, and the old refresh token beside it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use withings_exporter::sim::{Failure, Fault, Request, Rotation};
use withings_exporter::withings::calls::{DataCall, Getmeas};
use withings_exporter::withings::request::RowSelection;

use super::{heard, is_authorized, next_heard, previous_token, refresh_token, token_answers};
use crate::http_client::Connection;
use crate::world::{DATA_ACTIONS, World};

/// Alice's exporter, two minutes before the refresh that comes ahead of the token's end, and the requests to the cloud.
async fn before_a_rotation() -> (World, Receiver<Request>) {
    let world = World::connected(&["Alice"]).await;
    world.pass(Duration::from_mins(173)).await;
    let calls = world.cloud.listen();
    (world, calls)
}

/// The same after the pair has come and could not be saved.
async fn with_an_unsaved_pair() -> (World, Receiver<Request>) {
    let (world, mut calls) = before_a_rotation().await;
    world.cloud.fault(Fault::delay(Duration::from_secs(5)).on("requesttoken"));
    heard(&mut calls, "requesttoken").await;
    world.break_disk();
    world.pass(Duration::from_mins(20)).await;
    (world, calls)
}

fn fail_data_calls(world: &World, failure: Failure) {
    for action in DATA_ACTIONS {
        world.cloud.fault(Fault::new(failure).on(action).times(u32::MAX));
    }
}

/// Uses a refresh token elsewhere, as a request does that was late on its way.
async fn refresh_elsewhere(world: &World, token: &str) {
    let path = format!(
        "/v2/oauth2?action=requesttoken&grant_type=refresh_token&client_id=the-app&client_secret=secret-of-the-app\
         &refresh_token={token}"
    );
    let answer = Connection::open(world.cloud_address()).await.request("GET", &path, "").await;
    assert!(answer.body.contains("\"status\":0"), "{}", answer.body);
}

/// The refresh token that the disk should have.
fn latest(world: &World) -> String {
    world.account("Alice").latest_refresh_token().unwrap()
}

#[tokio::test(crate = "crate::paused")]
async fn a_pair_is_on_disk_before_its_first_use_and_the_old_token_beside_it_until_then() {
    let (world, mut calls) = before_a_rotation().await;
    let old = latest(&world);
    heard(&mut calls, "requesttoken").await;
    next_heard(&mut calls).await;
    let stored = world.stored("Alice").unwrap();
    assert_eq!(refresh_token(&stored), latest(&world));
    assert_eq!(previous_token(&stored), Some(old.as_str()));
    world.until_refreshed("Alice").await;
    let stored = world.stored("Alice").unwrap();
    assert_eq!(refresh_token(&stored), latest(&world));
    assert_eq!(previous_token(&stored), None);
}

#[tokio::test(crate = "crate::paused")]
async fn an_answer_that_says_nothing_about_the_new_token_keeps_the_old_one() {
    for failure in [Failure::Http(502), Failure::InvalidToken, Failure::TooManyRequests { wait_seconds: Some(30) }] {
        let (world, mut calls) = before_a_rotation().await;
        let old = latest(&world);
        fail_data_calls(&world, failure);
        heard(&mut calls, "requesttoken").await;
        next_heard(&mut calls).await;
        world.pass(Duration::from_secs(1)).await;
        let stored = world.stored("Alice").unwrap();
        // A token that is refused is refreshed once more, by the new refresh token, which lives until its successor is
        // used.
        let is_alive = failure == Failure::InvalidToken && previous_token(&stored).is_some();
        assert!(is_alive || previous_token(&stored) == Some(old.as_str()), "{failure:?}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn the_old_token_saves_a_login_whose_new_pair_died_unused() {
    let (world, mut calls) = before_a_rotation().await;
    let old = latest(&world);
    fail_data_calls(&world, Failure::Http(502));
    heard(&mut calls, "requesttoken").await;
    // Withings refuses the same call within 10 s.
    world.pass(Duration::from_secs(10)).await;
    refresh_elsewhere(&world, &old).await;
    heard(&mut calls, "requesttoken").await;
    world.pass(Duration::from_secs(10)).await;
    let before = token_answers(&world).len();
    world.cloud.heal();
    heard(&mut calls, "requesttoken").await;
    heard(&mut calls, "requesttoken").await;
    next_heard(&mut calls).await;
    assert_eq!(token_answers(&world)[before..], [Some(503), Some(0)], "the new token once, then the old one once");
    let stored = world.stored("Alice").unwrap();
    assert_eq!(refresh_token(&stored), latest(&world));
    assert_eq!(previous_token(&stored), Some(old.as_str()), "the one of the two that is alive until the first use");
    world.until_up("Alice").await;
    assert!(is_authorized(&world, "Alice").await);
}

#[tokio::test(crate = "crate::paused")]
async fn a_pair_that_cannot_be_saved_is_kept_unused_and_saved_as_soon_as_the_disk_works() {
    let (world, mut calls) = with_an_unsaved_pair().await;
    assert_eq!(calls.try_recv().unwrap_err(), TryRecvError::Empty, "nothing is asked of Withings meanwhile");
    assert!(is_authorized(&world, "Alice").await);
    world.mend_disk();
    assert_ne!(refresh_token(&world.stored("Alice").unwrap()), latest(&world));
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(refresh_token(&world.stored("Alice").unwrap()), latest(&world));
    let before = token_answers(&world).len();
    world.until_refreshed("Alice").await;
    world.until_up("Alice").await;
    assert_eq!(token_answers(&world).len(), before, "the saved pair is used");
}

#[tokio::test(crate = "crate::paused")]
async fn a_pair_that_could_not_be_saved_is_saved_at_the_latest_at_the_end() {
    let (mut world, _calls) = with_an_unsaved_pair().await;
    world.cloud.rotation(Rotation::Strict);
    world.mend_disk();
    world.stop_exporter().await;
    assert_eq!(refresh_token(&world.stored("Alice").unwrap()), latest(&world));
    world.start_exporter().await;
    world.until_up("Alice").await;
    assert!(is_authorized(&world, "Alice").await);
}

/// Lets eight calls find the token useless at once, and expects that all of them work after one refresh.
async fn check_one_refresh(expire: impl AsyncFn(&World)) {
    let mut world = World::with_accounts(&["Alice"]).await;
    // Nothing but these calls looks at the token.
    world.config.refresh_interval = Duration::from_hours(24);
    world.start_exporter().await;
    world.connect("Alice").await;
    expire(&world).await;
    let before = token_answers(&world).len();
    let caller = world.caller("Alice");
    let requests: Vec<_> = (1..=8).map(|at| Getmeas::request(RowSelection::ChangedSince(at))).collect();
    let outcomes = join_all(requests.iter().map(|request| caller.rows::<Getmeas>(request))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{:?}", outcomes.into_iter().find_map(Result::err));
    assert_eq!(token_answers(&world)[before..], [Some(0)]);
    assert!(world.cloud.requests().iter().all(|request| request.status != Some(601)), "repeated too soon");
}

#[tokio::test(crate = "crate::paused")]
async fn many_calls_that_find_the_token_at_its_end_make_one_refresh() {
    check_one_refresh(async |world: &World| world.pass(Duration::from_hours(3)).await).await;
}

#[tokio::test(crate = "crate::paused")]
async fn many_calls_whose_token_is_refused_make_one_refresh() {
    let refuse = async |world: &World| world.cloud.fault(Fault::new(Failure::InvalidToken).on("getmeas").times(8));
    check_one_refresh(refuse).await;
}
