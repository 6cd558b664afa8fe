//! The primary dies under load, and its synchronous standby takes over.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use withings_exporter::clock::Clock;

use super::{Fleet, NO_BUDGET, Replica, report};
use crate::postgres::Cluster;

const REPLICAS: usize = 4;
const PEOPLE: usize = 60;

/// Who watches the servers needs a moment until it promotes the standby.
const NOTICED_AFTER: Duration = Duration::from_secs(3);

/// Looks at this replica's page again and again, and gives how often, and how often somebody was missing.
async fn watch(replica: &Replica, pages: &mut usize, empty: &mut usize) {
    loop {
        let weights = replica.people().await.iter().filter(|line| line.starts_with("withings_weight_kg{")).count();
        *pages += 1;
        *empty += usize::from(weights != PEOPLE);
        sleep(Duration::from_millis(200)).await;
    }
}

/// Kills the primary and promotes the standby; gives how long after that the first call for data has worked, and who has lost
/// a login.
async fn fail_over(primary: &Cluster, standby: &Cluster, fleet: &Fleet) -> (Duration, usize) {
    sleep(Duration::from_secs(20)).await;
    tokio::task::block_in_place(|| primary.kill());
    sleep(NOTICED_AFTER).await;
    tokio::task::block_in_place(|| standby.promote());
    let (promoted, since) = (Instant::now(), Clock::system().unix());
    while fleet.silent_since(since).len() == PEOPLE && promoted.elapsed() < Duration::from_mins(2) {
        sleep(Duration::from_millis(100)).await;
    }
    (promoted.elapsed(), fleet.lost_after(Duration::from_mins(4)).await.len())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_login_is_lost_and_no_page_is_empty_while_a_standby_takes_over() {
    let primary = Cluster::new();
    primary.create_database("app");
    let standby = primary.standby("second");
    primary.wait_for("second");
    let url = format!("postgres://postgres@{},{}/app?sslmode=disable", primary.address(), standby.address());
    let fleet = Fleet::new(&url, PEOPLE as u64).await;
    primary.psql("app", NO_BUDGET);
    let replicas = fleet.replicas(REPLICAS);
    for replica in &replicas {
        replica.until_ready().await;
        replica.until_everybody_is_weighed(PEOPLE).await;
    }
    let mut counts = [(0, 0); REPLICAS];
    let watches =
        join_all(replicas.iter().zip(&mut counts).map(|(replica, (pages, empty))| watch(replica, pages, empty)));
    let (went_on, lost) = tokio::select! {
        outcome = fail_over(&primary, &standby, &fleet) => outcome,
        _ = watches => unreachable!("they have no end"),
    };
    let (rotations, refused) = fleet.token_calls();
    let (pages, empty) = counts.iter().fold((0, 0), |(pages, empty), more| (pages + more.0, empty + more.1));
    let marked = standby.psql("app", "select count(*) from login where refused");
    report(format!(
        "fail-over: {lost} of {PEOPLE} logins lost and {marked} marked, fetching again {:.1} s after the promotion; {rotations} \
         rotations, {refused} refused calls for tokens; somebody missing on {empty} of {pages} pages",
        went_on.as_secs_f64()
    ));
    assert_eq!((lost, refused, empty, marked.as_str()), (0, 0, 0, "0"));
    assert!(went_on <= Duration::from_secs(30), "{went_on:?}");
}
