//! Refusals of the token endpoint: they cost time, and no login.

use std::time::Duration;

use futures_util::future::{join, pending};
use tokio::sync::oneshot;
use withings_exporter::sim::{Failure, Fault};
use withings_exporter::storage::{Class, Login, NotRefreshed, RotateError, Turn};
use withings_exporter::withings::calls::{DataCall, Getmeas};
use withings_exporter::withings::request::RowSelection;

use super::{heard, is_authorized, refresh_token, token_answers, weigh};
use crate::world::{World, joined};

#[tokio::test(crate = "crate::paused")]
async fn a_token_is_refreshed_ahead_of_its_end_so_that_none_is_ever_refused() {
    let world = World::connected(&["Alice"]).await;
    world.pass(Duration::from_hours(24)).await;
    assert!(world.cloud.requests().iter().all(|request| request.status.is_none_or(|status| status == 0)));
    let refreshes = token_answers(&world).len() - 1;
    assert!((8..=9).contains(&refreshes), "{refreshes} in a day");
}

#[tokio::test(crate = "crate::paused")]
async fn a_token_that_has_lapsed_at_the_start_is_refreshed_before_anything_is_asked() {
    let mut world = World::connected(&["Alice"]).await;
    world.stop_exporter().await;
    world.pass(Duration::from_hours(30 * 24)).await;
    let before = world.cloud.requests().len();
    world.start_exporter().await;
    world.until_up("Alice").await;
    assert!(is_authorized(&world, "Alice").await);
    let calls = world.cloud.requests().split_off(before);
    assert_eq!(calls[0].action.as_deref(), Some("requesttoken"));
    assert!(calls.iter().all(|call| call.status == Some(0)), "{calls:#?}");
}

#[tokio::test(crate = "crate::paused")]
async fn an_answer_that_names_nobody_is_of_the_person_whose_token_it_was() {
    let world = World::connected(&["Alice"]).await;
    let before = world.stored("Alice").unwrap();
    world.cloud.names_user_in_refreshes(false);
    world.pass(Duration::from_hours(4)).await;
    let after = world.stored("Alice").unwrap();
    assert_eq!((after.version, &after.user_id), (before.version + 1, &before.user_id));
    assert!(is_authorized(&world, "Alice").await);
}

#[tokio::test(crate = "crate::paused")]
async fn a_token_is_used_for_a_minute_however_short_its_life_is_said_to_be() {
    let world = World::connected(&["Alice"]).await;
    world.pass(Duration::from_mins(170)).await;
    for seconds in [1, 30, 59, 299] {
        world.cloud.announced_lifetime(seconds);
        let mut calls = world.cloud.listen();
        heard(&mut calls, "requesttoken").await;
        heard(&mut calls, "getmeas").await;
        let rotations = token_answers(&world).len();
        for day in 1..5 {
            world.pass(Duration::from_secs(11)).await;
            let rows = RowSelection::ChangedSince(world.clock.unix() - day * 86_400);
            world.caller("Alice").rows::<Getmeas>(&Getmeas::request(rows)).await.unwrap();
            assert_eq!(token_answers(&world).len(), rotations, "{seconds}");
        }
        world.pass(Duration::from_mins(2)).await;
    }
}

/// Lets at least three refreshes go wrong in a row and expects that the login is kept, on disk as it was.
async fn check_waited_out(fault: Fault) {
    let world = World::connected(&["Alice"]).await;
    weigh(&world, "Alice", 72);
    world.until_shown("Alice", "weight_kg", 72.0).await;
    world.pass(Duration::from_mins(165)).await;
    let before = world.stored("Alice").unwrap();
    world.cloud.fault(fault.clone().on("requesttoken").times(u32::MAX));
    let mut calls = world.cloud.listen();
    for _ in 0..3 {
        heard(&mut calls, "requesttoken").await;
        // Longer than a request may take.
        world.pass(Duration::from_secs(31)).await;
        let stored = world.stored("Alice").unwrap();
        assert_eq!((stored.version, refresh_token(&stored)), (before.version, refresh_token(&before)), "{fault:?}");
        assert!(is_authorized(&world, "Alice").await, "{fault:?}");
        assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
    }
    world.cloud.heal();
    weigh(&world, "Alice", 71);
    world.until_shown("Alice", "weight_kg", 71.0).await;
    world.until_up("Alice").await;
    assert_eq!(world.stored("Alice").unwrap().version, before.version + 1);
}

