//! Logins: who may have which profile, and what stays when one ends.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::sync::Arc;

use secrecy::ExposeSecret;
use withings_exporter::storage::{Beginning, ConnectError, Login, NewConsent, NewLogin};

use super::{Place, clock, connect, consent, in_both, pair, pending};

#[tokio::test]
async fn a_login_is_read_as_it_was_stored_by_every_process() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        assert!(beside.login("Zoë \"Z\"").await.unwrap().is_none());
        let stored = connect(&storage, "Zoë \"Z\"").await;
        let read = beside.login("Zoë \"Z\"").await.unwrap().unwrap();
        let said = |login: &Login| {
            let [access, refresh] =
                [&login.access_token, &login.refresh_token].map(|token| token.expose_secret().to_owned());
            (login.profile.clone(), login.version, login.user_id.clone(), access, refresh, login.connected_at)
        };
        assert_eq!(said(&read), said(&stored));
        assert_eq!((said(&read).3, said(&read).4), ("access-1".to_owned(), "refresh-1".to_owned()));
        if let Place::Directory(_) = place {
            assert_eq!(read.connected_at, clock.unix());
        }
    })
    .await;
}

#[tokio::test]
async fn one_person_is_one_profile_whichever_process_stores_the_second() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let both = ["Mum", "Dad"].map(Arc::<str>::from);
        for _ in 0..10 {
            let (first, second) = tokio::join!(
                storage.connect(consent("Mum", pair(1)), &both, false),
                beside.connect(consent("Dad", pair(1)), &both, false)
            );
            let refused =
                |outcome: &Result<Option<Login>, ConnectError>| matches!(outcome, Err(ConnectError::Taken(_)));
            assert!(first.is_ok() && refused(&second) || second.is_ok() && refused(&first), "{first:?} {second:?}");
            for profile in &both {
                storage.forget(profile).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn withings_demo_user_is_nobody_and_makes_way() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let both = ["Mum", "Dad"].map(Arc::<str>::from);
        for profile in &both {
            let demo = NewConsent { demo: true, ..consent(profile, pair(1)) };
            storage.connect(demo, &both, false).await.unwrap();
        }
        let former = storage.connect(consent("Mum", NewLogin { user_id: "1".into(), ..pair(2) }), &both, false).await;
        assert_eq!(former.unwrap().unwrap().user_id, "42");
        let demo = NewConsent { demo: true, ..consent("Mum", pair(1)) };
        assert!(matches!(storage.connect(demo, &both, false).await, Err(ConnectError::AnotherPerson)));
    })
    .await;
}

#[tokio::test]
async fn another_person_is_stored_only_in_a_place_that_may_be_replaced() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let first = connect(&storage, "Alice").await;
        let refused = storage.connect(consent("Alice", pair(2)), &[], false).await;
        assert!(matches!(refused, Err(ConnectError::AnotherPerson)));
        assert_eq!(storage.login("Alice").await.unwrap().unwrap().user_id, "Alice");
        let former = storage.connect(consent("Alice", pair(2)), &[], true).await.unwrap();
        assert_eq!(former.unwrap().user_id, "Alice");
        let login = storage.login("Alice").await.unwrap().unwrap();
        assert_eq!((login.version, &*login.user_id), (first.version + 1, "42"));
        assert!(
            storage.connect(consent("Alice", pair(3)), &[], false).await.unwrap().is_none(),
            "the same person again"
        );
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_profile_leaves_nothing_and_takes_nobody_with_it() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        for name in ["Alice", "Alice2"] {
            connect(&storage, name).await;
            storage.save_callbacks(name, BTreeSet::from(["https://example.org".to_owned()])).await.unwrap();
            storage.begin_login(name, pending(name, clock.unix(), Beginning::Terminal)).await.unwrap();
        }
        let forgotten = beside.forget("Alice").await.unwrap();
        assert_eq!((forgotten.items, forgotten.login.unwrap().user_id.as_str()), (2, "Alice"));
        assert_eq!(beside.forget("Alice").await.unwrap().items, 0);
        assert!(storage.login("Alice").await.unwrap().is_none());
        assert!(storage.callbacks("Alice").await.unwrap().is_empty());
        assert!(storage.take_login("Alice").await.unwrap().is_none());
        assert!(storage.login("Alice2").await.unwrap().is_some());
        assert_eq!(storage.callbacks("Alice2").await.unwrap().len(), 1);
        assert!(storage.take_login("Alice2").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn subscribed_addresses_are_kept_for_logins_only() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let [one, other] = ["https://example.org/1", "https://example.org/2"].map(str::to_owned);
        storage.save_callbacks("Alice", BTreeSet::from([one.clone()])).await.unwrap();
        assert!(storage.callbacks("Alice").await.unwrap().is_empty(), "it has no login");
        connect(&storage, "Alice").await;
        connect(&storage, "Bob").await;
        for addresses in [BTreeSet::from([one.clone()]), BTreeSet::from([one, other])] {
            storage.save_callbacks("Alice", addresses.clone()).await.unwrap();
            assert_eq!(storage.callbacks("Alice").await.unwrap(), addresses);
            assert_eq!(storage.subscribed_profiles().await.unwrap(), BTreeSet::from(["Alice".into()]));
        }
        storage.save_callbacks("Alice", BTreeSet::new()).await.unwrap();
        assert!(storage.subscribed_profiles().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_secret_of_the_installation_is_made_once() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        let first = storage.installation_secret("webhook", || "first".to_owned()).await.unwrap();
        let again = place.beside(&clock()).await.installation_secret("webhook", || "second".to_owned()).await.unwrap();
        let other = storage.installation_secret("else", || "third".to_owned()).await.unwrap();
        assert_eq!([first, again, other].map(|secret| secret.expose_secret().to_owned()), ["first", "first", "third"]);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_fails_leaves_the_login_and_can_be_repeated() {
    in_both(async |place| {
        let storage = place.open(&clock()).await;
        connect(&storage, "Alice").await;
        // What is no directory cannot be deleted as one, not even by root.
        let work = storage.backfill_directory();
        File::create(&work).unwrap();
        storage.forget("Alice").await.unwrap_err();
        fs::remove_file(&work).unwrap();
        assert_eq!(storage.forget("Alice").await.unwrap().login.unwrap().user_id, "Alice");
    })
    .await;
}
