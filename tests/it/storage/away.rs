//! A database that is away: what is shown stays, nothing is refreshed, and it goes on by itself.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use withings_exporter::catalogue::Call;
use withings_exporter::storage::postgres::{Address, Keys, Settings};
use withings_exporter::storage::{Class, Storage, Turn};
use withings_exporter::telemetry::Telemetry;

use super::claims::clock;
use super::feed::pool;
use super::planned::{claimed, finish, plan};
use super::rotation::rotate;
use super::{Place, connect, surroundings};
use crate::postgres::{Cluster, Cuttable, shared};

pub(super) const UP: &str = "withings_exporter_storage_up";
const LAG: &str = "withings_exporter_storage_feed_lag_seconds";

pub(super) fn value(telemetry: &Telemetry, name: &str) -> Option<f64> {
    let text = telemetry.text(|_| true);
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A storage whose way to the database can be cut, and its metrics.
pub(super) async fn behind(way: &Cuttable, place: &Place) -> (Storage, Telemetry) {
    let Place::Database(database, folder) = place else { panic!("it is a directory") };
    let surroundings = surroundings(&clock());
    let telemetry = surroundings.telemetry.clone();
    let settings = Settings {
        address: Address::parse(&Cluster::url_at(way.address(), database.name()), None).unwrap(),
        keys: Keys::load(&folder.path().join("key")).unwrap(),
        work_directory: PathBuf::from(folder.path()),
    };
    (Storage::open_postgres(settings, surroundings).await.unwrap(), telemetry)
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_found_again() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, telemetry) = behind(&way, &place).await;
    connect(&storage, "Alice").await;
    storage.changes().await.unwrap();
    plan(&storage, &["Alice"]).await;
    assert_eq!(value(&telemetry, UP), Some(1.0));
    way.close();
    assert!(storage.changes().await.is_err());
    assert_eq!(value(&telemetry, UP), Some(0.0));
    assert!(!storage.takes_notifications());
    assert!(storage.mark("Alice", &[Call::Getmeas]).await.is_err());
    assert!(matches!(storage.permit(Class::Data).await, Turn::Denied(_)), "nobody knows what others ask");
    assert!(!storage.send(7).await);
    assert!(timeout(Duration::from_millis(300), storage.claim()).await.is_err(), "nothing is claimed");
    assert!(storage.logins().contains_key("Alice") && storage.plan("Alice").is_some(), "what is known stays");
    let lag = value(&telemetry, LAG).unwrap();
    assert!(value(&telemetry, LAG).unwrap() > lag, "it grows by itself");
    way.heal();
    storage.changes().await.unwrap();
    assert_eq!(value(&telemetry, UP), Some(1.0));
    assert!(storage.takes_notifications());
    assert!(value(&telemetry, LAG).unwrap() < lag, "the database is followed again");
    let claim = claimed(&storage).await;
    finish(&storage, claim).await;
}

#[tokio::test]
async fn the_lag_goes_on_when_a_look_at_the_changes_was_overtaken_by_a_change_of_this_replica() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let ((storage, telemetry), pool) = (behind(&way, &place).await, pool(&place));
    let login = connect(&storage, "Alice").await;
    storage.changes().await.unwrap();
    let (has_begun, begun) = oneshot::channel();
    let (commit, may_commit) = oneshot::channel::<()>();
    let keep = async {
        pool.run("keep the readings", async move |session| {
            let transaction = session.transaction().await?;
            transaction.batch_execute("lock table snapshot in access exclusive mode").await?;
            has_begun.send(()).unwrap();
            may_commit.await.unwrap();
            transaction.commit().await
        })
        .await
        .unwrap();
    };
    let follow = async {
        begun.await.unwrap();
        let change = async {
            rotate(&storage, &login, 2).await.unwrap();
            let lag = value(&telemetry, LAG).unwrap();
            commit.send(()).unwrap();
            lag
        };
        let (followed, lag) = tokio::join!(storage.changes(), change);
        followed.unwrap();
        assert!(value(&telemetry, LAG).unwrap() >= lag, "what it has found was not taken in");
    };
    tokio::join!(keep, follow);
    let lag = value(&telemetry, LAG).unwrap();
    storage.changes().await.unwrap();
    assert!(value(&telemetry, LAG).unwrap() < lag);
}

/// Withings waits for 2 s, and is not next door.
#[tokio::test]
async fn a_database_that_hangs_keeps_no_notification_waiting() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, telemetry) = behind(&way, &place).await;
    connect(&storage, "Alice").await;
    storage.changes().await.unwrap();
    way.cut();
    let marked = timeout(Duration::from_millis(1500), storage.mark("Alice", &[Call::Getmeas])).await;
    let error = marked.expect("it takes too long").unwrap_err().to_string();
    assert!(error.contains("cannot note that Withings has news: there was no answer in time"), "{error}");
    assert_eq!(value(&telemetry, UP), Some(0.0));
}

#[tokio::test]
async fn a_directory_has_no_feed() {
    let place = Place::Directory(tempfile::tempdir().unwrap());
    let surroundings = surroundings(&clock());
    let Place::Directory(root) = &place else { unreachable!() };
    let telemetry = surroundings.telemetry.clone();
    let storage = Storage::join(root.path(), surroundings).unwrap();
    storage.changes().await.unwrap();
    assert_eq!(value(&telemetry, LAG), None);
}
