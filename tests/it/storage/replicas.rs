//! What only a storage of many hosts has: leases on the database's clock, and sealed rows.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use withings_exporter::storage::postgres::renew_key_file;
use withings_exporter::storage::{
    Beginning, Login, NoPair, NotRefreshed, RotateError, Storage, StorageError, WaitingConsent,
};

use super::rotation::{UnderWay, access_token, refuse, rotate};
use super::{Place, clock, connect, consent, open_at, pair, pending};
use crate::postgres::{Cluster, Cuttable, shared};

#[tokio::test]
async fn of_six_replicas_one_rotates_a_login() {
    let place = Place::database().await;
    let clock = clock();
    let mut replicas = Vec::new();
    for _ in 0..6 {
        replicas.push(place.open(&clock).await);
    }
    let mut login = connect(&replicas[0], "Alice").await;
    for round in 2..12 {
        let asked = Arc::new(AtomicUsize::new(0));
        let version = login.version;
        let rotations = replicas.iter().map(|replica| {
            let (asked, profile) = (Arc::clone(&asked), "Alice".into());
            let ask = move |login: Login| async move {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok::<_, NotRefreshed<()>>((login.refresh_token, pair(round)))
            };
            async move { replica.rotate(&profile, version, ask).await }
        });
        let rotated = join_all(rotations).await;
        let is_fine = |outcome: &Result<Login, RotateError<()>>| matches!(outcome, Ok(_) | Err(RotateError::Busy));
        assert!(rotated.iter().all(is_fine), "{rotated:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        login = replicas[0].login("Alice").await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_lease_runs_out_after_30_s_and_a_late_answer_is_dropped() {
    let place = Place::database().await;
    let clock = clock();
    let (storage, beside) = (place.open(&clock).await, place.open(&clock).await);
    let first = connect(&storage, "Alice").await;
    let under_way = UnderWay::begin(&storage, &first).await;
    place.advance(&clock, Duration::from_secs(25)).await;
    assert!(matches!(rotate(&beside, &first, 3).await, Err(RotateError::Busy)));
    place.advance(&clock, Duration::from_secs(5)).await;
    rotate(&beside, &first, 3).await.unwrap();
    let late = under_way.end(Ok(2)).await;
    assert!(matches!(late, Err(RotateError::Stale)), "{late:?}");
    assert_eq!(access_token(&storage, "Alice").await, "access-3");
}

#[tokio::test]
async fn a_lease_from_before_the_databases_clock_was_set_back_ends_no_later_than_a_new_one() {
    let place = Place::database().await;
    let clock = clock();
    let storage = place.open(&clock).await;
    place.advance(&clock, Duration::from_hours(1)).await;
    let first = connect(&storage, "Alice").await;
    refuse(&storage, &first, NoPair::Unanswered).await.unwrap_err();
    place.psql("insert into test_time values ('-1 hour')");
    assert!(matches!(rotate(&storage, &first, 2).await, Err(RotateError::Busy)), "the request may be on its way");
    place.advance(&clock, Duration::from_secs(31)).await;
    rotate(&storage, &first, 2).await.unwrap();
}

#[tokio::test]
async fn a_late_answer_counts_while_nobody_else_has_asked() {
    let place = Place::database().await;
    let clock = clock();
    let storage = place.open(&clock).await;
    let first = connect(&storage, "Alice").await;
    let under_way = UnderWay::begin(&storage, &first).await;
    place.advance(&clock, Duration::from_secs(40)).await;
    assert_eq!(under_way.end(Ok(2)).await.unwrap().version, first.version + 1);
}

#[tokio::test]
async fn a_refusal_counts_only_for_the_one_that_has_the_lease() {
    let place = Place::database().await;
    let clock = clock();
    let (storage, beside) = (place.open(&clock).await, place.open(&clock).await);
    let first = connect(&storage, "Alice").await;
    let under_way = UnderWay::begin(&storage, &first).await;
    place.advance(&clock, Duration::from_secs(31)).await;
    let other = UnderWay::begin(&beside, &first).await;
    let late = under_way.end(Err(NoPair::Refused)).await;
    assert!(matches!(late, Err(RotateError::Stale)), "{late:?}");
    assert_eq!(place.psql("select refused, holder is null from login"), "f|f", "the other one goes on");
    other.end(Ok(3)).await.unwrap();
}

#[tokio::test]
async fn an_unanswered_request_rests_until_the_lease_has_run_out() {
    let place = Place::database().await;
    let clock = clock();
    let storage = place.open(&clock).await;
    let first = connect(&storage, "Alice").await;
    let unanswered = refuse(&storage, &first, NoPair::Unanswered).await;
    assert!(matches!(unanswered, Err(RotateError::Asked("refused"))));
    assert!(matches!(rotate(&storage, &first, 2).await, Err(RotateError::Busy)));
    place.advance(&clock, Duration::from_secs(30)).await;
    rotate(&storage, &first, 2).await.unwrap();
}

/// Expects that nothing is asked with a row that is another one's.
async fn check_foreign(storage: &Storage, login: &Login) {
    let ask = |_: Login| async { panic!("Withings must not be asked") };
    let rotated: Result<_, RotateError<()>> = storage.rotate(&login.profile.as_str().into(), login.version, ask).await;
    assert!(matches!(rotated, Err(RotateError::Storage(StorageError::Sealed(_)))), "{rotated:?}");
}

#[tokio::test]
async fn rows_that_were_swapped_or_set_back_are_refused() {
    let place = Place::database().await;
    let storage = place.open(&clock()).await;
    let [alice, bob] = [connect(&storage, "Alice").await, connect(&storage, "Bob").await];
    place.psql("create table kept as select * from login");
    place.psql("update login set sealed = (select sealed from kept where kept.profile <> login.profile)");
    for login in [&alice, &bob] {
        check_foreign(&storage, login).await;
    }
    place.psql("update login set sealed = kept.sealed from kept where kept.profile = login.profile");
    let second = rotate(&storage, &alice, 2).await.unwrap();
    place.psql("update login set sealed = kept.sealed from kept where kept.profile = login.profile");
    check_foreign(&storage, &second).await;
    // The person logs in again, and the exporter forgets nothing of that.
    assert!(connect(&storage, "Alice").await.version > second.version);
}

#[tokio::test]
async fn a_new_key_seals_what_is_rotated_and_the_former_one_opens_the_rest() {
    let place = Place::database().await;
    let clock = clock();
    let first = connect(&place.open(&clock).await, "Alice").await;
    let Place::Database(database, folder) = &place else { unreachable!() };
    let file = folder.path().join("key");
    renew_key_file(&file).unwrap();
    let storage = place.open(&clock).await;
    rotate(&storage, &first, 2).await.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let (kept, _former) = text.trim_end().rsplit_once('\n').unwrap();
    crate::config::write(&file, &format!("{kept}\n"));
    let storage = open_at(&database.url(), folder.path(), &clock).await.unwrap();
    assert_eq!(access_token(&storage, "Alice").await, "access-2");
}

#[tokio::test]
async fn a_pair_whose_commit_was_not_confirmed_waits_unused_and_is_stored_later() {
    let place = Place::database().await;
    let clock = clock();
    let Place::Database(database, folder) = &place else { unreachable!() };
    let way = Cuttable::to(shared().address());
    let url = Cluster::url_at(way.address(), database.name());
    let storage = open_at(&url, folder.path(), &clock).await.unwrap();
    let first = connect(&storage, "Alice").await;
    let under_way = UnderWay::begin(&storage, &first).await;
    way.close();
    let rotated = under_way.end(Ok(2)).await;
    assert!(matches!(rotated, Err(RotateError::Storage(_))), "{rotated:?}");
    assert!(storage.has_unsaved_pair("Alice") && !storage.save_unsaved().await);
    way.heal();
    assert!(storage.save_unsaved().await && !storage.has_unsaved_pair("Alice"));
    assert_eq!(access_token(&storage, "Alice").await, "access-2");
}

#[tokio::test]
async fn a_dump_has_no_token_and_no_secret() {
    let place = Place::database().await;
    let storage = place.open(&clock()).await;
    let first = connect(&storage, "Alice").await;
    rotate(&storage, &first, 2).await.unwrap();
    let waiting = WaitingConsent { consent: consent("Bob", pair(7)), may_replace: false };
    storage.set_aside("confirmation-word", waiting).await.unwrap();
    storage.begin_login("state-word", pending("Alice", 0, Beginning::Somewhere)).await.unwrap();
    storage.installation_secret("webhook", || "secret-word".to_owned()).await.unwrap();
    storage.save_callbacks("Alice", ["https://example.org/secret-word".to_owned()].into()).await.unwrap();
    let Place::Database(database, _) = &place else { unreachable!() };
    let dump = shared().dump(database.name());
    assert!(dump.contains("Alice"));
    for word in ["access-", "refresh-", "secret-word", "state-word", "confirmation-word"] {
        // Bytes are dumped as hexadecimal digits.
        let digits = word.bytes().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        assert!(!dump.contains(word) && !dump.contains(&digits), "{word}");
    }
}

#[tokio::test]
async fn a_new_login_is_planned_anew_and_takes_nothing_of_another_person() {
    let place = Place::database().await;
    let storage = place.open(&clock()).await;
    connect(&storage, "Alice").await;
    let at_work =
        "update work set plan = '{}', marks = '[]', fence = 5, holder = gen_random_uuid(), held_until = wx_now()";
    let state = "select plan is null, marks, fence, holder is null, held_until is null from work";
    let read = "insert into snapshot (profile, person, parts) values ('Alice', 'Alice', '{}') on conflict do nothing";
    for (new, may_replace, snapshots) in [(pair(2), true, "0"), (pair(3), false, "1")] {
        place.psql(at_work);
        place.psql(read);
        storage.connect(consent("Alice", new), &[], may_replace).await.unwrap();
        assert_eq!(place.psql(state), "t|{}|6|t|t");
        assert_eq!(place.psql("select count(*) from snapshot"), snapshots);
    }
    assert_eq!(storage.forget("Alice").await.unwrap().items, 2);
    let rows = "select (select count(*) from login) + (select count(*) from work) + (select count(*) from snapshot)";
    assert_eq!(place.psql(&format!("{rows}, (select profile from gone)")), "0|Alice");
    connect(&storage, "Alice").await;
    assert_eq!(place.psql("select count(*) from gone"), "0");
}
