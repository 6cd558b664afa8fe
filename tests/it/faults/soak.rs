//! Weeks of random faults: nothing grows, the budget is kept in every minute, and in the end every value is right.
//!
//! A week of 5 profiles; `WITHINGS_TEST_SOAK=month` for a month of 20. `WITHINGS_TEST_SEED` repeats a run.

use std::collections::VecDeque;
use std::env;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;
use withings_exporter::process::Process;
use withings_exporter::sim::{DEEP, Device, Failure, Fault, LIGHT, Measure, MeasureGroup, Night, Request};

use crate::paused::runtime::Builder;
use crate::program::spawn;
use crate::world::{DATA_ACTIONS, World};

/// Tells a child process that it is the one to measure: other tests would make this one look larger.
const WITHIN: &str = "WITHINGS_TEST_SOAK_WITHIN";

/// The day from which on nothing may grow: what is kept up to a limit is full by then, as the cloud's journal is.
const SETTLED: u32 = 4;

/// How far the numbers of tasks and descriptors may vary.
const SOME: usize = 5;

/// What an allocator may keep, in bytes.
const ALLOCATOR: u64 = 16 << 20;

/// Longer than usual: a request costs the simulated cloud as much as the exporter.
const INTERVAL: Duration = Duration::from_mins(15);

const HOUR: Duration = Duration::from_hours(1);

/// The resources that the process uses.
#[derive(Clone, Copy, Debug)]
struct Usage {
    tasks: usize,
    descriptors: u64,
    memory: u64,
}

impl Usage {
    fn now() -> Self {
        let Process { open_fds, resident_bytes, .. } = Process::read().unwrap();
        Self { tasks: Handle::current().metrics().num_alive_tasks(), descriptors: open_fds, memory: resident_bytes }
    }

    fn is_grown_from(self, before: Self) -> bool {
        self.tasks > before.tasks + SOME
            || self.descriptors > before.descriptors + SOME as u64
            || self.memory > before.memory + ALLOCATOR
    }
}

struct Soak {
    world: World,
    names: Vec<String>,
    random: Rng,
}

