//! The pages of many replicas: any of them answers for everybody.

use std::collections::BTreeSet;

use super::Replicas;
use crate::page::lines_of_samples;
use crate::program::until;
use crate::world::World;

async fn samples(world: &World, query: &str) -> BTreeSet<String> {
    lines_of_samples(&world.get(&format!("/metrics?{query}")).await)
}

#[tokio::test]
async fn shards_of_different_replicas_have_everybody_once() {
    let names: Vec<_> = (1..=20).map(|number| format!("Person {number}")).collect();
    let profiles: Vec<_> = names.iter().map(String::as_str).collect();
    let replicas = Replicas::start(&profiles).await;
    for (profile, kilograms) in profiles.iter().zip(60..) {
        replicas.weigh(profile, kilograms);
    }
    replicas.connect(&profiles).await;
    for (profile, kilograms) in profiles.iter().zip(60..) {
        replicas.until_weight(profile, kilograms).await;
    }
    until("every replica says the same", async || {
        let first = samples(&replicas.each[0], "shard=0/1").await;
        for world in &replicas.each[1..] {
            if samples(world, "shard=0/1").await != first {
                return None;
            }
        }
        Some(())
    })
    .await;
    let whole = samples(&replicas.each[0], "shard=0/1").await;
    for count in [2, 7, 8, 80] {
        let mut together = BTreeSet::new();
        for index in 0..count {
            let world = &replicas.each[index % replicas.each.len()];
            let shard = samples(world, &format!("shard={index}/{count}")).await;
            assert!(together.is_disjoint(&shard), "{index}/{count}");
            together.extend(shard);
        }
        let differing: Vec<_> = together.symmetric_difference(&whole).collect();
        assert!(differing.is_empty(), "{count} shards: {differing:#?}");
    }
}

#[tokio::test]
async fn a_browser_that_has_seen_the_overview_of_one_is_known_to_all() {
    let replicas = Replicas::start(&["Alice"]).await;
    let mut cookies = BTreeSet::new();
    for world in &replicas.each {
        cookies.insert(world.get("/").await.header("set-cookie").unwrap().to_owned());
    }
    assert!(replicas.each.len() > 1 && cookies.len() == 1, "{cookies:?}");
}

#[tokio::test]
async fn what_a_replica_counts_itself_is_on_no_shard() {
    let replicas = Replicas::start(&["Alice", "Bob"]).await;
    replicas.weigh("Alice", 72);
    replicas.connect(&["Alice", "Bob"]).await;
    replicas.until_weight("Alice", 72).await;
    let names = |samples: &BTreeSet<String>| -> BTreeSet<String> {
        samples.iter().map(|sample| sample.split(['{', ' ']).next().unwrap().to_owned()).collect()
    };
    for world in &replicas.each {
        let (people, own) = (samples(world, "shard=0/1").await, samples(world, "shard=none").await);
        assert!(people.iter().all(|sample| sample.contains("profile=\"")), "{people:#?}");
        assert!(people.iter().any(|sample| sample.starts_with("withings_weight_kg{profile=\"Alice\"}")), "{people:#?}");
        // But for what this replica has done for a profile, which another one counts anew.
        let of_people: BTreeSet<_> = own.iter().filter(|sample| sample.contains("profile=")).cloned().collect();
        assert_eq!(names(&of_people), BTreeSet::from(["withings_exporter_token_rotations_total".to_owned()]));
        for name in ["build_info", "storage_up", "storage_feed_lag_seconds", "api_requests_total"] {
            assert!(names(&own).contains(&format!("withings_exporter_{name}")), "{name}: {own:#?}");
        }
        assert!(names(&own).is_disjoint(&names(&people)));
    }
}
