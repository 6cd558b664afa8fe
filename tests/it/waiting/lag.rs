//! How late the refreshes are.

use withings_exporter::sim::{Failure, Fault};

use super::{LOOK_EVERY, check_within};
use crate::rules::{Rule, SwitchedOn};
use crate::world::World;

const LAG: &str = "withings_exporter_refresh_lag_seconds";

/// A call that is due waits for its turn, for that of the calls before it, and for their answers.
const USUAL: f64 = 10.0;

const PEOPLE: [&str; 8] = ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi"];

async fn lag(world: &World) -> f64 {
    world.sample(LAG).await.unwrap_or_else(|| panic!("{LAG} is missing"))
}

async fn allow(world: &mut World, requests_per_minute: u32) {
    world.config.requests_per_minute = requests_per_minute.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
}

#[tokio::test(crate = "crate::paused")]
async fn the_lag_grows_where_the_budget_does_not_carry_the_refreshes_and_ends_where_it_does() {
    let mut world = World::connected(&PEOPLE).await;
    check_within(&world, 60.0, "nothing waits", async || lag(&world).await <= 0.0).await;
    allow(&mut world, 2).await;
    for (lags, minutes) in [(60.0, 8.0), (300.0, 20.0)] {
        let what = format!("the lag is {lags} s");
        check_within(&world, minutes * 60.0, &what, async || lag(&world).await > lags).await;
    }
    allow(&mut world, 120).await;
    check_within(&world, 300.0, "nothing waits", async || lag(&world).await <= 0.0).await;
}

#[test]
fn an_alert_tells_of_the_lag() {
    let files = SwitchedOn::new().rules();
    let tells = |rule: &Rule| rule.alert.is_some() && rule.expr.contains(LAG);
    assert!(files.iter().flat_map(|file| &file.rules).any(tells), "no alert reads {LAG}");
}

#[tokio::test(crate = "crate::paused")]
async fn a_pause_after_a_failure_is_no_lag() {
    let world = World::connected(&["Alice"]).await;
    world.cloud.fault(Fault::new(Failure::Http(500)).times(u32::MAX));
    let began = world.clock.unix();
    while world.clock.unix() - began < 3600 {
        let lag = lag(&world).await;
        assert!(lag <= USUAL, "{lag} s");
        world.pass(LOOK_EVERY * 8).await;
    }
}