impl Soak {
    async fn start(profiles: usize, seed: u64) -> Self {
        let names: Vec<_> = (1..=profiles).map(|number| format!("Person {number}")).collect();
        let mut world = World::with_accounts(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        world.config.refresh_interval = INTERVAL;
        world.start_exporter().await;
        for name in &names {
            world.connect(name).await;
        }
        Self { world, names, random: Rng::with_seed(seed) }
    }

    /// A day of measurements and faults, mended in its last two hours.
    async fn day(&mut self, deletes: bool) {
        for name in self.names.clone() {
            self.sleep(&name);
        }
        for hour in 0..22 {
            self.weigh();
            self.fail();
            if deletes && hour % 8 == 0 {
                self.delete();
            }
            self.scrape().await;
            self.world.pass(HOUR).await;
        }
        self.world.cloud.heal();
        self.world.pass(2 * HOUR).await;
    }

    fn weigh(&mut self) {
        let weight = Measure::new(1, self.random.i64(40_000..120_000), -3);
        self.anybody().add(MeasureGroup::new(self.world.clock.unix(), [weight]));
    }

    fn delete(&mut self) {
        let account = self.anybody();
        if let Some(group) = self.random.choice(account.groups()) {
            account.delete::<MeasureGroup>(group.id);
        }
    }

    fn sleep(&mut self, name: &str) {
        let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
        let deep = self.random.u16(30..120);
        let night = Night::asleep(&mat, self.world.clock.unix() - 8 * 3600, &[(LIGHT, 300), (DEEP, deep)]);
        self.world.account(name).add(night);
    }

    fn fail(&mut self) {
        let failures = [
            Failure::Http(502),
            Failure::Http(429),
            Failure::Verbatim("<html>"),
            Failure::Verbatim(r#"{"status":0,"body":7}"#),
            Failure::HangUp,
            Failure::InvalidToken,
            Failure::InvalidParams,
            Failure::Status(2555),
            Failure::TooManyRequests { wait_seconds: None },
            Failure::SameArguments { wait_seconds: 188 },
            Failure::EndlessPages,
        ];
        let fault = match self.random.usize(0..failures.len() + 2) {
            0 => Fault::delay(HOUR),
            1 => Fault::drip(),
            other => Fault::new(failures[other - 2]),
        };
        let action = self.random.choice([&DATA_ACTIONS[..], &["requesttoken"]].concat()).unwrap();
        let fault = fault.on(action).of(self.anybody().userid()).times(self.random.u32(1..20));
        self.world.cloud.fault(fault);
    }

    fn anybody(&mut self) -> withings_exporter::sim::Account {
        let name = self.random.choice(&self.names).unwrap();
        self.world.account(name)
    }

    async fn scrape(&self) {
        assert_eq!(self.world.get("/metrics").await.status, 200);
    }

    /// The samples of the people.
    async fn shown(&self) -> Vec<String> {
        for name in &self.names {
            self.world.until_up(name).await;
        }
        let page = self.world.metrics().await;
        let rows = page.lines().filter(|line| line.starts_with("withings_") && !line.starts_with("withings_exporter_"));
        rows.map(str::to_owned).collect()
    }

    /// The samples of the people, of an exporter that has seen none of the faults.
    async fn shown_anew(&mut self) -> Vec<String> {
        self.world.stop_exporter().await;
        self.world.disk = TempDir::new().unwrap();
        self.world.start_exporter().await;
        for name in &self.names {
            self.world.connect(name).await;
        }
        self.shown().await
    }
}

/// The most requests in any minute.
async fn busiest_minute(mut requests: Receiver<Request>) -> usize {
    let (mut minute, mut most) = (VecDeque::new(), 0);
    while let Ok(request) = requests.recv().await {
        if request.action.is_some() {
            minute.push_back(request.time);
            let begin = request.time - chrono::TimeDelta::minutes(1);
            minute.retain(|request| *request > begin);
            most = most.max(minute.len());
        }
    }
    most
}

async fn play(days: u32, profiles: usize) {
    let seed = env::var("WITHINGS_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    let mut soak = Soak::start(profiles, seed).await;
    let budget = usize::try_from(soak.world.config.requests_per_minute.get()).unwrap();
    let busiest = tokio::spawn(busiest_minute(soak.world.cloud.listen()));
    let mut settled = None;
    for day in 1..=days {
        soak.day(day + 2 < days).await;
        let usage = Usage::now();
        let before = *settled.get_or_insert(usage);
        if day <= SETTLED {
            settled = Some(usage);
        }
        assert!(!usage.is_grown_from(before), "day {day}: {before:?} became {usage:?}; seed {seed}");
        report(&format!("day {day}: {usage:?}"));
    }
    let shown = soak.shown().await;
    assert_eq!(shown, soak.shown_anew().await, "seed {seed}");
    soak.world.stop_exporter().await;
    drop(soak);
    let busiest = busiest.await.unwrap();
    assert!(busiest <= budget, "{busiest} requests in a minute; seed {seed}");
    report(&format!("{days} days of {profiles} profiles: at most {busiest} requests in a minute; seed {seed}"));
}

#[expect(clippy::explicit_write, reason = "the harness swallows what a test that passes prints with a macro")]
fn report(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

#[test]
#[ignore = "long: tests/run --long"]
fn nothing_grows_and_everything_is_right_in_the_end() {
    if env::var_os(WITHIN).is_none() {
        let test = "faults::soak::nothing_grows_and_everything_is_right_in_the_end";
        let mut command = Command::new(env::current_exe().unwrap());
        let mut within =
            spawn(command.args(["--exact", test, "--include-ignored", "--nocapture"]).env(WITHIN, "1")).unwrap();
        return assert!(within.wait().unwrap().success());
    }
    let is_long = env::var("WITHINGS_TEST_SOAK").is_ok_and(|text| text == "month");
    let (days, profiles) = if is_long { (30, 20) } else { (7, 5) };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play(days, profiles));
}
