//! Power cuts while readings come in: the next start shows the last values at once, and no older ones than were stored.
//!
//! 6 kills; `WITHINGS_TEST_KILLS=20` for more. A start after a kill lets 11 s pass before it asks for data.

use std::env;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::served::{Served, alice, weigh};
use crate::rotation::heard;

/// How often the program is killed unless it is said.
const KILLS: i32 = 6;

/// A start that works takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "long: tests/run --long"]
async fn no_kill_costs_the_last_values() {
    let world = alice().await;
    let mut stored = 72.0;
    let kills = env::var("WITHINGS_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    for kilograms in 73..73 + kills {
        let mut calls = world.cloud.listen();
        let program = Served::start(&world);
        let shown = program.weight().await.expect("the first scrape shows the last values");
        let is_in_time = (stored..f64::from(kilograms)).contains(&shown);
        assert!(is_in_time, "{shown} after {stored}, before {kilograms}");
        stored = shown;
        weigh(&world, kilograms.into());
        timeout(PATIENCE, heard(&mut calls, "getmeas")).await.unwrap();
        // From the answer on its way to the file in its place.
        sleep(Duration::from_micros(fastrand::u64(0..30_000))).await;
    }
}
