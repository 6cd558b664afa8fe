//! Six replicas write at once, and their commits are slow and end in another order than they began in.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use withings_exporter::clock::Clock;

use super::{Fleet, NO_BUDGET, report, weighing};
use crate::postgres::database::Database;
use crate::program::until;

const REPLICAS: usize = 6;
const PEOPLE: usize = 60;

/// Lets each commit of readings take up to three seconds.
const SLOW_COMMITS: &str = "create function dawdle() returns trigger language plpgsql as \
     $$ begin perform pg_sleep(random() * 3); return new; end $$; \
     create constraint trigger dawdle after insert or update on snapshot deferrable initially deferred \
       for each row execute function dawdle()";

/// Takes every profile that no replica works at for as long as is believed, and counts those that are taken: none of them is
/// written until the pages are compared.
const HALT: &str = "update work set fence = fence + 1, holder = '00000000-0000-0000-0000-000000000001', \
     held_until = wx_now() + interval '59 s', writer = null, changed = pg_current_xact_id() \
     where held_until is null or held_until < wx_now(); \
     select count(*) from work where holder = '00000000-0000-0000-0000-000000000001'";

/// How many transactions that write are under way.
const WRITING: &str = "select count(*) from pg_stat_activity where datname = current_database() \
     and backend_xid is not null and pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn every_page_is_what_the_database_has_five_seconds_after_the_last_of_many_slow_commits() {
    let database = Database::empty();
    let fleet = Fleet::new(&database.url(), PEOPLE as u64).await;
    database.psql(NO_BUDGET);
    database.psql(SLOW_COMMITS);
    let replicas = fleet.replicas(REPLICAS);
    let (begun, mut weighings) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_mins(1) {
        let name = &fleet.people[fastrand::usize(..PEOPLE)];
        let weight = 60_000 + fastrand::i64(..40_000);
        fleet.cloud.cloud.account(name).unwrap().add(weighing(&Clock::system(), weight));
        weighings += 1;
        sleep(Duration::from_millis(50)).await;
    }
    until("every claim to end", async || (database.psql(HALT) == PEOPLE.to_string()).then_some(())).await;
    until("the last commit", async || (database.psql(WRITING) == "0").then_some(())).await;
    sleep(Duration::from_secs(5)).await;
    let writers = database.psql("select count(distinct writer) from snapshot");
    let mut pages = Vec::new();
    for replica in &replicas {
        pages.push(replica.people().await);
    }
    // One that starts now has read what the database has.
    let started = fleet.replica("started-last");
    started.until_ready().await;
    let database = started.people().await;
    let weights = database.iter().filter(|line| line.starts_with("withings_weight_kg{")).count();
    let is_other = |line: &&String| !database.contains(line);
    let differing: Vec<_> = pages.iter().map(|page| page.iter().filter(is_other).count()).collect();
    report(format!(
        "slow commits: {weights} people after {weighings} weighings, {writers} writers; lines of the pages that are not what the \
         database has: {differing:?}"
    ));
    for page in &pages {
        let other: Vec<_> = page.iter().filter(is_other).collect();
        assert!(*page == database, "{other:#?}");
    }
    assert_eq!(weights, PEOPLE);
}
