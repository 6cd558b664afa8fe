//! Rotation of token pairs: one at a time, and nothing that is newer is overwritten.

use std::convert::Infallible;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use withings_exporter::storage::{Login, NewLogin, NoPair, NotRefreshed, RotateError, Storage};

use super::{Place, clock, connect, consent, in_both, pair};
use crate::program::until_started;

/// Refreshes the login with its token, which brings this pair.
pub(super) async fn rotate(storage: &Storage, held: &Login, number: u32) -> Result<Login, RotateError<Infallible>> {
    let ask = move |login: Login| async move { Ok((login.refresh_token, pair(number))) };
    // A program that is starting holds the lock of a lease that has ended.
    until_started();
    storage.rotate(&held.profile.as_str().into(), held.version, ask).await
}

/// Refreshes the login, for which Withings gives this answer.
pub(super) async fn refuse(
    storage: &Storage,
    held: &Login,
    answer: NoPair,
) -> Result<Login, RotateError<&'static str>> {
    let ask = move |_: Login| async move { Err(NotRefreshed { error: "refused", answer }) };
    until_started();
    storage.rotate(&held.profile.as_str().into(), held.version, ask).await
}

/// A refresh of the login that has asked Withings and has its answer, this pair or a refusal, when `answer` sends it.
pub(super) struct UnderWay {
    pub(super) rotation: tokio::task::JoinHandle<Result<Login, RotateError<&'static str>>>,
    answer: oneshot::Sender<Result<u32, NoPair>>,
}

impl UnderWay {
    /// Begins a refresh and returns when Withings is asked.
    pub(super) async fn begin(storage: &Storage, held: &Login) -> Self {
        let (answer, answered) = oneshot::channel();
        let (asked, is_asked) = oneshot::channel();
        let ask = move |login: Login| async move {
            asked.send(()).unwrap();
            match answered.await.unwrap() {
                Ok(number) => Ok((login.refresh_token, pair(number))),
                Err(answer) => Err(NotRefreshed { error: "refused", answer }),
            }
        };
        let (storage, profile, version) = (storage.clone(), held.profile.as_str().into(), held.version);
        let rotation = tokio::spawn(async move { storage.rotate(&profile, version, ask).await });
        is_asked.await.expect("Withings is asked");
        Self { rotation, answer }
    }

    /// Lets Withings answer, and gives what comes of it.
    pub(super) async fn end(self, answer: Result<u32, NoPair>) -> Result<Login, RotateError<&'static str>> {
        self.answer.send(answer).unwrap();
        self.rotation.await.unwrap()
    }
}

pub(super) async fn access_token(storage: &Storage, profile: &str) -> String {
    storage.login(profile).await.unwrap().unwrap().access_token.expose_secret().to_owned()
}

#[tokio::test]
async fn a_rotated_login_keeps_the_refreshed_token_until_the_new_one_was_used() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let first = connect(&storage, "Alice").await;
        let second = rotate(&storage, &first, 2).await.unwrap();
        assert_eq!(second.version, first.version + 1);
        let stored = storage.login("Alice").await.unwrap().unwrap();
        assert_eq!(stored.refresh_token.expose_secret(), "refresh-2");
        assert_eq!(stored.previous_refresh_token.unwrap().expose_secret(), "refresh-1");
        storage.prove("Alice", first.version).await.unwrap();
        assert!(storage.login("Alice").await.unwrap().unwrap().previous_refresh_token.is_some(), "an older version");
        storage.prove("Alice", second.version).await.unwrap();
        let proven = storage.login("Alice").await.unwrap().unwrap();
        assert!(proven.previous_refresh_token.is_none());
        assert_eq!(proven.version, second.version);
        rotate(&storage, &proven, 3).await.unwrap();
        assert_eq!(access_token(&storage, "Alice").await, "access-3");
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_an_older_version_gets_the_newer_one_and_asks_nobody() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let first = connect(&storage, "Alice").await;
        rotate(&storage, &first, 2).await.unwrap();
        assert_eq!(rotate(&storage, &first, 3).await.unwrap().access_token.expose_secret(), "access-2");
    })
    .await;
}

#[tokio::test]
async fn one_refresh_at_a_time_and_a_new_login_waits_for_none() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let first = connect(&storage, "Alice").await;
        let under_way = UnderWay::begin(&storage, &first).await;
        assert!(matches!(rotate(&storage, &first, 3).await, Err(RotateError::Busy)), "in this process");
        assert!(matches!(rotate(&beside, &first, 3).await, Err(RotateError::Busy)), "in another one");
        let new = NewLogin { user_id: "Alice".to_owned(), ..pair(4) };
        beside.connect(consent("Alice", new), &[], false).await.unwrap();
        let second = beside.login("Alice").await.unwrap().unwrap();
        let rotated = under_way.end(Ok(2)).await;
        assert!(matches!(rotated, Err(RotateError::Stale)), "{rotated:?}");
        assert_eq!(access_token(&storage, "Alice").await, "access-4");
        rotate(&beside, &second, 5).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_login_is_not_stored_by_a_rotation_that_was_under_way() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let first = connect(&storage, "Alice").await;
        let under_way = UnderWay::begin(&storage, &first).await;
        beside.forget("Alice").await.unwrap();
        assert!(matches!(under_way.end(Ok(2)).await, Err(RotateError::Stale)));
        assert!(storage.login("Alice").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_login_that_follows_a_forgotten_one_is_not_taken_for_it() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let first = connect(&storage, "Alice").await;
        let under_way = UnderWay::begin(&storage, &first).await;
        clock.advance(Duration::from_mins(1));
        if let Place::Database(..) = place {
            place.move_clock(60);
        }
        beside.forget("Alice").await.unwrap();
        let new = NewLogin { user_id: "another".to_owned(), ..pair(4) };
        beside.connect(consent("Alice", new), &[], false).await.unwrap();
        let rotated = refuse(&beside, &first, NoPair::Refused).await;
        assert!(
            rotated.is_ok_and(|login| login.user_id == "another"),
            "Withings is asked with a token of somebody else"
        );
        let late = under_way.end(Ok(2)).await;
        assert!(matches!(late, Err(RotateError::Stale)), "{late:?}");
        assert_eq!(access_token(&storage, "Alice").await, "access-4");
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_pair_lets_the_next_one_ask_at_once() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let first = connect(&storage, "Alice").await;
        for answer in [NoPair::Answered, NoPair::Refused] {
            let refused = refuse(&storage, &first, answer).await;
            assert!(matches!(refused, Err(RotateError::Asked("refused"))), "{refused:?}");
        }
        rotate(&beside, &first, 2).await.unwrap();
    })
    .await;
}
