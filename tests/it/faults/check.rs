//! The one check that every row goes through.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, timeout};
use tracing::level_filters::LevelFilter;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Measure, MeasureGroup, Request};

use super::row::{Again, Row, Shown, Trouble};
use crate::log::Log;
use crate::world::{World, beginning};

/// What Alice weighs before, during and after the trouble, kilograms.
const WEIGHTS: [i64; 3] = [72, 71, 70];

/// The latest time when a fault must tell of itself: of the calls that are made hourly.
const TOLD_WITHIN: u64 = 3700;

/// The latest time when the values must be right again: what is tried hourly, and its round of calls.
const MENDED_WITHIN: u64 = 3700;

/// What rounding may take from a pause, seconds.
const ROUNDING: i64 = 1;

/// What the turns of others and rounding may add to a pause, seconds.
const TURNS: i64 = 5;

const AUTHORIZED: &str = "withings_authorized{profile=\"Alice\"}";

const DAY: Duration = Duration::from_hours(24);

/// Plays a row: the fault begins, is told, shows what it should, is tried again when it should, ends, and leaves
/// nothing.
pub(super) async fn check(row: Row) {
    let log = Log::listen(LevelFilter::WARN);
    let mut world = household(&row).await;
    log.clear();
    if !matches!(row.trouble, Trouble::Empty) {
        weigh(&world, WEIGHTS[1]);
    }
    let mut scene = Scene { tries_before: 0, others_before: calls_of_alice(&world, "getsummary").len(), row: &row };
    scene.tries_before = scene.tries(&world).await;
    scene.begin(&mut world).await;
    let failed_at = scene.until_told(&world).await;
    scene.check_shown(&world).await;
    scene.check_log(&log.lines());
    scene.check_pause(&world, failed_at).await;
    scene.check_alone(&world).await;
    scene.end(&mut world).await;
    weigh(&world, WEIGHTS[2]);
    until(&world, "the values are right again", MENDED_WITHIN, async || {
        is_healthy(&world, "Alice").await && weight(&world).await == Some(WEIGHTS[2])
    })
    .await;
}

struct Scene<'a> {
    row: &'a Row,
    tries_before: usize,
    others_before: usize,
}

