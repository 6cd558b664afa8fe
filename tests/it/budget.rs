//! How many requests one profile costs, and that all together never cost more than is allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::config::Selection;
use withings_exporter::sim::{Cloud, Failure, Fault, Request};

use crate::rotation::next_heard;
use crate::sources::root;
use crate::world::World;

/// The requests of a day.
struct DayOfRequests {
    /// How many there were of each purpose.
    counts: BTreeMap<String, usize>,
    /// The most within any 60 minutes.
    most_in_an_hour: usize,
}

/// The requests of a day for a person with every device.
async fn requests_of_a_day(selection: Selection) -> DayOfRequests {
    let mut world = World::asleep(&["Alice"], |clock| Cloud::with_history(7, 1, clock)).await;
    world.config.measurements = selection;
    world.start_exporter().await;
    world.connect("Alice").await;
    world.pass(Duration::from_hours(1)).await;
    let before = world.cloud.requests().len();
    world.pass(Duration::from_hours(24)).await;
    let requests = world.cloud.requests().split_off(before);
    let times: Vec<_> = requests.iter().map(|request| request.time).collect();
    let within =
        |from: &DateTime<Utc>| times.iter().filter(|at| (*from..*from + TimeDelta::hours(1)).contains(at)).count();
    let most_in_an_hour = times.iter().map(within).max().unwrap();
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.action.unwrap()).or_default() += 1;
    }
    DayOfRequests { counts, most_in_an_hour }
}

