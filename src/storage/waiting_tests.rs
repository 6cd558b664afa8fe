//! What waits: for a turn of the one budget, for the end of a pause, for a disk that hangs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use chrono::DateTime;

use super::tests::{connect, file_of, got_up, surroundings};
use super::*;

/// The time, and the storages of two processes that work on `root` with a budget of `per_minute` requests.
fn exporter_and_command(root: &Path, per_minute: u32) -> (Clock, Storage, Storage) {
    let clock = Clock::following_tokio(DateTime::from_timestamp(1000, 0).unwrap());
    let exporter = Storage::open(root, Purpose::Serve, surroundings(&clock)).unwrap();
    let command = Storage::join(root, surroundings(&clock)).unwrap();
    for storage in [&exporter, &command] {
        storage.set_rate(per_minute);
    }
    (clock, exporter, command)
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_of_every_process_and_ends() {
    let root = tempfile::tempdir().unwrap();
    let (clock, first, second) = exporter_and_command(root.path(), 60);
    first.pause(Duration::from_secs(30)).await;
    assert!(second.turn(Class::Exchange, Duration::from_secs(10)).await.is_err());
    // The clock is set back by an hour: the pause is no longer for that.
    clock.set_back(Duration::from_hours(1));
    let began = Instant::now();
    second.turn(Class::Data, Duration::from_mins(10)).await.unwrap();
    assert!(began.elapsed() <= Duration::from_secs(33), "{:?}", began.elapsed());
    assert_eq!(first.paused_for().await, None);
}

/// Nobody can write a file where a directory is, not even root.
#[tokio::test(start_paused = true)]
async fn where_the_budget_cannot_be_shared_half_as_much_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("budget")).unwrap();
    let (_, storage, _) = exporter_and_command(root.path(), 60);
    storage.set_rate(62);
    let began = Instant::now();
    for _ in 0..30 {
        storage.turn(Class::Data, Duration::from_mins(1)).await.unwrap();
    }
    let took = began.elapsed().as_secs();
    assert!((58..=64).contains(&took), "{took} s");
    fs::remove_dir(root.path().join("budget")).unwrap();
    storage.turn(Class::Data, Duration::from_mins(1)).await.unwrap();
    assert_eq!(fs::metadata(root.path().join("budget")).unwrap().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_a_link_to_something_else_overwrites_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (_, _, command) = exporter_and_command(root.path(), 60);
    let (budget, login) = (root.path().join("budget"), root.path().join("login"));
    connect(&command, "Alice").await;
    fs::copy(file_of(&command, "logins", "Alice", "json"), &login).unwrap();
    let before = fs::read(&login).unwrap();
    symlink(&login, &budget).unwrap();
    command.turn(Class::Data, Duration::from_mins(1)).await.unwrap();
    assert_eq!(fs::read(&login).unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_takes_ten_seconds_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    let (_, storage, _) = exporter_and_command(root.path(), 60);
    connect(&storage, "Alice").await;
    storage.hang_disk(true);
    let began = Instant::now();
    assert!(storage.login("Alice").await.is_err());
    assert_eq!(began.elapsed().as_secs(), 10);
    let began = Instant::now();
    storage.turn(Class::Data, Duration::from_mins(1)).await.unwrap();
    assert!(began.elapsed().as_secs() <= 8, "{:?}", began.elapsed());
    storage.hang_disk(false);
    assert!(storage.login("Alice").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_while_the_disk_hangs_is_not_lost() {
    let root = tempfile::tempdir().unwrap();
    let (_, storage, _) = exporter_and_command(root.path(), 60);
    let login = connect(&storage, "Alice").await;
    storage.hang_disk(true);
    let in_bed = storage.note_event(&"Alice".into(), &login.user_id, got_up(900)).await;
    storage.hang_disk(false);
    assert!(storage.save_unsaved().await);
    assert_eq!(storage.load("Alice").await.unwrap().in_bed, in_bed);
}
