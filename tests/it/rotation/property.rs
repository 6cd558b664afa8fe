//! Any sequence of troubles: a login lives on unless a person ended it or its file was lost.
//!
//! 32 histories, half of them with a service that forgives nothing; `PROPTEST_CASES` for more.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join3;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::time::timeout;
use withings_exporter::sim::{Failure, Fault, Rotation};
use withings_exporter::withings::calls::{DataCall, Getmeas, Getsummary, SleepGet};
use withings_exporter::withings::request::RowSelection;

use super::{heard, is_authorized, weigh};
use crate::paused::runtime::Builder;
use crate::world::World;

/// Each answer of the token endpoint takes so long: two refreshes that are closer together were in flight at once.
const IN_FLIGHT: TimeDelta = TimeDelta::seconds(3);

/// Longer than a request may take: Withings has made the pair, and the exporter never hears of it.
const TOO_LATE: Duration = Duration::from_secs(40);

/// What happens in the world.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes, in minutes.
    Passes(u64),
    /// Three calls are made at once.
    CallsAtOnce,
    /// So many data calls find their token refused.
    TokenRefused { action: &'static str, times: u32 },
    /// So many refreshes go wrong.
    RefreshFails { failure: Failure, times: u32 },
    /// So many answers to refreshes are lost on the wire.
    AnswerLost { times: u32 },
    /// The disk breaks, or is mended.
    DiskTurns,
    /// The disk breaks between the next refresh and its answer.
    DiskBreaksDuringRefresh,
    /// The process dies so many milliseconds after the next refresh was asked for.
    Crash { after: u64 },
    /// The process ends in good order and starts again.
    Restart,
    /// While the process does not run, the login's file is cut to so many bytes.
    FileIsCut(u64),
    /// The person unlinks the exporter at Withings.
    Revoked,
}

/// What may happen without the end of a login. Where a refresh token works once, no answer may be lost.
fn event(rotation: Rotation) -> impl Strategy<Value = Event> {
    let loss = match rotation {
        Rotation::Grace | Rotation::Lenient | Rotation::Watchful => prop_oneof![
            (1..3_u32).prop_map(|times| Event::AnswerLost { times }),
            (0..6000_u64).prop_map(|after| Event::Crash { after }),
        ]
        .boxed(),
        Rotation::Strict => Just(Event::Restart).boxed(),
    };
    let failure = prop_oneof![
        Just(Failure::Http(502)),
        Just(Failure::InvalidParams),
        Just(Failure::TooManyRequests { wait_seconds: Some(68) }),
        Just(Failure::TooManyRequests { wait_seconds: None }),
        Just(Failure::SameArguments { wait_seconds: 188 }),
    ];
    let action = prop_oneof![Just("getmeas"), Just("getsummary"), Just("get")];
    prop_oneof![
        4 => (1..80_u64).prop_map(Event::Passes),
        2 => Just(Event::CallsAtOnce),
        2 => (action, 1..4_u32).prop_map(|(action, times)| Event::TokenRefused { action, times }),
        2 => (failure, 1..4_u32).prop_map(|(failure, times)| Event::RefreshFails { failure, times }),
        6 => loss,
        2 => Just(Event::DiskTurns),
        2 => Just(Event::DiskBreaksDuringRefresh),
        1 => Just(Event::Restart),
        1 => (0..200_u64).prop_map(Event::FileIsCut),
        1 => Just(Event::Revoked),
    ]
}

/// A world with one login and what the model knows about it.
struct ModelledWorld {
    world: World,
    rotation: Rotation,
    is_alive: bool,
    is_disk_broken: bool,
    weight: i64,
    /// The refreshes of processes that died do not count as in flight.
    crashed_at: Vec<DateTime<Utc>>,
    /// The version of the stored login after the consent, and how many refreshes had worked by then.
    consent: (u64, usize),
}

