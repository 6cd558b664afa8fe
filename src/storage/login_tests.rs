//! The file of the logins that have begun.

use std::fs::{self, File};
use std::io::Write;

use super::tests::{open, pending};
use super::*;
use crate::storage::pending::MOST;

#[tokio::test]
async fn a_flood_of_begun_logins_is_bounded_and_keeps_the_newest() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let seen = |started_at| pending(started_at, Beginning::Overview);
    storage.begin_login("oldest", seen(999)).await.unwrap();
    storage.begin_login("second", seen(1000)).await.unwrap();
    let path = root.path().join("pending.json");
    let mut states: pending::States = load(&path).unwrap().unwrap();
    assert!(!states.0.contains_key("oldest"), "the file must not hold what finishes a login");
    states.0.extend((2..MOST).map(|n| (format!("s{n}"), seen(1000))));
    save(&path, &states).unwrap();
    storage.begin_login("newest", seen(1000)).await.unwrap();
    assert!(storage.take_login("second").await.unwrap().is_some());
    assert!(storage.take_login("oldest").await.unwrap().is_none());
    assert!(storage.take_login("newest").await.unwrap().is_some());
}

#[tokio::test]
async fn a_login_that_a_former_version_has_begun_is_finished() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    storage.begin_login("s", pending(1000, Beginning::Terminal)).await.unwrap();
    let path = root.path().join("pending.json");
    let text = fs::read_to_string(&path).unwrap().replace(r#","beginning":"terminal""#, "");
    assert!(!text.contains("beginning") && text.contains("started_at"), "{text}");
    fs::remove_file(&path).unwrap();
    File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    assert_eq!(storage.take_login("s").await.unwrap(), Some(pending(1000, Beginning::Somewhere)));
}
