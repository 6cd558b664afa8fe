//! Replicas whose own clocks are set.

use std::time::Duration;

use tracing::level_filters::LevelFilter;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::{Failure, Fault};

use super::{Replicas, soon};
use crate::log::Log;
use crate::program::until;

/// How often Alice's profile was claimed, if nobody has it now.
const CLAIMED: &str = "select fence from work where profile = 'Alice' and held_until is null";

/// Whether the database has heard that a call of Alice fails.
const FAILING: &str = "select plan->'calls'->'getmeas'->>'failing_since' is not null from work";

/// Three exporters with Alice, of whom nothing is due for hours.
async fn resting() -> Replicas {
    let mut replicas = Replicas::asleep(3, &["Alice"]).await;
    for world in &mut replicas.each {
        world.config.refresh_interval = Duration::from_hours(12);
        world.config.measurements = Measurement::by_key("weight_kg").into_iter().collect();
    }
    replicas.wake().await;
    replicas.weigh("Alice", 72);
    replicas.connect(&["Alice"]).await;
    replicas.until_weight("Alice", 72).await;
    replicas
}

#[tokio::test]
async fn a_clock_that_is_set_makes_nothing_due_and_the_log_says_so() {
    let replicas = resting().await;
    let (calls, claimed) = (replicas.cloud.requests().len(), replicas.psql(CLAIMED));
    let log = Log::listen(LevelFilter::INFO);
    replicas.each[0].host_clock.advance(Duration::from_hours(1));
    until("the line", async || log.lines().iter().any(|line| line.contains("the clock was set")).then_some(())).await;
    // The database has been asked.
    let is_claimed = |fence: &String| !fence.is_empty() && *fence != claimed;
    until("a claim that has ended", async || Some(replicas.psql(CLAIMED)).filter(is_claimed)).await;
    assert_eq!(replicas.cloud.requests().len(), calls, "by the database's clock nothing was due");
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("the database, whose clock counts, says what is due")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("everything is asked for")), "{lines:#?}");
}

#[tokio::test]
async fn a_wrong_clock_is_not_in_the_times_that_all_replicas_show() {
    let mut replicas = Replicas::asleep(1, &["Alice"]).await;
    replicas.each[0].config.measurements = Measurement::by_key("weight_kg").into_iter().collect();
    replicas.each[0].host_clock.advance(Duration::from_hours(1));
    replicas.wake().await;
    replicas.connect(&["Alice"]).await;
    // Its time in the database, which is right.
    let check = |query: &str| {
        let off = replicas
            .psql(&format!("select abs({query} - extract(epoch from wx_now())) from login join work using (profile)"));
        assert!(off.parse::<f64>().is_ok_and(|off| off < 60.0), "{query} is {off} s off");
    };
    check("connected_at");
    check("(plan->'calls'->'getmeas'->>'last_success')::bigint");
    replicas.cloud.fault(Fault::new(Failure::Http(500)).on("getmeas").times(u32::MAX));
    replicas.jump(Duration::from_mins(10));
    soon(replicas.each[0].until_down("Alice")).await;
    until("the plan", async || (replicas.psql(FAILING) == "t").then_some(())).await;
    check("(plan->'calls'->'getmeas'->>'failing_since')::bigint");
}
