//! Claims: what they keep apart, what ends them, and what they must not lose.

use std::time::Duration;

use chrono::DateTime;
use futures_util::FutureExt;
use tokio::time::Instant;
use withings_exporter::catalogue::Call;
use withings_exporter::clock::Clock;
use withings_exporter::storage::{CallPlan, SaveError, StoredState};

use super::planned::{claimed, finish, much_later, plan, plan_new_login, plan_reload};
use super::{Place, connect};

pub(super) fn clock() -> Clock {
    Clock::frozen(DateTime::from_timestamp(1000, 0).unwrap())
}

#[tokio::test]
async fn a_claim_that_has_ended_stores_nothing() {
    for place in Place::both().await {
        let (storage, beside) = (place.open(&clock()).await, place.beside(&clock()).await);
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let held = claimed(&storage).await;
        connect(&storage, "Alice").await;
        plan_new_login(&storage, "Alice").await;
        assert!(matches!(storage.save(&held, StoredState::of("Alice")).await, Err(SaveError::Superseded)));
        let held = claimed(&storage).await;
        assert!(storage.renew(&held).await);
        beside.forget("Alice").await.unwrap();
        assert!(matches!(storage.save(&held, StoredState::of("Alice")).await, Err(SaveError::Superseded)));
        assert_eq!(storage.load("Alice").await.unwrap().user_id, None, "a forgotten profile must not come back");
    }
}

#[tokio::test]
async fn who_gives_up_waiting_for_a_claim_loses_nothing() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        // It is asked for, and the answer is not waited for.
        let claim = match storage.claim().now_or_never() {
            Some(claim) => claim,
            None => claimed(&storage).await,
        };
        assert_eq!(&*claim.profile, "Alice");
    }
}

#[tokio::test]
async fn news_that_comes_while_the_call_is_made_is_not_lost() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let held = claimed(&storage).await;
        storage.mark("Alice", &[Call::Getmeas]).await.unwrap();
        finish(&storage, held).await;
        let marked = claimed(&storage).await;
        assert_eq!(marked.calls, [Call::Getmeas]);
        finish(&storage, marked).await;
        storage.mark("Nobody", &[Call::Getmeas]).await.unwrap();
    }
}

#[tokio::test]
async fn a_reload_loses_neither_news_that_wait_nor_those_that_a_claim_follows() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let first = claimed(&storage).await;
        finish(&storage, first).await;
        storage.mark("Alice", &[Call::Getmeas]).await.unwrap();
        plan_reload(&storage, "Alice", much_later()).await;
        let following = claimed(&storage).await;
        assert_eq!(following.calls, [Call::Getmeas]);
        plan_reload(&storage, "Alice", much_later()).await;
        assert!(!storage.is_current(&following));
        let again = claimed(&storage).await;
        assert_eq!(again.calls, [Call::Getmeas]);
        finish(&storage, again).await;
    }
}

#[tokio::test]
async fn a_call_that_a_reload_makes_due_is_due_though_its_profile_was_claimed() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let mut held = claimed(&storage).await;
        let failed = CallPlan { failures: 1, ..CallPlan::at(much_later()) };
        held.plan.calls.insert(Call::Getmeas, failed);
        storage.note_progress(&held).await;
        plan_reload(&storage, "Alice", Instant::now()).await;
        let again = claimed(&storage).await;
        assert_eq!(again.calls, [Call::Getmeas]);
        assert!(matches!(storage.save(&held, StoredState::of("Alice")).await, Err(SaveError::Superseded)));
        storage.finish(held).await;
        assert!(storage.is_current(&again) && storage.renew(&again).await);
        finish(&storage, again).await;
        assert_eq!(storage.plan("Alice").unwrap().calls[&Call::Getmeas].failures, 0);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_makes_due_also_what_is_claimed_at_that_moment() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let claim = claimed(&storage).await;
        storage.make_all_due(Duration::from_mins(5));
        finish(&storage, claim).await;
        let again = claimed(&storage).await;
        assert!(again.calls.contains(&Call::Getmeas));
        finish(&storage, again).await;
    }
}

#[tokio::test]
async fn a_restart_loses_neither_news_that_wait_nor_those_that_a_claim_follows() {
    for place in Place::both().await {
        let clock = clock();
        let mut storage = place.open(&clock).await;
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let first = claimed(&storage).await;
        finish(&storage, first).await;
        storage.mark("Alice", &[Call::Getmeas]).await.unwrap();
        for _ in 0..2 {
            storage.end_in_order().await;
            drop(storage);
            // The claim of the former process ends.
            place.advance(&clock, Duration::from_secs(16)).await;
            storage = place.open(&clock).await;
            storage.changes().await.unwrap();
            plan(&storage, &["Alice"]).await;
            assert_eq!(claimed(&storage).await.calls, [Call::Getmeas]);
        }
    }
}
