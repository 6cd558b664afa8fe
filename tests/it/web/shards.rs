//! Several scrapes that share the people.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;
use withings_exporter::reading::{ProfileSnapshot, Sleep};

use super::{Server, Setup};
use crate::page::lines_of_samples;
use crate::program::until;
use crate::tsdb::Server as Prometheus;

const PEOPLE: usize = 300;

/// A server with many people.
async fn crowded() -> Server {
    let person = |number| ProfileSnapshot::empty(format!("Person {number}").into(), Sleep::Newest(None));
    Setup { snapshot: (0..PEOPLE).map(person).collect(), ..Setup::default() }.start().await
}

async fn samples(server: &Server, query: &str) -> BTreeSet<String> {
    lines_of_samples(&server.get(&format!("/metrics{query}")).await)
}

#[tokio::test]
async fn shards_have_everybody_once_and_none_has_what_the_exporter_counts_itself() {
    let server = crowded().await;
    let whole = samples(&server, "").await;
    let people = samples(&server, "?shard=0/1").await;
    let own = samples(&server, "?shard=none").await;
    assert!(people.iter().all(|sample| sample.contains("profile=\"Person ")));
    assert!(own.iter().any(|sample| sample.starts_with("withings_exporter_build_info{")));
    let rotations = "withings_exporter_token_rotations_total{profile=";
    let of_profiles: Vec<_> = own.iter().filter(|sample| sample.contains("profile=")).collect();
    assert_eq!(of_profiles.len(), PEOPLE);
    assert!(of_profiles.iter().all(|sample| sample.starts_with(rotations)));
    assert_eq!(people.union(&own).cloned().collect::<BTreeSet<_>>(), whole);
    for count in [2, 7, 8, 80] {
        let mut together = BTreeSet::new();
        for index in 0..count {
            let shard = samples(&server, &format!("?shard={index}/{count}")).await;
            assert!(together.is_disjoint(&shard), "{index}/{count}");
            together.extend(shard);
        }
        assert_eq!(together, people, "{count} shards");
    }
}

#[tokio::test]
async fn a_shard_is_selected_from_by_name_too() {
    let server = crowded().await;
    let selected = samples(&server, "?shard=0/2&name[]=withings_authorized").await;
    assert!((PEOPLE / 3..PEOPLE * 2 / 3).contains(&selected.len()), "{}", selected.len());
    assert!(selected.iter().all(|sample| sample.starts_with("withings_authorized{profile=")));
}

#[tokio::test]
async fn what_is_no_shard_is_refused_with_what_one_is() {
    let server = crowded().await;
    for query in ["shard=", "shard=4/4", "shard=1", "shard=0/4&shard=1/4"] {
        let answer = server.get(&format!("/metrics?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains("such as 0/4 for the first of four shards"), "{query}: {}", answer.body);
    }
}

/// The example of a configuration with so many shards of the server at this address, scraped each second.
pub(crate) fn configuration(address: SocketAddr, shards: usize) -> String {
    let example =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/scrape-shards.yml")).unwrap();
    let example = example.replace("localhost:10064", &address.to_string()).replace("1m", "1s");
    let (before, more) = example.split_once("      # What the exporter").unwrap();
    let target = |index| {
        let target = before.split_inclusive("      - targets").last().unwrap();
        format!("      - targets{}", target.replace("3/4", &format!("{index}/4")))
    };
    let added: String = (4..shards).map(target).collect();
    format!("{before}{added}      # What the exporter{more}").replace("/4", &format!("/{shards}"))
}

#[tokio::test]
async fn a_real_prometheus_has_each_person_once_and_goes_on_with_a_shard_more() {
    let (server, dir) = (crowded().await, TempDir::new().unwrap());
    let prometheus = Prometheus::prometheus(&dir, &configuration(server.address, 4)).await;
    let before = all_scraped(&prometheus, 4).await;
    prometheus.configure(&configuration(server.address, 5)).await;
    assert_eq!(all_scraped(&prometheus, 5).await, before);
}

/// Waits until Prometheus has scraped so many shards with everybody, and the exporter's own metrics. Gives everybody's series.
async fn all_scraped(prometheus: &Prometheus, shards: usize) -> BTreeSet<BTreeMap<String, String>> {
    until("every shard", async || {
        let up = prometheus.query(&format!("up{{shard=~\".*/{shards}|none\"}} == 1"));
        Some(series(prometheus)).filter(|series| up.len() == shards + 1 && series.len() == PEOPLE)
    })
    .await
}

/// The labels of everybody's series of one metric.
fn series(prometheus: &Prometheus) -> BTreeSet<BTreeMap<String, String>> {
    let rows = prometheus.query("withings_authorized");
    rows.iter().map(|row| serde_json::from_value(row["metric"].clone()).unwrap()).collect()
}
