//! All replicas are restarted one after the other while Prometheus scrapes their common address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{Fleet, NO_BUDGET, report};
use crate::postgres::database::Database;
use crate::program::until;
use crate::tsdb::{Server as Prometheus, series_of};
use crate::web::shards::configuration;

const REPLICAS: usize = 3;
const PEOPLE: usize = 100;

/// The scrape interval, seconds.
const INTERVAL: f64 = 1.0;

/// A common address of the replicas that are ready, as a service of Kubernetes is one.
struct Balancer {
    address: SocketAddr,
    ready: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    async fn of(replicas: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, ready) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(replicas)));
        let known = Arc::clone(&ready);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let replica = {
                    let mut known = known.lock().unwrap();
                    known.rotate_left(1);
                    known[0]
                };
                tokio::spawn(lead(client, replica));
            }
        });
        Self { address, ready }
    }
}

async fn lead(mut client: TcpStream, replica: SocketAddr) {
    if let Ok(mut replica) = TcpStream::connect(replica).await {
        // Either side may end it.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut replica).await;
    }
}

/// Waits until Prometheus has scraped so many shards with everybody in them.
async fn all_scraped(prometheus: &Prometheus, shards: usize) {
    until("every shard", async || {
        let up = prometheus.query(&format!("up{{shard=~\".*/{shards}|none\"}} == 1"));
        (up.len() == shards + 1 && prometheus.query("withings_weight_kg").len() == PEOPLE).then_some(())
    })
    .await;
}

/// The times at which each series has a sample, Unix seconds.
fn times(prometheus: &Prometheus) -> BTreeMap<String, Vec<f64>> {
    let time = |point: &Value| point[0].as_f64().unwrap();
    let times = |row: &Value| row["values"].as_array().unwrap().iter().map(time).collect();
    let rows = prometheus.query("withings_weight_kg[10m]");
    rows.iter().map(|row| (series_of(&row["metric"]), times(row))).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_scrape_is_missed_while_all_replicas_restart_and_a_shard_comes_to_the_others() {
    let database = Database::empty();
    let fleet = Fleet::new(&database.url(), PEOPLE as u64).await;
    database.psql(NO_BUDGET);
    let mut replicas = fleet.replicas(REPLICAS);
    for replica in &replicas {
        replica.until_ready().await;
        replica.until_everybody_is_weighed(PEOPLE).await;
    }
    let balancer = Balancer::of(replicas.iter().map(|replica| replica.address).collect()).await;
    let dir = TempDir::new().unwrap();
    let prometheus = Prometheus::prometheus(&dir, &configuration(balancer.address, 4)).await;
    all_scraped(&prometheus, 4).await;
    for (number, replica) in replicas.iter_mut().enumerate() {
        balancer.ready.lock().unwrap().retain(|address| *address != replica.address);
        // As the grace of Kubernetes, until everybody knows that it is gone.
        sleep(Duration::from_secs(2)).await;
        replica.stop().await;
        replica.start();
        replica.until_ready().await;
        balancer.ready.lock().unwrap().push(replica.address);
        if number == 0 {
            prometheus.configure(&configuration(balancer.address, 5)).await;
        }
        sleep(Duration::from_secs(5)).await;
    }
    all_scraped(&prometheus, 5).await;
    let times = times(&prometheus);
    let gaps = times.values().flat_map(|times| times.windows(2).map(|pair| pair[1] - pair[0]));
    let longest = gaps.fold(0.0, f64::max);
    let duration = times.values().next().and_then(|times| Some(times.last()? - times.first()?)).unwrap();
    let failed = prometheus.query("sum(count_over_time((up == 0)[10m:1s]))");
    report(format!(
        "rolling restart: {} series of {PEOPLE} people in {duration:.0} s, {longest:.2} s between two samples at the most at an \
         interval of {INTERVAL} s; failed scrapes: {failed:?}",
        times.len()
    ));
    assert_eq!(times.len(), PEOPLE, "one series each");
    // Where the shards change, the next scrape of somebody may come an interval later.
    assert!(longest < 2.5 * INTERVAL, "{longest} s");
}
