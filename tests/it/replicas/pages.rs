//! The pages of many replicas: any of them answers for everybody.

use std::collections::BTreeSet;

use super::Replicas;
use crate::world::World;

/// Each replica says how long its own latest refresh took.
const OF_ONE_REPLICA: &str = "withings_exporter_refresh_duration_seconds{";

/// The samples of a page, of which no two are the same.
async fn samples(world: &World, query: &str) -> BTreeSet<String> {
    let page = world.get(&format!("/metrics?{query}")).await;
    assert_eq!(page.status, 200, "{query}");
    let lines: Vec<_> = page.body.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let samples: BTreeSet<_> = lines.iter().cloned().collect();
    assert_eq!(samples.len(), lines.len(), "{query}");
    samples
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
    let whole = samples(&replicas.each[0], "shard=0/1").await;
    for count in [2, 7, 8, 80] {
        let mut together = BTreeSet::new();
        for index in 0..count {
            let world = &replicas.each[index % replicas.each.len()];
            let shard = samples(world, &format!("shard={index}/{count}")).await;
            assert!(together.is_disjoint(&shard), "{index}/{count}");
            together.extend(shard);
        }
        let differing = together.symmetric_difference(&whole).filter(|sample| !sample.starts_with(OF_ONE_REPLICA));
        let differing: Vec<_> = differing.collect();
        assert!(differing.is_empty(), "{count} shards: {differing:#?}");
    }
}
