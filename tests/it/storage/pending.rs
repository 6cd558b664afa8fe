//! Logins under way: those that have begun, and those that wait for a person's word.

use std::time::Duration;

use withings_exporter::storage::{Beginning, NewLogin, Storage, WaitingConsent};

use super::{Place, clock, connect, consent, in_both, pair, pending};

#[tokio::test]
async fn a_login_state_works_once_and_for_ten_minutes() {
    in_both(async |place| {
        let clock = clock();
        let (storage, beside) = (place.open(&clock).await, place.beside(&clock).await);
        let begun = pending("Alice", clock.unix(), Beginning::Terminal);
        for state in ["s1", "s2"] {
            storage.begin_login(state, begun.clone()).await.unwrap();
        }
        place.advance(&clock, Duration::from_secs(590)).await;
        assert_eq!(beside.take_login("s1").await.unwrap(), Some(begun));
        assert_eq!(storage.take_login("s1").await.unwrap(), None);
        place.advance(&clock, Duration::from_secs(10)).await;
        assert_eq!(storage.take_login("s2").await.unwrap(), None);
        assert_eq!(storage.take_login("never").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn logins_that_began_somewhere_have_64_places_of_their_own() {
    in_both(async |place| {
        let clock = clock();
        let storage = place.open(&clock).await;
        let begin = async |state: &str, age: i64, beginning| {
            storage.begin_login(state, pending("Alice", clock.unix() - age, beginning)).await.unwrap();
        };
        begin("seen", 2, Beginning::Overview).await;
        begin("terminal", 2, Beginning::Terminal).await;
        begin("first", 1, Beginning::Somewhere).await;
        begin("second", 1, Beginning::Somewhere).await;
        for number in 1..64 {
            begin(&format!("s{number}"), 0, Beginning::Somewhere).await;
        }
        let left = [storage.take_login("first").await.unwrap(), storage.take_login("second").await.unwrap()];
        assert_eq!(left.iter().flatten().count(), 1, "as many as may be are kept");
        for kept in ["seen", "terminal", "s1"] {
            assert!(storage.take_login(kept).await.unwrap().is_some(), "{kept}");
        }
    })
    .await;
}

async fn set_aside(storage: &Storage, number: u32) {
    let new = NewLogin { user_id: number.to_string(), ..pair(number) };
    let waiting = WaitingConsent { consent: consent("Alice", new), may_replace: number == 1 };
    storage.set_aside(&format!("c{number}"), waiting).await.unwrap();
}

async fn unconfirmed(storage: &Storage) -> Vec<u32> {
    let taken = storage.take_unconfirmed().await.unwrap();
    let mut people: Vec<_> = taken.iter().map(|consent| consent.new.user_id.parse().unwrap()).collect();
    people.sort_unstable();
    people
}

#[tokio::test]
async fn twenty_consents_wait_for_ten_minutes_and_the_others_are_dropped() {
    in_both(async |place| {
        let clock = clock();
        let storage = place.open(&clock).await;
        for number in 0..21 {
            set_aside(&storage, number).await;
        }
        assert!(storage.waiting_consent("c0").await.unwrap().is_none());
        assert!(storage.confirm("c0").await.unwrap().is_none());
        assert_eq!(unconfirmed(&storage).await, [0]);
        assert_eq!(storage.waiting_consent("c1").await.unwrap().unwrap().new.user_id, "1");
        let confirmed = storage.confirm("c1").await.unwrap().unwrap();
        assert!(confirmed.may_replace && &*confirmed.consent.profile == "Alice" && !confirmed.consent.demo);
        assert!(storage.confirm("c1").await.unwrap().is_none(), "a confirmation works once");
        place.advance(&clock, Duration::from_secs(590)).await;
        storage
            .set_aside(
                "again",
                WaitingConsent {
                    consent: consent("Alice", NewLogin { user_id: "2".to_owned(), ..pair(2) }),
                    may_replace: false,
                },
            )
            .await
            .unwrap();
        place.advance(&clock, Duration::from_secs(10)).await;
        assert!(storage.confirm("c3").await.unwrap().is_none());
        assert_eq!(unconfirmed(&storage).await, (3..21).collect::<Vec<_>>(), "of the second person a newer one waits");
        assert!(unconfirmed(&storage).await.is_empty());
        connect(&storage, "Alice").await;
        // The command, beside the exporter.
        place.beside(&clock).await.forget("Alice").await.unwrap();
        storage.changes().await.unwrap();
        assert!(storage.confirm("again").await.unwrap().is_none());
        assert_eq!(unconfirmed(&storage).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn a_consent_is_confirmed_at_any_replica_and_taken_by_one() {
    let place = Place::database().await;
    let clock = clock();
    let (storage, beside) = (place.open(&clock).await, place.open(&clock).await);
    for number in 0..20 {
        set_aside(&storage, number).await;
    }
    let (one, other) = tokio::join!(storage.confirm("c1"), beside.confirm("c1"));
    assert_eq!([one, other].into_iter().filter_map(Result::unwrap).count(), 1);
    assert!(beside.waiting_consent("c2").await.unwrap().is_some());
    place.advance(&clock, Duration::from_mins(10)).await;
    let (one, other) = tokio::join!(unconfirmed(&storage), unconfirmed(&beside));
    assert_eq!(one.len() + other.len(), 19, "{one:?} {other:?}");
}

#[tokio::test]
async fn a_flood_of_begun_logins_is_bounded_and_keeps_the_newest() {
    let place = Place::database().await;
    let clock = clock();
    let storage = place.open(&clock).await;
    let begun = pending("Alice", clock.unix(), Beginning::Overview);
    storage.begin_login("oldest", begun.clone()).await.unwrap();
    storage.begin_login("second", begun.clone()).await.unwrap();
    connect(&storage, "Alice").await;
    place.psql(
        "insert into pending (digest, pending) select n::text, (select pending from pending limit 1) \
         from generate_series(3, 1000) n",
    );
    assert_eq!(place.psql("select count(*) from pending where digest in ('oldest', 'second')"), "0");
    storage.begin_login("newest", begun).await.unwrap();
    assert_eq!(place.psql("select count(*) from pending"), "1000");
    assert!(storage.take_login("second").await.unwrap().is_some());
    assert!(storage.take_login("oldest").await.unwrap().is_none());
    assert!(storage.take_login("newest").await.unwrap().is_some());
}

#[tokio::test]
async fn a_consent_waits_on_when_the_hosts_clock_is_set() {
    in_both(async |place| {
        let clock = clock();
        let storage = place.open(&clock).await;
        set_aside(&storage, 1).await;
        clock.set_back(Duration::from_secs(2));
        assert!(unconfirmed(&storage).await.is_empty());
        clock.advance(Duration::from_hours(1));
        assert!(unconfirmed(&storage).await.is_empty());
        assert!(storage.confirm("c1").await.unwrap().is_some());
    })
    .await;
}
