//! Databases that are not what they were: copies, restored dumps, standbys that took over.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;
use withings_exporter::clock::Clock;
use withings_exporter::storage::postgres::{
    Address, Keys, Pool, PostgresError, SchemaError, accept_restore, make_key_file, migrate,
};
use withings_exporter::storage::{Login, NoPair, RotateError, Storage, StorageError};
use withings_exporter::telemetry::log;

use super::away::{UP, value};
use super::rotation::{UnderWay, access_token, refuse, rotate};
use super::{DatabaseAt, Place, clock, connect, open_at, surroundings};
use crate::postgres::Cluster;

/// A server of this test alone, with a database that has its tables, and the folder of its key file.
async fn own_server() -> (Cluster, TempDir) {
    let (cluster, folder) = (Cluster::new(), tempfile::tempdir().unwrap());
    cluster.create_database("app");
    let pool = Pool::open(&Address::parse(&cluster.url("app"), None).unwrap()).unwrap();
    migrate(&pool, &folder.path().join("key")).await.unwrap();
    (cluster, folder)
}

/// The URL of a database that one of two servers has for writing.
fn url_of_both(first: &Cluster, second: &Cluster) -> String {
    let hosts = format!("{},{}", first.address(), second.address());
    format!("postgres://postgres@{hosts}/app?sslmode=disable&target_session_attrs=read-write")
}

async fn accept(url: &str, folder: &Path) -> Option<String> {
    let pool = Pool::open(&Address::parse(url, None).unwrap()).unwrap();
    accept_restore(&pool, &Keys::load(&folder.join("key")).unwrap()).await.unwrap()
}

/// Expects that the login is not rotated, for a reason with these words, and that Withings is not asked.
async fn check_suspended(storage: &Storage, login: &Login, words: &str) {
    let ask = |_: Login| async { panic!("Withings must not be asked") };
    let rotated: Result<_, RotateError<()>> = storage.rotate(&login.profile.as_str().into(), login.version, ask).await;
    let Err(RotateError::Storage(StorageError::Suspended(error))) = rotated else { panic!("{rotated:?}") };
    let text = error.to_string();
    assert!(text.contains(words) && text.contains("`withings-exporter storage accept-restore`"), "{text}");
    // What lives is still used.
    assert!(storage.login(&login.profile).await.unwrap().is_some());
}

#[tokio::test]
async fn another_installations_key_file_and_a_database_that_moved_away_are_refused() {
    let place = Place::database().await;
    let clock = clock();
    let Place::Database(database, folder) = &place else { unreachable!() };
    let other = tempfile::tempdir().unwrap();
    make_key_file(&other.path().join("key")).unwrap();
    let error = open_at(&database.url(), other.path(), &clock).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, PostgresError::Schema(SchemaError::AnotherInstallation { .. })) && text.contains("key file"),
        "{text}"
    );
    place.psql("update installation set moved_to = '/var/lib/withings'");
    let text = open_at(&database.url(), folder.path(), &clock).await.unwrap_err().to_string();
    assert!(text.contains("was exported to /var/lib/withings") && text.contains("storage import"), "{text}");
}

#[tokio::test]
async fn with_a_restored_dump_no_login_is_rotated_until_it_is_accepted() {
    let place = Place::database().await;
    let clock = clock();
    let Place::Database(database, folder) = &place else { unreachable!() };
    let before = place.open(&clock).await;
    let [alice, bob] = [connect(&before, "Alice").await, connect(&before, "Bob").await];
    let elsewhere = Cluster::new();
    elsewhere.create_database("app");
    elsewhere.restore("app", &crate::postgres::shared().dump(database.name()));
    let url = elsewhere.url("app");
    let storage = open_at(&url, folder.path(), &clock).await.unwrap();
    check_suspended(&storage, &alice, "a dump of it was restored").await;
    assert!(accept(&url, folder.path()).await.unwrap().contains("restored"));
    rotate(&storage, &alice, 2).await.unwrap();
    // One that is dead stops nobody else.
    let refused = refuse(&storage, &bob, NoPair::Refused).await;
    assert!(matches!(refused, Err(RotateError::Asked(_))), "{refused:?}");
    let second = storage.login("Alice").await.unwrap().unwrap();
    rotate(&storage, &second, 3).await.unwrap();
    assert_eq!(accept(&url, folder.path()).await, None);
}

