//! Six greedy replicas, one of which is started again every few seconds: all of them have one budget.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{Instant, sleep_until};
use withings_exporter::sim::{Limits, Request};

use super::{Fleet, report};
use crate::postgres::database::Database;

const REPLICAS: usize = 6;

/// Each wants a call every 15 s: more than twice what is allowed.
const PEOPLE: u64 = 60;

/// How many of these calls any minute may have.
const PER_MINUTE: usize = 100;

const RESTARTED_EVERY: Duration = Duration::from_secs(5);

/// When the calls by which everybody was logged in count no more.
const MINUTE: Duration = Duration::from_secs(61);

const ENDS_AFTER: Duration = Duration::from_secs(150);

/// The most calls that any minute has.
fn busiest_minute(calls: &[Request]) -> usize {
    let minute = |first: usize| {
        let end = calls[first].time + TimeDelta::minutes(1);
        calls[first..].iter().take_while(|call| call.time < end).count()
    };
    (0..calls.len()).map(minute).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: tests/run --long"]
async fn no_minute_has_more_calls_than_are_allowed_whichever_replicas_start_again() {
    let database = Database::empty();
    let mut fleet = Fleet::new(&database.url(), PEOPLE).await;
    fleet.settings = format!("requests_per_minute: {PER_MINUTE}\n  refresh_interval: 15s");
    // Else each call would need a pair of its own.
    fleet.cloud.cloud.access_token_lifetime(3 * 3600);
    let logins = fleet.cloud.cloud.requests().len();
    let mut replicas = fleet.replicas(REPLICAS);
    let (begun, mut restarts) = (Instant::now(), 0);
    while begun.elapsed() < ENDS_AFTER {
        restarts += 1;
        sleep_until(begun + RESTARTED_EVERY * restarts).await;
        if begun.elapsed() > MINUTE {
            fleet.cloud.cloud.limits(Limits::default());
        }
        let replica = &mut replicas[restarts as usize % REPLICAS];
        if restarts % 2 == 0 {
            replica.kill();
        } else {
            replica.stop().await;
        }
        replica.start();
    }
    let calls = fleet.cloud.cloud.requests().split_off(logins);
    let busiest = busiest_minute(&calls);
    let too_many = calls.iter().filter(|call| call.status == Some(601)).count();
    let (rotations, refused) = fleet.token_calls();
    report(format!(
        "budget: {busiest} calls in the busiest minute with {PER_MINUTE} allowed, {} in {:.0} s, {too_many} answered with 601; \
         {restarts} restarts of {REPLICAS} replicas; {rotations} rotations, {refused} refused",
        calls.len(),
        begun.elapsed().as_secs_f64()
    ));
    assert!(busiest <= PER_MINUTE + 5, "{busiest}");
    assert!(busiest >= PER_MINUTE * 8 / 10, "the budget was not used: {busiest}");
    assert_eq!((too_many, refused), (0, 0));
}
