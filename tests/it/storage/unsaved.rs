//! What could not be saved in time: until when it counts, and when it is saved after all.

use std::fs::{self, File};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::timeout;
use withings_exporter::reading::in_bed::BedEvent;
use withings_exporter::storage::{Claim, SaveError, Storage, StoredState};

use super::away::behind;
use super::claims::clock;
use super::planned::{claimed, finish, plan};
use super::rotation::UnderWay;
use super::{Place, connect};
use crate::postgres::{Cuttable, shared};

/// Alice's state with this part.
fn state(part: &str) -> StoredState {
    let mut state = StoredState::of("Alice");
    state.parts.insert("getmeas".to_owned(), RawValue::from_string(part.to_owned()).unwrap());
    state
}

/// A replica that has lost its way to the database with a state of Alice that it could not save, and the claim of that.
async fn cut_off(way: &Cuttable, place: &Place) -> (Storage, Claim) {
    let (storage, _) = behind(way, place).await;
    connect(&storage, "Alice").await;
    storage.changes().await.unwrap();
    plan(&storage, &["Alice"]).await;
    let claim = claimed(&storage).await;
    way.close();
    assert!(matches!(storage.save(&claim, state("1")).await, Err(SaveError::Storage(_))));
    (storage, claim)
}

/// Another replica takes Alice's claim, which nobody keeps any more, and saves a newer state.
async fn go_on_elsewhere(place: &Place) {
    place.move_clock(16);
    let other = place.open(&clock()).await;
    other.changes().await.unwrap();
    plan(&other, &["Alice"]).await;
    let claim = claimed(&other).await;
    other.save(&claim, state("2")).await.unwrap();
    other.finish(claim).await;
}

/// A replica that was cut off, after another one has gone on. Alice's call is due at both.
async fn overtaken(way: &Cuttable, place: &Place) -> Storage {
    let (storage, claim) = cut_off(way, place).await;
    storage.finish(claim).await;
    go_on_elsewhere(place).await;
    way.heal();
    storage
}

/// Alice's part in this state.
fn part(state: &StoredState) -> &str {
    state.parts["getmeas"].get()
}

#[tokio::test]
async fn what_could_not_be_saved_is_not_shown_once_another_replica_has_saved_something_newer() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let storage = overtaken(&way, &place).await;
    assert!(storage.changes().await.unwrap().readings.contains("Alice"));
    let loaded = storage.load_each(&["Alice".into()]).await.unwrap().pop().unwrap();
    assert_eq!(part(&loaded.unwrap()), "2");
}

#[tokio::test]
async fn what_could_not_be_saved_does_not_come_over_something_newer_by_the_next_claim() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let storage = overtaken(&way, &place).await;
    let claim = claimed(&storage).await;
    assert_eq!(part(&storage.load("Alice").await.unwrap()), "2");
    finish(&storage, claim).await;
}

#[tokio::test]
async fn what_could_not_be_saved_while_another_replica_went_on_is_shown_no_more() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, claim) = cut_off(&way, &place).await;
    finish(&storage, claim).await;
    go_on_elsewhere(&place).await;
    way.heal();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(15)).await;
    tokio::time::resume();
    assert!(storage.save_unsaved().await);
    let shown = timeout(Duration::from_secs(5), storage.claim()).await.expect("it is not shown");
    assert!(shown.calls.is_empty());
    assert_eq!(part(&storage.load("Alice").await.unwrap()), "2");
}

#[tokio::test]
async fn what_could_not_be_saved_is_saved_before_the_next_claim_if_nobody_has_come_in_between() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, claim) = cut_off(&way, &place).await;
    storage.finish(claim).await;
    way.heal();
    let claim = claimed(&storage).await;
    assert_eq!(place.psql("select parts->>'getmeas' from snapshot"), "1");
    assert_eq!(part(&storage.load("Alice").await.unwrap()), "1");
    finish(&storage, claim).await;
}

#[tokio::test]
async fn an_end_stores_what_happened_in_bed_also_while_a_rotation_hangs() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, _) = behind(&way, &place).await;
    let login = connect(&storage, "Alice").await;
    let _hangs = UnderWay::begin(&storage, &login).await;
    way.close();
    storage.note_event(&"Alice".into(), "Alice", BedEvent { in_bed: true, at: 900, mat: None }).await;
    way.heal();
    assert!(!storage.settle(Duration::from_millis(100)).await, "the rotation was cut off");
    assert_eq!(place.psql("select events is not null from snapshot"), "t");
}

#[tokio::test]
async fn a_call_whose_readings_could_not_be_saved_is_made_again_by_another_replica() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, claim) = cut_off(&way, &place).await;
    way.heal();
    // Plans can be stored, and readings cannot.
    place.psql("alter table snapshot rename to away");
    finish(&storage, claim).await;
    place.psql("alter table away rename to snapshot");
    go_on_elsewhere(&place).await;
}

#[tokio::test]
async fn an_end_stores_also_what_could_not_be_saved_a_moment_ago() {
    let place = Place::database().await;
    let way = Cuttable::to(shared().address());
    let (storage, claim) = cut_off(&way, &place).await;
    storage.finish(claim).await;
    way.heal();
    assert!(storage.settle(Duration::from_secs(5)).await);
    assert_eq!(place.psql("select parts->>'getmeas' from snapshot"), "1");
}

#[tokio::test]
async fn an_end_stores_what_a_full_disk_did_not_take_a_moment_ago_or_says_that_it_is_lost() {
    let place = Place::Directory(tempfile::tempdir().unwrap());
    let Place::Directory(root) = &place else { unreachable!() };
    let storage = place.open(&clock()).await;
    connect(&storage, "Alice").await;
    plan(&storage, &["Alice"]).await;
    let claim = claimed(&storage).await;
    // Nobody can write into a folder that is a file, not even root.
    let folder = root.path().join("readings");
    File::create(&folder).unwrap();
    assert!(matches!(storage.save(&claim, state("1")).await, Err(SaveError::Storage(_))));
    assert!(!storage.settle(Duration::from_secs(5)).await);
    fs::remove_file(&folder).unwrap();
    assert!(storage.settle(Duration::from_secs(5)).await);
    assert_eq!(part(&place.beside(&clock()).await.load("Alice").await.unwrap()), "1");
}
