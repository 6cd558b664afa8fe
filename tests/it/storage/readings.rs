//! Readings and events, which come back as they were stored.

use serde_json::value::RawValue;
use withings_exporter::reading::in_bed::{BedEvent, InBed};
use withings_exporter::storage::{SaveError, StoredState};

use super::claims::clock;
use super::planned::{claimed, finish, plan};
use super::{Place, connect, consent, pair};

fn got_up(at: i64) -> BedEvent {
    BedEvent { in_bed: false, at, mat: None }
}

#[tokio::test]
async fn what_is_saved_is_loaded_by_everybody_to_the_last_digit() {
    for place in Place::both().await {
        let (storage, beside) = (place.open(&clock()).await, place.beside(&clock()).await);
        assert_eq!(storage.load("Zoë \"Z\" \\ O''Neil").await.unwrap().user_id, None);
        connect(&storage, "Zoë").await;
        plan(&storage, &["Zoë"]).await;
        let claim = claimed(&storage).await;
        let part = r#"{"at":1.10,"large":12345678901234567890123,"small":1e-7,"text":"\u0000 é"}"#;
        let mut state = StoredState::of("Zoë");
        state.parts.insert("getmeas".to_owned(), RawValue::from_string(part.to_owned()).unwrap());
        storage.save(&claim, state.clone()).await.unwrap();
        for storage in [&storage, &beside] {
            let loaded = storage.load("Zoë").await.unwrap();
            assert_eq!(loaded.user_id.as_deref(), Some("Zoë"));
            assert_eq!(loaded.parts["getmeas"].get(), part);
        }
        state.parts.clear();
        storage.save(&claim, state).await.unwrap();
        finish(&storage, claim).await;
        assert!(beside.load("Zoë").await.unwrap().parts.is_empty());
    }
}

#[tokio::test]
async fn several_profiles_are_loaded_together_in_the_order_in_which_they_are_asked_for() {
    for place in Place::both().await {
        let storage = place.open(&clock()).await;
        for profile in ["Bob", "Alice"] {
            connect(&storage, profile).await;
            plan(&storage, &[profile]).await;
            let claim = claimed(&storage).await;
            storage.save(&claim, StoredState::of(profile)).await.unwrap();
            finish(&storage, claim).await;
        }
        let loaded = storage.load_each(&["Zoë", "Bob", "Alice"].map(Into::into)).await.unwrap();
        let people: Vec<_> = loaded.into_iter().map(|state| state.unwrap().user_id).collect();
        assert_eq!(people, [None, Some("Bob".to_owned()), Some("Alice".to_owned())]);
    }
}

#[tokio::test]
async fn events_that_two_processes_hear_are_kept_together_beside_the_readings() {
    for place in Place::both().await {
        let (storage, beside) = (place.open(&clock()).await, place.beside(&clock()).await);
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let claim = claimed(&storage).await;
        let (mut all, profile) = (InBed::default(), "Alice".into());
        for (at, storage) in [(900, &storage), (950, &beside), (920, &storage)] {
            let known = storage.note_event(&profile, "Alice", got_up(at)).await;
            all.note(got_up(at));
            assert_eq!(known, all);
        }
        storage.save(&claim, StoredState::of("Alice")).await.unwrap();
        finish(&storage, claim).await;
        assert_eq!(beside.load("Alice").await.unwrap().in_bed, all);
    }
}

#[tokio::test]
async fn events_of_nobody_are_not_stored() {
    for place in Place::both().await {
        let (storage, beside) = (place.open(&clock()).await, place.beside(&clock()).await);
        connect(&storage, "Alice").await;
        beside.forget("Alice").await.unwrap();
        storage.note_event(&"Alice".into(), "Alice", got_up(900)).await;
        assert_eq!(beside.load("Alice").await.unwrap().in_bed, InBed::default());
    }
}

#[tokio::test]
async fn what_is_known_of_a_person_whom_another_process_has_replaced_is_not_stored() {
    for place in Place::both().await {
        let (storage, beside) = (place.open(&clock()).await, place.beside(&clock()).await);
        connect(&storage, "Alice").await;
        plan(&storage, &["Alice"]).await;
        let claim = claimed(&storage).await;
        beside.connect(consent("Alice", pair(2)), &[], true).await.unwrap();
        beside.note_event(&"Alice".into(), "42", got_up(900)).await;
        assert!(matches!(storage.save(&claim, StoredState::of("Alice")).await, Err(SaveError::Superseded)));
        storage.note_event(&"Alice".into(), "Alice", got_up(950)).await;
        let mut in_bed = InBed::default();
        in_bed.note(got_up(900));
        let stored = place.beside(&clock()).await.load("Alice").await.unwrap();
        assert_eq!((stored.user_id.as_deref(), stored.in_bed), (Some("42"), in_bed));
    }
}
