//! What one replica hears of the others.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use withings_exporter::reading::in_bed::BedEvent;
use withings_exporter::storage::postgres::{Address, Pool};
use withings_exporter::storage::{Storage, StoredState};

use super::claims::clock;
use super::planned::{claimed, finish, plan};
use super::{Place, connect};

/// Connections of somebody else.
pub(super) fn pool(place: &Place) -> Pool {
    let Place::Database(database, _) = place else { panic!("it is a directory") };
    Pool::open(&Address::parse(&database.url(), None).unwrap()).unwrap()
}

const WRITE: &str = "insert into snapshot (profile, parts) values ($1, '{}') \
     on conflict (profile) do update set changed = pg_current_xact_id()";

async fn heard(storage: &Storage) -> BTreeSet<String> {
    storage.changes().await.unwrap().readings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn logins_and_readings_of_others_are_heard_once_and_own_ones_not() {
    let place = Place::database().await;
    let (storage, other) = (place.open(&clock()).await, place.open(&clock()).await);
    connect(&storage, "Alice").await;
    storage.changes().await.unwrap();
    other.changes().await.unwrap();
    let known = storage.logins()["Alice"].login.clone();
    assert_eq!((&*known.user_id, known.version), ("Alice", u64::try_from(known.connected_at).unwrap() + 1));
    assert_eq!(known.connected_at.to_string(), place.psql("select connected_at from login"));
    plan(&storage, &["Alice"]).await;
    let claim = claimed(&storage).await;
    storage.save(&claim, StoredState::of("Alice")).await.unwrap();
    finish(&storage, claim).await;
    assert_eq!(heard(&other).await, BTreeSet::from(["Alice".to_owned()]));
    assert_eq!(heard(&storage).await, BTreeSet::new());
    assert_eq!(heard(&other).await, BTreeSet::new());
    // The row was changed by another one before, of which this one has not heard when it writes.
    let got_up = BedEvent { in_bed: false, at: 900, mat: None };
    other.note_event(&"Alice".into(), "Alice", got_up.clone()).await;
    storage.note_event(&"Alice".into(), "Alice", BedEvent { at: 950, ..got_up }).await;
    assert_eq!(heard(&storage).await, BTreeSet::from(["Alice".to_owned()]));
    other.forget("Alice").await.unwrap();
    for storage in [&storage, &other] {
        storage.changes().await.unwrap();
        assert!(storage.logins().is_empty());
    }
    place.log_in_elsewhere(&["Alice"]).await;
    storage.changes().await.unwrap();
    assert!(storage.logins().contains_key("Alice"));
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let place = Place::database().await;
    let (storage, pool) = (place.open(&clock()).await, pool(&place));
    storage.changes().await.unwrap();
    let (has_written, written) = oneshot::channel();
    let (commit, may_commit) = oneshot::channel::<()>();
    let late = async {
        pool.run("write late", async move |session| {
            let transaction = session.transaction().await?;
            transaction.execute(WRITE, &[&"late"]).await?;
            has_written.send(()).unwrap();
            may_commit.await.unwrap();
            transaction.commit().await
        })
        .await
        .unwrap();
    };
    let tail = async {
        written.await.unwrap();
        pool.run("write", async |session| session.execute(WRITE, &[&"soon"]).await).await.unwrap();
        assert_eq!(heard(&storage).await, BTreeSet::from(["soon".to_owned()]));
        commit.send(()).unwrap();
    };
    tokio::join!(late, tail);
    assert!(heard(&storage).await.contains("late"));
    assert_eq!(heard(&storage).await, BTreeSet::new());
}

/// Each of six writers commits 40 rows, some of them late and in another order than it began them.
#[tokio::test]
async fn the_feed_misses_nothing_of_six_writers_with_slow_commits() {
    const EACH: usize = 40;
    let place = Place::database().await;
    let (storage, pool) = (place.open(&clock()).await, pool(&place));
    storage.changes().await.unwrap();
    let write = async |writer: usize| {
        for number in 0..EACH {
            let profile = format!("{writer}-{number}");
            let slowness = Duration::from_millis(fastrand::u64(0..30));
            pool.run("write", async move |session| {
                let transaction = session.transaction().await?;
                transaction.execute(WRITE, &[&profile]).await?;
                sleep(slowness).await;
                transaction.commit().await
            })
            .await
            .unwrap();
        }
    };
    let (mut seen, mut writing) = (BTreeSet::new(), Box::pin(join_all((0..6).map(write))));
    while timeout(Duration::from_millis(2), &mut writing).await.is_err() {
        seen.extend(heard(&storage).await);
    }
    seen.extend(heard(&storage).await);
    assert_eq!(seen.len(), 6 * EACH);
}

#[tokio::test]
async fn a_login_that_went_away_unheard_is_missed_when_everything_is_looked_at() {
    let place = Place::database().await;
    let storage = place.open(&clock()).await;
    place.log_in_elsewhere(&["Alice", "Bob"]).await;
    storage.changes().await.unwrap();
    // As after a database that was restored: no row tells of it.
    place.psql("delete from login where profile = 'Bob'");
    storage.changes().await.unwrap();
    assert!(storage.logins().contains_key("Bob"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(1)).await;
    tokio::time::resume();
    storage.changes().await.unwrap();
    assert_eq!(storage.logins().keys().map(|profile| &**profile).collect::<Vec<_>>(), ["Alice"]);
}