/// A server with two logins whose standby has taken over, and the storage of a replica that knows both.
async fn after_promotion(clock: &Clock) -> (Cluster, TempDir, Storage, [Login; 2]) {
    let (primary, folder) = own_server().await;
    let standby = primary.standby("second");
    primary.wait_for("second");
    let storage = open_at(&url_of_both(&primary, &standby), folder.path(), clock).await.unwrap();
    let logins = [connect(&storage, "Alice").await, connect(&storage, "Bob").await];
    primary.kill();
    standby.promote();
    standby.wait_for("");
    (standby, folder, storage, logins)
}

#[tokio::test]
async fn after_a_standby_took_over_one_login_is_rotated_before_the_others() {
    let clock = clock();
    let (standby, folder, storage, [alice, bob]) = after_promotion(&clock).await;
    let beside = open_at(&standby.url("app"), folder.path(), &clock).await.unwrap();
    let first = UnderWay::begin(&storage, &alice).await;
    assert!(matches!(rotate(&storage, &bob, 2).await, Err(RotateError::Busy)));
    assert!(matches!(rotate(&beside, &bob, 2).await, Err(RotateError::Busy)));
    first.end(Ok(2)).await.unwrap();
    rotate(&beside, &bob, 2).await.unwrap();
    assert_eq!(standby.psql("app", "select timeline, canary is null, suspended is null from installation"), "2|t|t");
}

/// A database whose server has a later timeline than it had, and the storages of two replicas that know two logins.
async fn in_doubt(clock: &Clock) -> (Place, [Storage; 2], [Login; 2]) {
    let place = Place::database().await;
    let storage = place.open(clock).await;
    let logins = [connect(&storage, "Alice").await, connect(&storage, "Bob").await];
    place.psql("update installation set timeline = 0");
    let beside = place.open(clock).await;
    (place, [storage, beside], logins)
}

#[tokio::test]
async fn if_withings_refuses_the_first_one_no_further_is_rotated() {
    let clock = clock();
    let (place, [storage, beside], [alice, bob]) = in_doubt(&clock).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = log::lines(log::LogFormat::Logfmt, Arc::new(file.reopen().unwrap()));
    let logged = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
    // The login has another token that is tried.
    refuse(&storage, &alice, NoPair::Answered).await.unwrap_err();
    refuse(&storage, &alice, NoPair::Refused).await.unwrap_err();
    for _ in 0..3 {
        check_suspended(&storage, &bob, "Withings has refused the login of Alice").await;
    }
    let said = fs::read_to_string(file.path()).unwrap();
    assert_eq!(said.matches("level=warn").count(), 1, "{said}");
    drop(logged);
    check_suspended(&beside, &bob, "Withings has refused the login of Alice").await;
    let Place::Database(database, folder) = &place else { unreachable!() };
    accept(&database.url(), folder.path()).await.unwrap();
    rotate(&storage, &bob, 2).await.unwrap();
}

#[tokio::test]
async fn a_login_that_was_refused_before_tells_nothing_of_the_database() {
    let clock = clock();
    let (place, [storage, _], [alice, bob]) = in_doubt(&clock).await;
    place.psql("update login set refused = true where profile = 'Alice'");
    assert!(matches!(rotate(&storage, &alice, 2).await, Err(RotateError::Busy)));
    rotate(&storage, &bob, 2).await.unwrap();
    refuse(&storage, &alice, NoPair::Refused).await.unwrap_err();
    assert_eq!(place.psql("select suspended is null, timeline from installation"), "t|1");
}

#[tokio::test]
async fn where_the_first_one_is_not_answered_another_one_is_tried_a_minute_later() {
    let clock = clock();
    let (place, [storage, beside], [alice, bob]) = in_doubt(&clock).await;
    refuse(&storage, &alice, NoPair::Unanswered).await.unwrap_err();
    place.advance(&clock, Duration::from_secs(50)).await;
    assert!(matches!(rotate(&beside, &bob, 2).await, Err(RotateError::Busy)));
    place.advance(&clock, Duration::from_secs(15)).await;
    rotate(&beside, &bob, 2).await.unwrap();
    rotate(&storage, &alice, 2).await.unwrap();
}

#[tokio::test]
async fn a_pair_is_not_used_before_the_standby_has_it() {
    let clock = clock();
    let (primary, folder) = own_server().await;
    let standby = primary.standby("second");
    primary.wait_for("second");
    let storage = open_at(&primary.url("app"), folder.path(), &clock).await.unwrap();
    let alice = connect(&storage, "Alice").await;
    standby.stop();
    let rotated = rotate(&storage, &alice, 2).await;
    assert!(matches!(rotated, Err(RotateError::Storage(_))), "{rotated:?}");
    assert_eq!(access_token(&storage, "Alice").await, "access-1");
    assert!(storage.has_unsaved_pair("Alice"));
    // No further refresh meanwhile, by nobody.
    let beside = open_at(&primary.url("app"), folder.path(), &clock).await.unwrap();
    assert!(matches!(rotate(&beside, &alice, 3).await, Err(RotateError::Storage(_))));
    standby.start();
    assert!(storage.save_unsaved().await);
    assert_eq!(access_token(&beside, "Alice").await, "access-2");
    assert_eq!(standby.psql("app", "select version from login"), (alice.version + 1).to_string());
}

