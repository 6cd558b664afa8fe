//! A directory that moves into a database and back, and commands that are cut off at every step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use tempfile::TempDir;
use withings_exporter::catalogue::Call;
use withings_exporter::reading::in_bed::BedEvent;
use withings_exporter::storage::postgres::{Address, Keys, Pool, Settings, accept_restore};
use withings_exporter::storage::transfer::{Step, TransferError, Transferred, export, import};
use withings_exporter::storage::{CallPlan, OpenError, Plan, Purpose, Replan, Storage, StoredState};

use super::{Place, clock, connect, open_at, surroundings};
use crate::program::until_started;

const PROFILES: [&str; 2] = ["Alice", "Zoë \"Z\""];

/// A directory with everything that can be stored.
async fn filled() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let storage = Storage::open(root.path(), Purpose::Serve, surroundings(&clock())).unwrap();
    for profile in PROFILES {
        connect(&storage, profile).await;
        storage.save_callbacks(profile, BTreeSet::from([format!("https://host/{profile}")])).await.unwrap();
        let plan = |_: &str, _: Option<&Plan>| {
            let mut call = CallPlan::at(tokio::time::Instant::now());
            call.last_success = Some(1_789_999_000);
            Replan {
                plan: Plan { calls: [(Call::Getmeas, call)].into(), ..Plan::default() },
                ends_claim: false,
                is_new_login: false,
            }
        };
        storage.plan_all(&BTreeSet::from([profile.into()]), plan).await;
        let claim = storage.claim().await;
        let parts = BTreeMap::from([("getmeas".to_owned(), json(r#"{"weight":72.3450}"#))]);
        storage.save(&claim, StoredState { parts, ..StoredState::of(profile) }).await.unwrap();
        storage.finish(claim).await;
        storage.note_event(&profile.into(), profile, BedEvent { in_bed: true, at: 1_789_999_999, mat: None }).await;
    }
    storage.installation_secret("webhook", || "s3cret".to_owned()).await.unwrap();
    storage.end_in_order().await;
    root
}

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// Checks that everything is there which [`filled`] has stored.
async fn check_filled(storage: &Storage) {
    storage.changes().await.unwrap();
    assert_eq!(storage.logins().len(), PROFILES.len());
    for profile in PROFILES {
        let login = storage.login(profile).await.unwrap().unwrap();
        assert_eq!((&*login.profile, login.refresh_token.expose_secret()), (profile, "refresh-1"));
        let state = storage.load(profile).await.unwrap();
        assert_eq!(state.user_id.as_deref(), Some(profile));
        assert_eq!(state.parts["getmeas"].get(), r#"{"weight":72.3450}"#, "each digit of a number stays");
        assert_eq!(state.in_bed.reading().map(|reading| reading.measured_at), Some(1_789_999_999));
        assert_eq!(storage.callbacks(profile).await.unwrap(), BTreeSet::from([format!("https://host/{profile}")]));
    }
    let secret = storage.installation_secret("webhook", || "another".to_owned()).await.unwrap();
    assert_eq!(secret.expose_secret(), "s3cret");
    let plan = |_: &str, former: Option<&Plan>| Replan {
        plan: former.cloned().unwrap_or_default(),
        ends_claim: false,
        is_new_login: false,
    };
    storage.plan_all(&PROFILES.map(Into::into).into(), plan).await;
    for profile in PROFILES {
        let plan = storage.plan(profile).unwrap();
        assert_eq!(plan.calls[&Call::Getmeas].last_success, Some(1_789_999_000), "{plan:?}");
    }
}

fn settings(place: &Place) -> Settings {
    let Place::Database(database, folder) = place else { panic!("it is a directory") };
    Settings {
        address: Address::parse(&database.url(), None).unwrap(),
        keys: Keys::load(&folder.path().join("key")).unwrap(),
        work_directory: folder.path().to_owned(),
    }
}

async fn imported(from: &Path, into: &Place, last: Option<Step>) -> Result<Transferred, TransferError> {
    until_started();
    import(from, settings(into), &surroundings(&clock()), &|step| Some(step) != last).await
}

async fn exported(from: &Place, to: &Path, last: Option<Step>) -> Result<Transferred, TransferError> {
    until_started();
    export(to, settings(from), &surroundings(&clock()), &|step| Some(step) != last).await
}

/// How many of the two are a home in which an exporter would find the logins.
async fn homes(directory: &Path, database: &Place) -> usize {
    until_started();
    let Place::Database(server, folder) = database else { panic!("it is a directory") };
    let mut storages = Vec::new();
    storages.extend(Storage::open(directory, Purpose::Serve, surroundings(&clock())).ok());
    storages.extend(open_at(&server.url(), folder.path(), &clock()).await.ok());
    let mut homes = 0;
    for storage in storages {
        storage.changes().await.unwrap();
        homes += usize::from(!storage.logins().is_empty());
    }
    homes
}

#[tokio::test]
async fn everything_moves_into_a_database_and_back_whenever_the_command_is_cut_off() {
    for last in Step::ALL {
        let (directory, database) = (filled().await, Place::database().await);
        let root = directory.path();
        let ended = imported(root, &database, Some(last)).await;
        assert!(matches!(ended, Err(TransferError::Ended(step)) if step == last), "{ended:?}");
        assert!(homes(root, &database).await <= 1, "import was cut off after {last:?}");
        let again = imported(root, &database, None).await.unwrap();
        let expected = if last == Step::Committed { Transferred::Before } else { Transferred::Profiles(2) };
        assert_eq!(again, expected, "after {last:?}");
        assert_eq!(imported(root, &database, None).await.unwrap(), Transferred::Before);
        assert_eq!(homes(root, &database).await, 1);
        check_filled(&database.open(&clock()).await).await;

        // Back, into the same directory or another one.
        let other = tempfile::tempdir().unwrap();
        let to = if last == Step::Read { root } else { other.path() };
        let ended = exported(&database, to, Some(last)).await;
        assert!(matches!(ended, Err(TransferError::Ended(step)) if step == last), "{ended:?}");
        assert!(homes(to, &database).await <= 1, "export was cut off after {last:?}");
        let again = exported(&database, to, None).await.unwrap();
        assert_eq!(again, expected, "after {last:?}");
        assert_eq!(homes(to, &database).await, 1);
        until_started();
        check_filled(&Storage::open(to, Purpose::Serve, surroundings(&clock())).unwrap()).await;

        // And in once more: the database is empty, and says no more that it has moved.
        assert_eq!(imported(to, &database, None).await.unwrap(), Transferred::Profiles(2));
        check_filled(&database.open(&clock()).await).await;
    }
}

#[tokio::test]
async fn a_directory_that_has_moved_is_refused_with_what_to_do() {
    let (directory, database) = (filled().await, Place::database().await);
    imported(directory.path(), &database, None).await.unwrap();
    let opened = Storage::open(directory.path(), Purpose::Serve, surroundings(&clock())).unwrap_err();
    let joined = Storage::join(directory.path(), surroundings(&clock())).unwrap_err();
    for error in [opened, joined] {
        let text = error.to_string();
        assert!(matches!(error, OpenError::Moved(_)) && text.contains("--storage.url"), "{text}");
    }
}

#[tokio::test]
async fn a_command_that_was_beside_a_directory_before_it_moved_changes_nothing_there() {
    let (directory, database) = (filled().await, Place::database().await);
    let beside = Storage::join(directory.path(), surroundings(&clock())).unwrap();
    imported(directory.path(), &database, None).await.unwrap();
    let error = beside.forget("Alice").await.unwrap_err().with_cause();
    assert!(error.contains("has moved to PostgreSQL"), "{error}");
}

#[tokio::test]
async fn nothing_is_overwritten_by_a_transfer() {
    let (directory, database) = (filled().await, Place::database().await);
    connect(&database.open(&clock()).await, "Carol").await;
    let error = imported(directory.path(), &database, None).await.unwrap_err();
    assert!(matches!(error, TransferError::DatabaseInUse), "{error}");
    let error = exported(&database, directory.path(), None).await.unwrap_err();
    assert!(matches!(error, TransferError::DirectoryInUse(_)), "{error}");
    until_started();
    check_filled(&Storage::open(directory.path(), Purpose::Serve, surroundings(&clock())).unwrap()).await;
    let missing = directory.path().join("missing");
    let error = imported(&missing, &database, None).await.unwrap_err();
    assert!(matches!(error, TransferError::NoDirectory(_)) && !missing.exists(), "{error}");
}

#[tokio::test]
async fn an_exporter_that_serves_keeps_its_storage() {
    let (directory, database) = (filled().await, Place::database().await);
    until_started();
    let serving = Storage::open(directory.path(), Purpose::Serve, surroundings(&clock())).unwrap();
    let error = imported(directory.path(), &database, None).await.unwrap_err();
    assert!(matches!(error, TransferError::Served(_)), "{error}");
    drop(serving);
    imported(directory.path(), &database, None).await.unwrap();
    database.psql("update work set held_until = wx_now() + interval '1 minute'");
    let other = tempfile::tempdir().unwrap();
    let error = exported(&database, other.path(), None).await.unwrap_err();
    assert!(matches!(error, TransferError::AtWork), "{error}");
    assert!(!other.path().join("EXPORTING").exists(), "an export that was refused has changed nothing");
    database.psql("update work set held_until = null");
    exported(&database, other.path(), None).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_lives_on_changes_nothing_in_a_database_that_was_exported() {
    let (directory, database) = (filled().await, Place::database().await);
    imported(directory.path(), &database, None).await.unwrap();
    let replica = database.open(&clock()).await;
    let login = replica.login("Alice").await.unwrap().unwrap();
    exported(&database, directory.path(), None).await.unwrap();
    replica.changes().await.unwrap();
    assert!(replica.logins().is_empty(), "its pages show nobody");
    let error = replica.connect(super::consent("Alice", super::pair(2)), &[], false).await.unwrap_err();
    assert!(error.to_string().contains("was exported to"), "{error}");
    let rotated = super::rotation::rotate(&replica, &login, 2).await;
    assert!(rotated.is_err(), "{rotated:?}");
    let Settings { address, keys, .. } = settings(&database);
    let accepted = accept_restore(&Pool::open(&address).unwrap(), &keys).await.unwrap_err().to_string();
    assert!(accepted.contains("was exported to"), "{accepted}");
    assert_eq!(homes(directory.path(), &database).await, 1);
}

#[tokio::test]
async fn a_cut_off_import_goes_on_into_its_own_database_alone() {
    let (directory, database, other) = (filled().await, Place::database().await, Place::database().await);
    imported(directory.path(), &database, Some(Step::Marked)).await.unwrap_err();
    let error = imported(directory.path(), &other, None).await.unwrap_err();
    assert!(matches!(error, TransferError::AnotherInstallation { .. }), "{error}");
    imported(directory.path(), &database, None).await.unwrap();
    check_filled(&database.open(&clock()).await).await;
}
