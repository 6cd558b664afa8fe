//! Whole exporters that share one database. The simulated cloud, which all of them ask, knows what they did together.

mod away;
mod calls;
mod clocks;
mod commands;
mod floods;
mod logins;
mod pages;
mod programs;

use std::cell::Cell;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use withings_exporter::catalogue::Measurement;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Cloud, Limits, Measure, MeasureGroup, Request};

use crate::postgres::{Cluster, Database, shared};
use crate::storage::{DatabaseAt, migrated};
use crate::world::{World, household};

/// How long is waited for a state on a slow machine; the states themselves come within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// By when everything is due again where the interval is 12 hours: after a login the first one may be half as long again.
const ALL_IS_DUE_AFTER: Duration = Duration::from_hours(19);

/// Several exporters, the database that they share, and the cloud.
struct Replicas {
    cloud: Cloud,
    /// The cloud's.
    clock: Clock,
    each: Vec<World>,
    home: Home,
    /// How far the database's clock is ahead of the real one.
    ahead: Cell<Duration>,
    /// Has the key file.
    folder: TempDir,
}

/// Where the database is.
enum Home {
    /// On the server that all tests share.
    Shared(Database),
    /// On a server of this test alone.
    Own(Cluster),
}

/// The name of the database on a server of one test alone.
const APP: &str = "app";

impl Home {
    /// A server of this test alone, with an empty database.
    fn own() -> Self {
        let cluster = Cluster::new();
        cluster.create_database(APP);
        Self::Own(cluster)
    }

    fn server(&self) -> &Cluster {
        match self {
            Self::Shared(_) => shared(),
            Self::Own(cluster) => cluster,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Shared(database) => database.name(),
            Self::Own(_) => APP,
        }
    }
}

impl Replicas {
    /// Three exporters that are started, with these profiles and no limit of calls.
    async fn start(profiles: &[&str]) -> Self {
        let mut replicas = Self::asleep(3, profiles).await;
        replicas.wake().await;
        replicas
    }

    /// So many exporters that are not started, on a new database of the server that all tests share.
    async fn asleep(number: usize, profiles: &[&str]) -> Self {
        Self::at(Home::Shared(Database::empty()), number, profiles).await
    }

    /// The same on this empty database.
    async fn at(home: Home, number: usize, profiles: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let url = home.server().url(home.name());
        migrated(&url, folder.path()).await;
        let clock = Clock::following_tokio(Clock::system().now());
        let cloud = household(profiles, clock.clone());
        let database = DatabaseAt { url, folder: folder.path().to_owned() };
        let mut each = Vec::new();
        for _ in 0..number {
            let mut world = World::around(cloud.clone(), profiles).await;
            world.database = Some(database.clone());
            world.host_clock = Clock::following_tokio(clock.now());
            world.config.requests_per_minute = NonZeroU32::new(60_000).unwrap();
            each.push(world);
        }
        cloud.limits(Limits::OFF);
        // All people use one browser.
        let cookies = Arc::clone(&each[0].cookies);
        for world in &mut each {
            world.cookies = Arc::clone(&cookies);
        }
        Self { cloud, clock, each, home, ahead: Cell::default(), folder }
    }

    /// Leads this replica to the database over another address.
    fn lead(&mut self, replica: usize, address: SocketAddr) {
        let database = self.each[replica].database.as_mut().unwrap();
        database.url = Cluster::url_at(address, self.home.name());
    }

    /// Sets the second one's own clock an hour ahead, and the third one's an hour back.
    fn set_clocks_wrong(&self) {
        self.each[1].host_clock.advance(Duration::from_hours(1));
        self.each[2].host_clock.set_back(Duration::from_hours(1));
    }

    /// Configures one measurement, so that a refresh is one call.
    fn ask_for_weight_alone(&mut self) {
        for world in &mut self.each {
            world.config.measurements = Measurement::by_key("weight_kg").into_iter().collect();
        }
    }

    async fn wake(&mut self) {
        for world in &mut self.each {
            world.start_exporter().await;
        }
    }

    /// Logs all these people in at one replica, and waits until each has them.
    async fn connect(&self, profiles: &[&str]) {
        for profile in profiles {
            soon(self.each[0].connect_in_real_time(profile)).await;
        }
        for profile in profiles {
            self.everywhere(async |world| world.until(profile, |snapshot| snapshot.up() == Some(true)).await).await;
        }
    }

    /// Logs a person in at one replica.
    async fn log_in(&self, profile: &str) {
        let world = &self.each[0];
        assert_eq!(world.log_in(profile, &world.account(profile)).await.status, 200);
    }

    /// Waits for something at every replica.
    async fn everywhere(&self, wait: impl AsyncFn(&World)) {
        for world in &self.each {
            soon(wait(world)).await;
        }
    }

    /// Waits until every replica shows this weight.
    async fn until_weight(&self, profile: &str, kilograms: u8) {
        self.everywhere(async |world| world.until_shown(profile, "weight_kg", kilograms.into()).await).await;
    }

    fn weigh(&self, profile: &str, kilograms: u8) {
        let weight = Measure::new(1, kilograms.into(), 0);
        self.cloud.account(profile).unwrap().add(MeasureGroup::new(self.clock.unix(), [weight]));
    }

    /// The calls of `action` for a person, oldest first.
    fn calls(&self, profile: &str, action: &str) -> Vec<Request> {
        let user = self.cloud.account(profile).unwrap().userid();
        let is_such = |call: &Request| call.user == Some(user) && call.action.as_deref() == Some(action);
        self.cloud.requests().into_iter().filter(is_such).collect()
    }

    /// How often a login was refreshed, and how often in vain.
    fn rotations(&self, profile: &str) -> (usize, usize) {
        let calls = self.calls(profile, "requesttoken").into_iter();
        let refreshes = calls.filter(|call| call.params.get("grant_type").is_some_and(|kind| kind == "refresh_token"));
        let (worked, failed): (Vec<_>, Vec<_>) = refreshes.partition(|call| call.status == Some(0));
        (worked.len(), failed.len())
    }

    /// Lets so much time pass for everybody: Withings, the replicas and the database.
    fn jump(&self, time: Duration) {
        self.clock.advance(time);
        self.each.iter().for_each(|world| world.host_clock.advance(time));
        self.move_database(time);
    }

    /// The same, and for whoever waits.
    async fn pass(&self, time: Duration) {
        self.move_database(time);
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    /// Lets so much time pass for the database.
    fn move_database(&self, time: Duration) {
        let ahead = self.ahead.get() + time;
        self.ahead.set(ahead);
        self.psql(&format!(
            "create or replace function wx_now() returns timestamptz language sql stable as
               $$select statement_timestamp() + interval '{} s'$$",
            ahead.as_secs()
        ));
    }

    /// What the database answers.
    fn psql(&self, sql: &str) -> String {
        self.home.server().psql(self.home.name(), sql)
    }
}

/// The outcome of what takes seconds at the most.
async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    timeout(PATIENCE, awaited).await.expect("in vain")
}