impl ModelledWorld {
    async fn begin(rotation: Rotation) -> Self {
        let mut world = World::with_accounts(&["Alice"]).await;
        // Many rotations, few calls.
        world.cloud.rotation(rotation);
        world.cloud.access_token_lifetime(40 * 60);
        world.config.refresh_interval = Duration::from_mins(15);
        world.cloud.fault(slow_refreshes());
        world.start_exporter().await;
        world.connect("Alice").await;
        let consent = rotations(&world).unwrap();
        Self { world, rotation, is_alive: true, is_disk_broken: false, weight: 60, crashed_at: Vec::new(), consent }
    }

    async fn happen(&mut self, event: &Event) {
        match *event {
            Event::Passes(minutes) => self.world.pass(Duration::from_mins(minutes)).await,
            Event::CallsAtOnce => self.call_at_once().await,
            Event::TokenRefused { action, times } => {
                self.fault(Fault::new(Failure::InvalidToken).on(action).times(times));
            }
            Event::RefreshFails { failure, times } => {
                self.fault(Fault::new(failure).on("requesttoken").times(times));
            }
            Event::AnswerLost { times } => self.fault(Fault::delay(TOO_LATE).on("requesttoken").times(times)),
            Event::DiskTurns => self.turn_disk(),
            Event::DiskBreaksDuringRefresh => {
                self.next_refresh().await;
                if !self.is_disk_broken {
                    self.turn_disk();
                }
            }
            Event::Crash { after } => {
                self.next_refresh().await;
                self.world.pass(Duration::from_millis(after)).await;
                self.world.crash().await;
                self.crashed_at.push(self.world.clock.now());
                self.world.start_exporter().await;
            }
            Event::Restart => {
                if self.rotation == Rotation::Strict && self.is_disk_broken {
                    // A pair that is in memory only ends with the process.
                    self.turn_disk();
                }
                self.world.stop_exporter().await;
                self.world.start_exporter().await;
            }
            Event::FileIsCut(length) => self.cut_file(length).await,
            Event::Revoked => {
                self.world.account("Alice").revoke();
                self.is_alive = false;
            }
        }
        self.check_pair();
    }

    /// Faults strike in their order, and the slow answers are the last.
    fn fault(&self, fault: Fault) {
        self.world.cloud.heal();
        self.world.cloud.fault(fault);
        self.world.cloud.fault(slow_refreshes());
    }

    async fn call_at_once(&self) {
        let (caller, now) = (self.world.caller("Alice"), self.world.clock.unix());
        let measures = Getmeas::request(RowSelection::ChangedSince(now - 1));
        let nights = Getsummary::request(RowSelection::ChangedSince(now - 1));
        let segments = SleepGet::request(RowSelection::Between { from: now - 1, to: now });
        // Whether they work is up to the other troubles.
        drop(
            join3(
                caller.rows::<Getmeas>(&measures),
                caller.rows::<Getsummary>(&nights),
                caller.rows::<SleepGet>(&segments),
            )
            .await,
        );
    }

    /// Waits for the next refresh; an hour at most, for there may be none.
    async fn next_refresh(&self) {
        let mut calls = self.world.cloud.listen();
        drop(timeout(Duration::from_hours(1), heard(&mut calls, "requesttoken")).await);
    }

    fn turn_disk(&mut self) {
        if self.is_disk_broken {
            self.world.mend_disk();
        } else {
            self.world.break_disk();
        }
        self.is_disk_broken = !self.is_disk_broken;
    }