#[tokio::test(crate = "crate::paused")]
async fn a_refresh_that_fails_is_waited_out_and_overwrites_nothing() {
    let failures = [
        Failure::Http(502),
        Failure::InvalidParams,
        Failure::TooManyRequests { wait_seconds: Some(68) },
        Failure::TooManyRequests { wait_seconds: None },
        Failure::SameArguments { wait_seconds: 188 },
    ];
    for failure in failures {
        check_waited_out(Fault::new(failure)).await;
    }
    // Withings has made the pair, and nobody hears of it.
    check_waited_out(Fault::delay(Duration::from_mins(2))).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_wrong_client_secret_costs_patience_but_no_login() {
    let mut world = World::connected(&["Alice"]).await;
    let right = world.config.client_secret.clone();
    world.stop_exporter().await;
    world.pass(Duration::from_hours(3)).await;
    world.config.client_secret = "a typo".into();
    let before = world.calls("requesttoken").len();
    world.start_exporter().await;
    world.pass(Duration::from_hours(14)).await;
    assert!(!is_authorized(&world, "Alice").await);
    let tries = world.calls("requesttoken").split_off(before);
    let pauses: Vec<_> = tries.windows(2).map(|pair| (pair[1].time - pair[0].time).num_minutes()).collect();
    assert_eq!(pauses, [10, 60, 360, 360]);
    world.stop_exporter().await;
    world.config.client_secret = right;
    let restarted_at = world.clock.unix();
    world.start_exporter().await;
    world.until_up("Alice").await;
    assert!(is_authorized(&world, "Alice").await);
    let waited = world.clock.unix() - restarted_at;
    assert!(waited < 10, "tried {waited} s after a restart");
}

#[tokio::test(crate = "crate::paused")]
async fn a_refused_refresh_is_not_repeated_at_once_by_the_other_calls() {
    let world = World::connected(&["Alice"]).await;
    world.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken").times(u32::MAX));
    world.pass(Duration::from_hours(4)).await;
    let tries = world.calls("requesttoken");
    let pauses = tries.windows(2).map(|pair| (pair[1].time - pair[0].time).num_seconds());
    let shortest = pauses.min().unwrap();
    assert!(shortest > 10, "again after {shortest} s, and Withings refuses the same call within 10 s");
    assert!(tries.len() < 60, "{} times in an hour", tries.len());
}

/// Each look at it would take a turn from those whose tokens live.
#[tokio::test(crate = "crate::paused")]
async fn a_refresh_that_another_process_makes_is_waited_for_without_a_turn() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.config.refresh_interval = Duration::from_hours(12);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.pass(Duration::from_mins(179)).await;
    world.config.requests_per_minute = 2.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
    let beside = joined(world.disk.path(), world.clock.clone());
    beside.set_rate(2);
    let version = world.stored("Alice").unwrap().version;
    let (asked, is_asked) = oneshot::channel();
    let ask = move |_: Login| {
        asked.send(()).unwrap();
        pending::<Result<_, NotRefreshed<()>>>()
    };
    let rotation = tokio::spawn(async move { beside.rotate(&"Alice".into(), version, ask).await });
    is_asked.await.unwrap();
    let caller = world.caller("Alice");
    let request = Getmeas::request(RowSelection::ChangedSince(1));
    let call = tokio::spawn(async move { caller.rows::<Getmeas>(&request).await.map(drop) });
    world.pass(Duration::from_secs(25)).await;
    let other = joined(world.disk.path(), world.clock.clone());
    other.set_rate(2);
    assert_eq!(other.permit(Class::Data).await, Turn::Granted(Duration::ZERO));
    assert!(matches!(rotation.await.unwrap(), Err(RotateError::TimedOut)));
    call.await.unwrap().unwrap();
    assert_eq!(world.stored("Alice").unwrap().version, version + 1);
}

#[tokio::test(crate = "crate::paused")]
async fn a_call_that_waited_for_its_turn_is_not_repeated_too_soon_either() {
    let world = World::connected(&["Alice"]).await;
    world.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(30) }).on("getmeas"));
    world.cloud.fault(Fault::new(Failure::InvalidToken).on("getmeas"));
    let caller = world.caller("Alice");
    let requests = [1, 2].map(|at| Getmeas::request(RowSelection::ChangedSince(at)));
    let (one, other) = join(caller.rows::<Getmeas>(&requests[0]), caller.rows::<Getmeas>(&requests[1])).await;
    // Whichever is first meets the limit.
    let (limited, waited) = if one.is_err() { (one, other) } else { (other, one) };
    assert!(limited.is_err());
    waited.unwrap();
}