impl Scene<'_> {
    async fn begin(&self, world: &mut World) {
        let alice = world.account("Alice");
        match &self.row.trouble {
            Trouble::Calls(action, fault) => world.cloud.fault(fault.clone().on(action).of(alice.userid())),
            Trouble::Daily(fault) => {
                world.clock.advance(DAY);
                world.cloud.fault(fault.clone().on("getmeas").of(alice.userid()));
            }
            Trouble::Odd(odd) => odd(&alice, world.clock.unix()),
            Trouble::Refused => world.stop_cloud().await,
            Trouble::Revoked(names) => names.iter().for_each(|name| world.account(name).revoke()),
            Trouble::ClockAhead => world.host_clock.advance(DAY),
            Trouble::ClockBack => world.host_clock.set_back(DAY),
            Trouble::Empty => {}
            Trouble::Network => unreachable!("played by programs of their own"),
        }
    }

    async fn end(&self, world: &mut World) {
        world.cloud.heal();
        match &self.row.trouble {
            Trouble::Refused => world.resume_cloud().await,
            Trouble::ClockAhead => world.host_clock.set_back(DAY),
            Trouble::ClockBack => world.host_clock.advance(DAY),
            _ => {}
        }
        if matches!(self.row.again, Again::Login | Again::NewLogin) {
            for name in ["Alice", "Bob"] {
                world.connect(name).await;
            }
        }
    }

    async fn until_told(&self, world: &World) -> DateTime<Utc> {
        until(world, "the fault is told", TOLD_WITHIN, async || match &self.row.metric {
            Some((series, value)) => world.sample(series).await.is_some_and(|shown| is_reached(shown, *value)),
            None => self.tries(world).await > self.tries_before,
        })
        .await;
        let told_at = world.clock.now();
        // What follows the failed call at once is part of it.
        world.pass(Duration::from_secs(1)).await;
        told_at
    }

    /// Scrapes are answered at once, with what should be shown; nobody else is concerned.
    async fn check_shown(&self, world: &World) {
        let asked = Instant::now();
        let shown = weight(world).await;
        assert_eq!(asked.elapsed(), Duration::ZERO, "a scrape has waited");
        let expected = match self.row.shown {
            Shown::Last => Some(WEIGHTS[0]),
            Shown::New => Some(WEIGHTS[1]),
            Shown::Nothing => None,
        };
        assert_eq!(shown, expected);
        let concerns_everybody = matches!(self.row.trouble, Trouble::Refused | Trouble::Revoked([_, _]));
        assert!(concerns_everybody || is_healthy(world, "Bob").await);
    }

    fn check_log(&self, lines: &[String]) {
        let is_of_others =
            |line: &&String| line.contains("profile=Bob") || line.contains("call=") && !line.contains("call=getmeas");
        // A row or a value that is left out is counted and logged once, and no failure of the call.
        let is_of_a_value = |line: &String| line.contains("Withings sent a value that is not known");
        let is_of_this = |line: &&String| !is_of_others(line) || line.contains(&format!("call={}", self.action()));
        let lines: Vec<_> = lines.iter().filter(is_of_this).collect();
        match self.row.log {
            Some(words) => assert!(lines.len() == 1 && lines[0].contains(words), "{lines:#?}"),
            None => assert!(lines.iter().all(|line| is_of_a_value(line)), "{lines:#?}"),
        }
    }

    async fn check_pause(&self, world: &World, failed_at: DateTime<Utc>) {
        let tries = self.tries(world).await;
        let Some(pause) = self.row.again.pause() else {
            world.pass(Duration::from_hours(2)).await;
            assert_eq!(self.tries(world).await, tries, "tried again");
            return;
        };
        let tried_within = pause.end() + 60;
        until(world, "the next try", tried_within, async || self.tries(world).await > tries).await;
        let calls = calls_of_alice(world, self.action());
        let paused = match self.row.trouble {
            Trouble::Refused => world.clock.now() - failed_at,
            // Within a refresh, nothing is published in between.
            _ if self.row.again == Again::OtherToken => calls[tries].time - calls[tries - 1].time,
            _ => calls[tries].time - failed_at,
        };
        let [least, most] = [*pause.start(), *pause.end()].map(|seconds| i64::try_from(seconds).unwrap());
        let allowed = TimeDelta::seconds(least - ROUNDING)..=TimeDelta::seconds(most + TURNS);
        assert!(allowed.contains(&paused), "tried again after {paused}");
        if self.row.again == Again::OtherToken {
            let rotations = world.sample("withings_exporter_token_rotations_total{profile=\"Alice\"}").await;
            assert_eq!(rotations, Some(1.0));
        }
    }

    /// Alice's other calls go on beside one that fails, and her login counts as it is.
    async fn check_alone(&self, world: &World) {
        let Trouble::Calls("getmeas", _) = self.row.trouble else { return };
        let others = || calls_of_alice(world, "getsummary").len();
        until(world, "the other calls", 300, async || others() > self.others_before).await;
        let success = world.sample("withings_exporter_refresh_success{profile=\"Alice\",call=\"getsummary\"}").await;
        let authorized = world.sample(AUTHORIZED).await;
        let is_refused = self.row.metric.as_ref().is_some_and(|(series, _)| series == AUTHORIZED);
        assert_eq!((success, authorized), (Some(1.0), Some(f64::from(!is_refused))));
    }

    /// How often it was tried; what never reaches Withings is counted by the exporter.
    async fn tries(&self, world: &World) -> usize {
        if let (Trouble::Refused, Some((series, _))) = (&self.row.trouble, &self.row.metric) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small counter")]
            return world.sample(series).await.unwrap_or_default() as usize;
        }
        calls_of_alice(world, self.action()).len()
    }

    /// The action that is tried.
    fn action(&self) -> &str {
        match self.row.trouble {
            Trouble::Calls(action, _) => action,
            Trouble::Revoked(_) => "requesttoken",
            _ => "getmeas",
        }
    }
}

/// Alice and Bob, connected, each with a weight.
async fn household(row: &Row) -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    if !matches!(row.trouble, Trouble::Empty) {
        weigh(&world, WEIGHTS[0]);
    }
    if matches!(row.trouble, Trouble::ClockAhead | Trouble::ClockBack) {
        world.host_clock = Clock::following_tokio(beginning());
    }
    world.start_exporter().await;
    world.connect("Alice").await;
    // What Withings never hears of is counted for all profiles together.
    if !matches!(row.trouble, Trouble::Refused) {
        world.connect("Bob").await;
    }
    world
}

fn weigh(world: &World, kilograms: i64) {
    let weight = Measure::new(1, kilograms, 0);
    world.account("Alice").add(MeasureGroup::new(world.clock.unix(), [weight]));
}

#[expect(clippy::cast_possible_truncation, reason = "whole kilograms")]
async fn weight(world: &World) -> Option<i64> {
    world.value("Alice", "weight_kg").await.map(|kilograms| kilograms as i64)
}

async fn is_healthy(world: &World, name: &str) -> bool {
    let page = world.metrics().await;
    ["up", "authorized"].iter().all(|metric| page.contains(&format!("\nwithings_{metric}{{profile=\"{name}\"}} 1\n")))
}

/// Whether a counter has come so far, or a flag is down.
fn is_reached(sample: f64, value: f64) -> bool {
    if value == 0.0 { sample == 0.0 } else { sample >= value }
}

/// Looks at each change until it is so, for so many seconds at most.
async fn until(world: &World, what: &str, seconds: u64, mut is_so: impl AsyncFnMut() -> bool) {
    let (began, mut changes) = (Instant::now(), world.changes());
    while !is_so().await {
        assert!(began.elapsed().as_secs() <= seconds, "in vain: {what}");
        drop(timeout(Duration::from_mins(1), changes.changed()).await);
    }
}

fn calls_of_alice(world: &World, action: &str) -> Vec<Request> {
    let alice = world.account("Alice").userid();
    world.calls(action).into_iter().filter(|call| call.user == Some(alice)).collect()
}