    async fn cut_file(&mut self, length: u64) {
        if self.is_disk_broken {
            return;
        }
        self.world.stop_exporter().await;
        let files = fs::read_dir(self.world.disk.path().join("logins")).unwrap().map(|entry| entry.unwrap().path());
        for login in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let whole = fs::read(&login).unwrap();
            let cut = usize::try_from(length).unwrap().min(whole.len() - 1);
            File::create(login).unwrap().write_all(&whole[..cut]).unwrap();
            self.is_alive = false;
        }
        self.world.start_exporter().await;
    }

    /// Only a refresh that worked may change the stored pair.
    fn check_pair(&self) {
        if self.is_disk_broken {
            return;
        }
        let Some((version, worked)) = rotations(&self.world) else { return };
        let (stored, brought) = (version - self.consent.0, worked - self.consent.1);
        assert!(stored <= brought as u64, "{stored} pairs were stored, and {brought} refreshes have worked");
    }

    /// The troubles end; within an hour the exporter shows what is true, after a new login if the login was lost.
    async fn check_outcome(&mut self) {
        self.world.cloud.heal();
        self.world.cloud.fault(slow_refreshes());
        if self.is_disk_broken {
            self.turn_disk();
        }
        self.weight += 1;
        weigh(&self.world, "Alice", self.weight);
        if !self.is_alive {
            self.world.pass(Duration::from_hours(1)).await;
            assert!(!is_authorized(&self.world, "Alice").await);
            assert_ne!(self.world.value("Alice", "weight_kg").await, Some(self.weight as f64));
            self.world.connect("Alice").await;
            (self.is_alive, self.consent) = (true, rotations(&self.world).unwrap());
        }
        self.world.until_shown("Alice", "weight_kg", self.weight as f64).await;
        self.world.until_up("Alice").await;
        assert!(is_authorized(&self.world, "Alice").await);
        self.check_pair();
    }

    /// Never more than one refresh in flight, but where the process of the first one died.
    fn check_single_flight(&self) {
        let refreshes = self.world.calls("requesttoken");
        for pair in refreshes.windows(2) {
            let (first, second) = (pair[0].time, pair[1].time);
            // An answer that is no success comes at once.
            let overlap = pair[0].status == Some(0) && second - first < IN_FLIGHT;
            let died = self.crashed_at.iter().any(|at| (first..=second).contains(at));
            assert!(!overlap || died, "two refreshes in flight at once: {pair:#?}");
        }
    }
}

/// The version of the stored login, if there is one, and how many refreshes have worked.
fn rotations(world: &World) -> Option<(u64, usize)> {
    let worked = world.calls("requesttoken").iter().filter(|call| call.status == Some(0)).count();
    Some((world.stored("Alice")?.version, worked))
}

fn slow_refreshes() -> Fault {
    Fault::delay(IN_FLIGHT.to_std().unwrap()).on("requesttoken").times(u32::MAX)
}

/// Runs through these troubles, with an hour's rest after each part.
fn check(rotation: Rotation, parts: &[Vec<Event>]) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut modelled = ModelledWorld::begin(rotation).await;
        for events in parts {
            for event in events {
                modelled.happen(event).await;
            }
            modelled.check_outcome().await;
        }
        modelled.check_single_flight();
    });
}

/// Half of all histories, in this mode of the cloud.
fn check_histories(rotation: Rotation) {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(32_u32).div_ceil(2);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let histories = vec(vec(event(rotation), 1..5), 1..4);
    TestRunner::new(config)
        .run(&histories, |parts| {
            check(rotation, &parts);
            Ok(())
        })
        .unwrap();
}

/// A call beside the refreshes may be refused as theirs was; what is shown of the login is read from theirs alone.
#[test]
fn a_call_that_is_refused_beside_the_refreshes_says_nothing_of_the_login() {
    let refused = Event::TokenRefused { action: "getsummary", times: 2 };
    for rotation in [Rotation::Grace, Rotation::Strict] {
        check(rotation, &[vec![refused.clone(), Event::CallsAtOnce]]);
    }
}

#[test]
fn whatever_happens_a_login_that_nobody_ended_lives() {
    check_histories(Rotation::Grace);
}

#[test]
fn where_a_token_works_once_it_is_used_once() {
    check_histories(Rotation::Strict);
}
