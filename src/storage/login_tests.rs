//! Logins under way: those that have begun, and those that wait for a person's word.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use super::tests::{at, consent, open, pair, pending, surroundings};
use super::*;
use crate::storage::pending::{MOST, MOST_FROM_SOMEWHERE};

#[tokio::test]
async fn a_login_state_works_once_and_for_ten_minutes() {
    let root = tempfile::tempdir().unwrap();
    let clock = at(1000);
    let storage = Storage::open(root.path(), Purpose::Serve, surroundings(&clock)).unwrap();
    storage.begin_login("s1", pending(1000, Beginning::Terminal)).await.unwrap();
    storage.begin_login("s2", pending(1000, Beginning::Terminal)).await.unwrap();
    clock.advance(Duration::from_secs(599));
    assert_eq!(storage.take_login("s1").await.unwrap(), Some(pending(1000, Beginning::Terminal)));
    assert_eq!(storage.take_login("s1").await.unwrap(), None);
    clock.advance(Duration::from_secs(1));
    assert_eq!(storage.take_login("s2").await.unwrap(), None);
    assert_eq!(storage.take_login("never").await.unwrap(), None);
}

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
async fn logins_that_began_somewhere_have_64_places_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    storage.begin_login("seen", pending(998, Beginning::Overview)).await.unwrap();
    storage.begin_login("terminal", pending(998, Beginning::Terminal)).await.unwrap();
    storage.begin_login("first", pending(999, Beginning::Somewhere)).await.unwrap();
    storage.begin_login("second", pending(999, Beginning::Somewhere)).await.unwrap();
    for number in 1..MOST_FROM_SOMEWHERE {
        storage.begin_login(&format!("s{number}"), pending(1000, Beginning::Somewhere)).await.unwrap();
    }
    let left = [storage.take_login("first").await.unwrap(), storage.take_login("second").await.unwrap()];
    assert_eq!(left.iter().flatten().count(), 1, "as many as may be are kept");
    for kept in ["seen", "terminal", "s1"] {
        assert!(storage.take_login(kept).await.unwrap().is_some(), "{kept}");
    }
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

#[tokio::test]
async fn twenty_consents_wait_for_ten_minutes_and_the_others_are_dropped() {
    let root = tempfile::tempdir().unwrap();
    let clock = at(1000);
    let storage = Storage::open(root.path(), Purpose::Serve, surroundings(&clock)).unwrap();
    let set_aside = |number: u32| {
        let new = NewLogin { user_id: number.to_string(), ..pair(number) };
        let waiting = WaitingConsent { consent: consent("Alice", new), may_replace: false };
        storage.set_aside(&format!("c{number}"), waiting);
    };
    let unconfirmed = || storage.take_unconfirmed().into_iter().map(|consent| consent.new.user_id).collect::<Vec<_>>();
    (0..21).for_each(set_aside);
    assert!(storage.waiting_consent("c0").is_none() && storage.confirm("c0").is_none());
    assert_eq!(unconfirmed(), ["0"]);
    assert_eq!(storage.waiting_consent("c1").unwrap().new.user_id, "1");
    assert!(storage.confirm("c1").is_some() && storage.confirm("c1").is_none(), "a confirmation works once");
    clock.advance(Duration::from_secs(599));
    set_aside(2);
    clock.advance(Duration::from_secs(1));
    assert!(storage.confirm("c3").is_none());
    let expected: Vec<_> = (3..21).map(|number| number.to_string()).collect();
    assert_eq!(unconfirmed(), expected, "of the second person a newer one waits");
    assert_eq!(unconfirmed(), Vec::<String>::new());
    assert_eq!(storage.forget("Alice").await.unwrap().files, 0);
    assert!(storage.confirm("c2").is_none());
    assert_eq!(unconfirmed(), ["2"]);
}