/// A session that waits for the standby is not ended by its client's end: one for each login that is due would take them all.
#[tokio::test]
async fn while_the_standby_is_away_no_further_login_is_asked_for() {
    const WAITING: &str = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    let clock = clock();
    let (primary, folder) = own_server().await;
    let standby = primary.standby("second");
    primary.wait_for("second");
    let database = DatabaseAt { url: primary.url("app"), folder: folder.path().to_owned() };
    let (own, beside) = (surroundings(&clock), surroundings(&clock));
    let telemetry = [&own, &beside].map(|surroundings| surroundings.telemetry.clone());
    let replicas = [database.open(own).await.unwrap(), database.open(beside).await.unwrap()];
    let first = connect(&replicas[0], "Alice").await;
    let mut others = Vec::new();
    for number in 0..10 {
        others.push(connect(&replicas[0], &format!("Person {number}")).await);
    }
    standby.stop();
    rotate(&replicas[0], &first, 2).await.unwrap_err();
    for (login, storage) in others.iter().zip(replicas.iter().cycle()) {
        let ask = |_: Login| async { panic!("Withings must not be asked") };
        let rotated: Result<_, RotateError<()>> =
            storage.rotate(&login.profile.as_str().into(), login.version, ask).await;
        let Err(RotateError::Storage(error)) = rotated else { panic!("{rotated:?}") };
        assert!(error.to_string().contains("standby"), "{error}");
    }
    assert_eq!(primary.psql("app", WAITING), "1");
    for (storage, telemetry) in replicas.iter().zip(&telemetry) {
        storage.changes().await.unwrap();
        assert_eq!(value(telemetry, UP), Some(0.0));
        assert!(storage.takes_notifications(), "they wait for no standby");
    }
    standby.start();
    assert!(replicas[0].save_unsaved().await);
    for (login, storage) in others.iter().zip(replicas.iter().cycle()) {
        rotate(storage, login, 3).await.unwrap();
    }
    for (storage, telemetry) in replicas.iter().zip(&telemetry) {
        storage.changes().await.unwrap();
        assert_eq!(value(telemetry, UP), Some(1.0));
    }
    assert_eq!(access_token(&replicas[1], "Alice").await, "access-2");
}

#[tokio::test]
async fn a_replica_that_has_stored_more_than_the_standby_got_stops_the_rotation() {
    let clock = clock();
    let (primary, folder) = own_server().await;
    let standby = primary.standby("second");
    let storage = open_at(&url_of_both(&primary, &standby), folder.path(), &clock).await.unwrap();
    let alice = connect(&storage, "Alice").await;
    let is_there = || (standby.psql("app", "select count(*) from login") == "1").then_some(());
    crate::postgres::until("the standby to have the login", is_there);
    // It misses what comes now, and more than what a server writes when it takes over.
    standby.stop();
    let second = rotate(&storage, &alice, 2).await.unwrap();
    primary.psql("app", "create table much as select repeat('x', 1000) from generate_series(1, 1000)");
    let third = rotate(&storage, &second, 3).await.unwrap();
    primary.kill();
    standby.start();
    standby.promote();
    assert_eq!(access_token(&storage, "Alice").await, "access-1", "the standby has an older one");
    check_suspended(&storage, &Login { version: alice.version, ..third.clone() }, "behind").await;
    accept(&standby.url("app"), folder.path()).await.unwrap();
    rotate(&storage, &alice, 4).await.unwrap();
}

/// Each looks how long the log is while others make it longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_rotations_of_one_replica_at_once_raise_no_doubt() {
    const LOGINS: usize = 16;
    const EACH: u32 = 40;
    let place = Place::database().await;
    let clock = clock();
    let storage = place.open(&clock).await;
    let mut rotations = Vec::new();
    for number in 0..LOGINS {
        let login = connect(&storage, &format!("Person {number}")).await;
        let storage = storage.clone();
        rotations.push(tokio::spawn(async move {
            let mut login = login;
            for number in 2..2 + EACH {
                login = rotate(&storage, &login, number).await.unwrap();
            }
        }));
    }
    for rotation in rotations {
        rotation.await.unwrap();
    }
    assert_eq!(place.psql("select suspended is null from installation"), "t");
}
