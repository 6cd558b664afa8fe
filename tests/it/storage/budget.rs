//! The one budget, which all processes have together.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use chrono::DateTime;
use futures_util::future::join_all;
use tokio::time::Instant;
use withings_exporter::clock::Clock;
use withings_exporter::storage::{Class, Storage};

use super::Place;
use super::claims::clock;
use crate::program::until;

/// Two processes with `per_minute` requests between them.
async fn two(place: &Place, clock: &Clock, per_minute: u32) -> [Storage; 2] {
    let storages = [place.open(clock).await, place.beside(clock).await];
    for storage in &storages {
        storage.set_rate(per_minute);
    }
    storages
}

/// Two processes ask for `wanted` requests as fast as they can; when these were made.
async fn made_by_two(place: &Place, clock: &Clock, per_minute: u32, wanted: usize) -> Vec<Instant> {
    let [first, second] = two(place, clock, per_minute).await;
    let made = Mutex::new(Vec::new());
    let ask = async |storage: &Storage, class| {
        while made.lock().unwrap().len() < wanted {
            if storage.turn(class, Duration::from_mins(1)).await.is_ok() {
                made.lock().unwrap().push(Instant::now());
            }
        }
    };
    tokio::join!(ask(&first, Class::Data), ask(&second, Class::Backfill), ask(&first, Class::FirstRead));
    made.into_inner().unwrap()
}

#[tokio::test(crate = "crate::paused")]
async fn two_processes_of_a_directory_have_one_budget() {
    let place = Place::Directory(tempfile::tempdir().unwrap());
    let clock = Clock::following_tokio(DateTime::from_timestamp(1000, 0).unwrap());
    let made = made_by_two(&place, &clock, 20, 60).await;
    for (place, at) in made.iter().enumerate() {
        let minute = made[place..].iter().take_while(|other| **other < *at + Duration::from_mins(1)).count();
        assert!(minute <= 20, "{minute} in a minute");
    }
    let took = *made.last().unwrap() - made[0];
    assert!(took < Duration::from_secs(200), "the budget is used: {took:?}");
}

#[tokio::test]
async fn a_pause_is_of_every_process_and_ends() {
    for place in Place::both().await {
        let [first, second] = two(&place, &Clock::system(), 6000).await;
        first.pause(Duration::from_secs(2)).await;
        assert!(second.turn(Class::Exchange, Duration::from_millis(500)).await.is_err());
        second.turn(Class::Data, Duration::from_mins(1)).await.unwrap();
        // Each process counts it on its own clock, from when it has heard of it.
        until("the end of the pause", async || first.paused_for().await.is_none().then_some(())).await;
    }
}

/// Six replicas that wait for nothing but their turns, by what the database has seen of the budget.
#[tokio::test]
async fn six_greedy_replicas_have_one_budget() {
    const PER_MINUTE: u32 = 1200;
    const EACH: usize = 12;
    let place = Place::database().await;
    place.psql(
        "create table seen (number bigint generated always as identity, state bytea);
         create function see() returns trigger language plpgsql as
           $$begin insert into seen (state) values (new.state); return new; end$$;
         create trigger see after insert or update on budget for each row execute function see()",
    );
    let mut replicas = Vec::new();
    for _ in 0..6 {
        replicas.push(place.open(&clock()).await);
    }
    let greedy = async |storage: &Storage| {
        storage.set_rate(PER_MINUTE);
        for _ in 0..EACH {
            while storage.turn(Class::Data, Duration::from_mins(1)).await.is_err() {}
        }
    };
    join_all(replicas.iter().map(greedy)).await;
    let states = place.psql("select encode(state, 'hex') from seen order by number");
    let next = |hex: &str| u64::from_str_radix(&hex[..16], 16).unwrap().swap_bytes().cast_signed();
    let turns: Vec<_> = states.lines().map(next).collect();
    let apart = i64::from(60_000 / (PER_MINUTE - 1)) + 1;
    assert!(turns.len() >= 6 * EACH, "every permit is in the database: {}", turns.len());
    assert_eq!(turns.iter().collect::<BTreeSet<_>>().len(), turns.len(), "no turn is given twice");
    assert!(turns.windows(2).all(|two| two[1] - two[0] >= apart), "{turns:?}");
    // The reserved times are the database's: whatever a replica's own clock says, the pauses between them are kept.
    assert!(turns.len() <= 6 * EACH + 60, "turns are not wasted: {}", turns.len());
}
