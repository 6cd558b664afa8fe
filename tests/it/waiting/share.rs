//! One budget for the exporter and the commands beside it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::installation::{Installation, free_address};

/// The budget of the tests.
const REQUESTS_PER_MINUTE: u32 = 20;

/// What a quarter of a minute may see: its part, the request with which it begins, and a code exchange, which may be
/// early.
const IN_A_QUARTER: usize = REQUESTS_PER_MINUTE as usize / 4 + 2;

/// The time of each request after the `before` first ones.
fn times(installation: &Installation, before: usize) -> Vec<DateTime<Utc>> {
    let requests = installation.cloud.requests().split_off(before);
    requests.into_iter().filter(|request| request.action.is_some()).map(|request| request.time).collect()
}

/// The most requests in any 15 s.
fn busiest_quarter(times: &[DateTime<Utc>]) -> usize {
    let quarter = TimeDelta::seconds(15);
    times.iter().map(|first| times.iter().filter(|at| (*first..*first + quarter).contains(at)).count()).max().unwrap()
}

fn log_in(installation: &Installation, profile: &str, person: &str) {
    let mut program = installation.start(&["authorize", profile]);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    program.type_line(&installation.agree(&consent, person));
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn commands_beside_an_exporter_keep_to_its_budget() {
    let address = free_address();
    let installation = Installation::new(&["Mum", "Dad", "Granny"], "http://nas.local:10064");
    log_in(&installation, "Mum", "Alice");
    log_in(&installation, "Dad", "Bob");
    installation.allow(REQUESTS_PER_MINUTE);
    let before = installation.cloud.requests().len();
    let _exporter = installation.serve(address);
    installation.until("the exporter asks", async || times(&installation, before).len() >= 2);
    log_in(&installation, "Granny", "Zoë");
    let forgotten = installation.start(&["forget", "Dad"]).end();
    assert_eq!(forgotten.code, Some(0), "{forgotten:?}");
    assert!(forgotten.output.contains("Everything stored about Dad was deleted"), "{forgotten:?}");
    let times = times(&installation, before);
    let busiest = busiest_quarter(&times);
    assert!(busiest <= IN_A_QUARTER, "{busiest} requests in 15 s: {times:?}");
}
