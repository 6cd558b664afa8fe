//! Claims: what they keep apart, what ends them, and what they must not lose.

use chrono::DateTime;
use futures_util::FutureExt;
use withings_exporter::catalogue::Call;
use withings_exporter::clock::Clock;
use withings_exporter::storage::{SaveError, StoredState};

use super::planned::{claimed, finish, plan, plan_new_login};
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
