//! Many replicas on one database.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use withings_exporter::catalogue::Call;
use withings_exporter::reading::Attempt;
use withings_exporter::storage::{CallPlan, SaveError, Storage, StoredState};

use super::Place;
use super::claims::clock;
use super::planned::{claimed, finish, plan, plan_first_reads, plan_new_login, planned};

/// How long is waited for what must not come.
const NOT_WITHIN: Duration = Duration::from_millis(500);

async fn replicas(place: &Place, number: usize) -> Vec<Storage> {
    let mut replicas = Vec::new();
    for _ in 0..number {
        let storage = place.open(&clock()).await;
        storage.changes().await.unwrap();
        replicas.push(storage);
    }
    replicas
}

#[tokio::test]
async fn each_of_200_profiles_that_are_due_at_once_is_refreshed_by_one_of_six_replicas() {
    let names: Vec<_> = (0..200).map(|number| format!("person {number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let place = Place::database().await;
    place.log_in_elsewhere(&names).await;
    let replicas = replicas(&place, 6).await;
    let refreshed: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let refresh = async |storage: &Storage| {
        plan_first_reads(storage, &names).await;
        while refreshed.lock().unwrap().len() < names.len() {
            let Ok(claim) = timeout(NOT_WITHIN, storage.claim()).await else { continue };
            *refreshed.lock().unwrap().entry(claim.profile.to_string()).or_default() += 1;
            storage.save(&claim, StoredState::of(&claim.profile)).await.unwrap();
            finish(storage, claim).await;
        }
    };
    join_all(replicas.iter().map(refresh)).await;
    for storage in &replicas {
        storage.changes().await.unwrap();
        assert!(timeout(NOT_WITHIN, storage.claim()).await.is_err(), "nothing is due any more");
    }
    assert!(refreshed.into_inner().unwrap().values().all(|times| *times == 1), "each once");
    assert_eq!(place.psql("select count(*) from snapshot"), "200");
}

#[tokio::test]
async fn a_claim_from_before_the_databases_clock_was_set_back_is_not_waited_for() {
    let place = Place::database().await;
    place.log_in_elsewhere(&["Alice"]).await;
    place.move_clock(3600);
    let [died, next] = <[Storage; 2]>::try_from(replicas(&place, 2).await).unwrap();
    plan(&died, &["Alice"]).await;
    claimed(&died).await;
    place.move_clock(0);
    plan(&next, &["Alice"]).await;
    claimed(&next).await;
}

#[tokio::test]
async fn a_replica_that_has_died_is_followed_after_15_seconds_and_what_it_saves_late_is_refused() {
    let place = Place::database().await;
    place.log_in_elsewhere(&["Alice"]).await;
    let [frozen, waiting, next] = <[Storage; 3]>::try_from(replicas(&place, 3).await).unwrap();
    plan(&frozen, &["Alice"]).await;
    plan(&waiting, &["Alice"]).await;
    let late = claimed(&frozen).await;
    assert!(timeout(NOT_WITHIN, waiting.claim()).await.is_err());
    assert_eq!(waiting.lag(), Duration::ZERO, "what another replica refreshes is not overdue");
    place.move_clock(14);
    assert!(frozen.renew(&late).await);
    place.move_clock(28);
    frozen.keep_claims().await;
    place.move_clock(38);
    plan(&next, &["Alice"]).await;
    assert!(timeout(NOT_WITHIN, next.claim()).await.is_err(), "it was kept");
    place.move_clock(60);
    let [next] = <[Storage; 1]>::try_from(replicas(&place, 1).await).unwrap();
    plan(&next, &["Alice"]).await;
    let claim = claimed(&next).await;
    assert!(matches!(frozen.save(&late, StoredState::of("Alice")).await, Err(SaveError::Superseded)));
    assert!(!frozen.renew(&late).await && !frozen.is_current(&late));
    next.save(&claim, StoredState::of("Alice")).await.unwrap();
    let before = place.psql("select plan::text from work");
    finish(&frozen, late).await;
    assert_eq!(place.psql("select plan::text from work"), before, "a claim that has ended plans nothing");
}

#[tokio::test]
async fn a_claim_is_kept_while_its_worker_waits_and_not_after_it() {
    let place = Place::database().await;
    place.log_in_elsewhere(&["Alice"]).await;
    let [waiting, other] = <[Storage; 2]>::try_from(replicas(&place, 2).await).unwrap();
    plan(&waiting, &["Alice"]).await;
    plan(&other, &["Alice"]).await;
    let held = claimed(&waiting).await;
    // A turn may come after minutes: Withings has asked for a pause, or the budget is small.
    for passed in (10..=180).step_by(10) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(10)).await;
        tokio::time::resume();
        place.move_clock(passed);
        waiting.keep_claims().await;
    }
    other.changes().await.unwrap();
    assert!(timeout(NOT_WITHIN, other.claim()).await.is_err(), "it was kept");
    assert!(waiting.renew(&held).await);
    waiting.save(&held, StoredState::of("Alice")).await.unwrap();
    finish(&waiting, held).await;
    waiting.keep_claims().await;
    assert_eq!(place.psql("select held_until is null from work"), "t");
}