impl DayOfRequests {
    /// Requests an hour, rounded up.
    fn per_hour(&self) -> usize {
        self.counts.values().sum::<usize>().div_ceil(24)
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_profile_costs_what_the_document_says() {
    let everything = requests_of_a_day(Selection::all()).await;
    check_slow_calls(&everything.counts);
    let thirty = requests_of_a_day(Measurement::all().take(30).collect()).await;
    assert!(everything.most_in_an_hour <= 70, "{}", everything.most_in_an_hour);
    let (everything, thirty) = (everything.per_hour(), thirty.per_hour());
    assert!(everything <= 60 && thirty <= 38, "{everything} {thirty}");
    let document = std::fs::read_to_string(root().join("docs/refreshes.md")).unwrap();
    let said =
        format!("{everything} requests an hour for each profile, or {thirty} with only the first thirty measurements");
    assert!(document.split_whitespace().collect::<Vec<_>>().join(" ").contains(&said), "it does not say: {said}");
}

/// What changes slowly is asked for slowly.
fn check_slow_calls(everything: &BTreeMap<String, usize>) {
    let of = |call: Call| everything.get(call.name()).copied().unwrap_or_default();
    assert_eq!([Call::Getactivity, Call::Getdevice, Call::Getgoals].map(of), [288, 24, 24], "{everything:?}");
    // A page or some more of everything once a day.
    assert!((96..106).contains(&of(Call::Getworkouts)), "{everything:?}");
    assert_eq!((of(Call::Getintradayactivity), everything["list"]), (96, 24), "{everything:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn what_is_not_needed_is_never_asked_for() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.config.measurements = Measurement::by_key("weight_kg").into_iter().collect();
    world.start_exporter().await;
    world.connect("Alice").await;
    // Whom a login names is told by the devices, too.
    let before = world.cloud.requests().len();
    world.pass(Duration::from_hours(4)).await;
    let requests = world.cloud.requests().split_off(before);
    let actions: BTreeSet<_> = requests.into_iter().filter_map(|request| request.action).collect();
    assert_eq!(actions, ["getmeas", "requesttoken"].map(str::to_owned).into());
}

/// An exporter with many events, and the budgets that it has had, each since a time.
struct Troubled {
    world: World,
    random: fastrand::Rng,
    budgets: Vec<(DateTime<Utc>, u32)>,
}

const PEOPLE: [&str; 4] = ["Alice", "Bob", "Carol", "Dave"];

impl Troubled {
    async fn start(seed: u64) -> Self {
        let mut world = World::with_accounts(&PEOPLE).await;
        // Shorter than all calls take: there is always something to do.
        world.config.refresh_interval = Duration::from_secs(15);
        let mut troubled = Self { world, random: fastrand::Rng::with_seed(seed), budgets: Vec::new() };
        troubled.allow();
        troubled.world.start_exporter().await;
        for name in PEOPLE {
            troubled.world.connect(name).await;
        }
        troubled
    }

    /// Notes another budget, before the exporter has it.
    fn allow(&mut self) {
        let budget = self.random.choice([4, 10, 20, 40]).unwrap();
        self.world.config.requests_per_minute = budget.try_into().unwrap();
        self.budgets.push((self.world.clock.now(), budget));
    }

    async fn suffer(&mut self) {
        match self.random.usize(..6) {
            0 => {
                self.world.stop_exporter().await;
                self.allow();
                self.world.start_exporter().await;
            }
            1 => {
                self.world.crash().await;
                self.world.start_exporter().await;
            }
            2 | 3 => {
                let people = self.random.usize(1..=PEOPLE.len());
                self.world.config.profiles = PEOPLE.map(Into::into)[..people].to_vec();
                self.allow();
                assert_eq!(self.world.reload().await.status, 200);
            }
            4 => {
                let failures = [Failure::Http(502), Failure::InvalidToken, Failure::EndlessPages, Failure::HangUp];
                let fault = Fault::new(self.random.choice(failures).unwrap());
                self.world.cloud.fault(fault.times(self.random.u32(1..20)));
            }
            _ => {
                let profile = self.random.choice(&self.world.config.profiles).unwrap().to_string();
                // Its code may die for want of a request.
                self.world.log_in(&profile, &self.world.account(&profile)).await;
            }
        }
        self.world.pass(Duration::from_millis(self.random.u64(..60_000))).await;
    }

    /// The highest budget of the minute that begins at `at`.
    fn budget(&self, at: DateTime<Utc>) -> usize {
        let before = self.budgets.iter().rposition(|(since, _)| *since <= at).unwrap();
        let of_minute = self.budgets[before..].iter().take_while(|(since, _)| *since <= at + TimeDelta::minutes(1));
        of_minute.map(|(_, budget)| *budget as usize).max().unwrap()
    }

    fn check(&self, seed: u64) {
        let is_counted = |request: &Request| request.action.is_some();
        let times: Vec<_> =
            self.world.cloud.requests().into_iter().filter(is_counted).map(|request| request.time).collect();
        assert!(times.len() > 150, "{} requests, seed {seed}", times.len());
        let mut is_used_up = false;
        for (first, at) in times.iter().enumerate() {
            let minute = times[first..].iter().take_while(|time| **time < *at + TimeDelta::minutes(1)).count();
            assert!(minute <= self.budget(*at), "{minute} of {} at {at}, seed {seed}", self.budget(*at));
            is_used_up |= minute == self.budget(*at);
        }
        assert!(is_used_up, "some of each minute's budget is left, seed {seed}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn no_minute_has_more_requests_than_allowed_whatever_happens() {
    for seed in 0..3 {
        let mut troubled = Troubled::start(seed).await;
        for _ in 0..60 {
            troubled.suffer().await;
        }
        troubled.check(seed);
    }
}

/// Alice, connected and asked about all the time, and Bob, with a budget of so many requests.
async fn narrow(budget: u32) -> World {
    let mut world = World::with_accounts(&["Alice", "Bob"]).await;
    world.config.refresh_interval = Duration::from_secs(15);
    world.start_exporter().await;
    world.connect("Alice").await;
    world.config.requests_per_minute = budget.try_into().unwrap();
    assert_eq!(world.reload().await.status, 200);
    world.pass(Duration::from_mins(5)).await;
    world
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_is_finished_in_time_with_two_requests_a_minute() {
    let world = narrow(2).await;
    for seconds in [0, 25, 50] {
        world.pass(Duration::from_secs(seconds)).await;
        let done = world.log_in("Bob", &world.account("Bob")).await;
        assert_eq!(done.status, 200, "{}", done.body);
        world.pass(Duration::from_mins(2)).await;
    }
    world.until_up("Bob").await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_that_must_wait_for_too_long_says_why() {
    let world = narrow(1).await;
    let mut requests = world.cloud.listen();
    next_heard(&mut requests).await;
    let done = world.log_in("Bob", &world.account("Bob")).await;
    assert_eq!((done.status, done.header("retry-after")), (503, Some("60")));
    assert!(done.body.contains("requests_per_minute"), "{}", done.body);
}