#[tokio::test]
async fn a_login_at_one_replica_brings_one_first_read() {
    let place = Place::database().await;
    let replicas = replicas(&place, 3).await;
    place.log_in_elsewhere(&["Alice"]).await;
    let first_reads = Mutex::new(0);
    let follow = async |(number, storage): (usize, &Storage)| {
        storage.changes().await.unwrap();
        assert!(storage.logins().contains_key("Alice"));
        // One of them hears of it when another one has read everything.
        if number == 2 {
            timeout(Duration::from_secs(30), async {
                while *first_reads.lock().unwrap() == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .unwrap();
        }
        plan_new_login(storage, "Alice").await;
        // Without a call it is only to be shown.
        while let Ok(claim) = timeout(NOT_WITHIN, storage.claim()).await {
            *first_reads.lock().unwrap() += usize::from(!claim.calls.is_empty());
            finish(storage, claim).await;
        }
    };
    join_all(replicas.iter().enumerate().map(follow)).await;
    assert_eq!(*first_reads.lock().unwrap(), 1);
    for storage in &replicas {
        storage.changes().await.unwrap();
        assert_eq!(storage.plan("Alice").unwrap().calls[&Call::Getmeas].last_success, Some(1000));
    }
}

#[tokio::test]
async fn news_that_come_to_one_replica_are_followed_by_another_and_none_is_lost() {
    let place = Place::database().await;
    place.log_in_elsewhere(&["Alice"]).await;
    let [worker, ingress] = <[Storage; 2]>::try_from(replicas(&place, 2).await).unwrap();
    plan(&worker, &["Alice"]).await;
    ingress.mark("Alice", &[Call::Getmeas]).await.unwrap();
    let held = claimed(&worker).await;
    // The call may have been made before this.
    ingress.mark("Alice", &[Call::Getmeas]).await.unwrap();
    finish(&worker, held).await;
    worker.changes().await.unwrap();
    let marked = claimed(&worker).await;
    assert_eq!(marked.calls, [Call::Getmeas]);
    finish(&worker, marked).await;
    assert_eq!(place.psql("select marks from work"), "{}");
    worker.changes().await.unwrap();
    assert!(timeout(Duration::from_secs(3), worker.claim()).await.is_err(), "each is followed once");
    ingress.mark("Nobody", &[Call::Getmeas]).await.unwrap();
}

#[tokio::test]
async fn how_calls_went_is_known_to_every_replica_and_a_start_forgets_nothing() {
    let place = Place::database().await;
    place.log_in_elsewhere(&["Alice"]).await;
    let [worker, other] = <[Storage; 2]>::try_from(replicas(&place, 2).await).unwrap();
    plan(&worker, &["Alice"]).await;
    plan(&other, &["Alice"]).await;
    let mut claim = claimed(&worker).await;
    let due = claim.plan.calls[&Call::Getmeas].due;
    let failed = CallPlan {
        failures: 2,
        failing_since: Some(950),
        latest: Attempt::Failed("no\0 answer".to_owned()),
        is_refused: true,
        ..CallPlan { due, last_success: Some(900), ..CallPlan::default() }
    };
    claim.plan = planned(due.unwrap());
    claim.plan.calls.insert(Call::Getmeas, failed);
    claim.plan.refreshed_at = due;
    claim.plan.refresh_took = Some(Duration::from_micros(1_250_001));
    worker.finish(claim).await;
    let shown = other.changes().await.unwrap();
    assert!(shown.plans.contains("Alice") && shown.readings.is_empty());
    let plan_of = |storage: &Storage| {
        let plan = storage.plan("Alice").unwrap();
        let CallPlan { failures, failing_since, last_success, latest, is_refused, .. } =
            plan.calls[&Call::Getmeas].clone();
        (failures, failing_since, last_success, latest, is_refused, plan.refreshed_at.is_some(), plan.refresh_took)
    };
    let took = Some(Duration::from_micros(1_250_001));
    let expected = (2, Some(950), Some(900), Attempt::Failed("no\0 answer".to_owned()), true, true, took);
    assert_eq!(plan_of(&other), expected);
    let [started] = <[Storage; 1]>::try_from(replicas(&place, 1).await).unwrap();
    plan(&started, &["Alice"]).await;
    assert_eq!(plan_of(&started), expected);
}

#[tokio::test]
async fn no_replica_sends_within_11_seconds_what_another_has_sent() {
    let place = Place::database().await;
    let [first, second, third] = <[Storage; 3]>::try_from(replicas(&place, 3).await).unwrap();
    assert!(first.send(7).await && !first.send(7).await);
    assert!(!second.send(7).await && second.send(u64::MAX).await);
    let rest = second.rests_until(7).unwrap() - tokio::time::Instant::now();
    assert!((9..=11).contains(&rest.as_secs()), "{rest:?}");
    place.move_clock(10);
    assert!(!third.send(u64::MAX).await);
    place.move_clock(12);
    let [fourth] = <[Storage; 1]>::try_from(replicas(&place, 1).await).unwrap();
    assert!(fourth.send(7).await && fourth.send(u64::MAX).await);
    place.move_clock(100);
    let [fifth] = <[Storage; 1]>::try_from(replicas(&place, 1).await).unwrap();
    assert!(fifth.send(8).await);
    assert_eq!(place.psql("select digest from sent"), "8", "what was sent long ago is deleted");
}

#[tokio::test]
async fn claims_are_kept_in_time_though_the_database_is_slow() {
    let place = Place::database().await;
    let names = ["Alice", "Bob", "Carol", "Dave"];
    place.log_in_elsewhere(&names).await;
    let [storage] = <[Storage; 1]>::try_from(replicas(&place, 1).await).unwrap();
    plan_first_reads(&storage, &names).await;
    let mut claims = Vec::new();
    for _ in names {
        claims.push(claimed(&storage).await);
    }
    place.psql(
        "create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$; \
         create trigger wait before update on work for each statement execute function wait()",
    );
    place.move_clock(14);
    timeout(Duration::from_secs(3), storage.keep_claims()).await.expect("one after the other");
    place.psql("drop trigger wait on work");
    place.move_clock(28);
    for claim in &claims {
        assert!(storage.renew(claim).await);
    }
    assert_eq!(place.psql("select count(*) from work where held_until > wx_now()"), "4");
}
