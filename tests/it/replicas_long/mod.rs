//! Many replicas of the real program on a real PostgreSQL, for minutes: killed, frozen, restarted, and their database with
//! them. The simulated cloud tells what became of the logins.

mod budget;
mod chaos;
mod fail_over;
mod floods;
mod rolling;
mod way;
mod writers;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Account, Cloud, Measure, MeasureGroup, Person};
use withings_exporter::storage::postgres::{Address, Pool, migrate};
use withings_exporter::storage::{NewConsent, NewLogin};
use withings_exporter::zone::Zone;

use self::way::Way;
use crate::http_client::{Answer, Connection};
use crate::installation::free_address;
use crate::program::{Program, until};
use crate::sim::server::{ALL_SCOPES, Server};
use crate::storage::open_at;

/// Withings' number of the weight.
const WEIGHT: u32 = 1;

/// An access token that lives so long, in seconds, is refreshed a minute after the last time.
const SHORT_LIFE: i64 = 6 * 60;

/// A database that is full of logins, the cloud that gave them, and who else needs both: the replicas.
struct Fleet {
    cloud: Server,
    url: String,
    people: Vec<String>,
    folder: TempDir,
    /// Lines of the configuration of the replicas that start from now on.
    settings: String,
}

impl Fleet {
    /// So many people, logged in. Their access tokens live for a moment. Each is weighed once.
    async fn new(url: &str, people: u64) -> Self {
        let cloud = Cloud::new(Clock::system());
        let people: Vec<_> = (1..=people).map(|number| format!("Person {number}")).collect();
        for (userid, name) in (1..).zip(&people) {
            let account = cloud.add_person(Person::new(userid, name, Zone::UTC));
            account.add(weighing(&Clock::system(), 70_000));
        }
        cloud.access_token_lifetime(SHORT_LIFE);
        let settings = "requests_per_minute: 120\n  refresh_interval: 15s".to_owned();
        let (cloud, folder) = (Server::start(cloud), TempDir::new().unwrap());
        let fleet = Self { cloud, url: url.to_owned(), people, folder, settings };
        fleet.log_everybody_in().await;
        fleet
    }

    async fn log_everybody_in(&self) {
        let pool = Pool::open(&Address::parse(&self.url, None).unwrap()).unwrap();
        migrate(&pool, &self.folder.path().join("key")).await.unwrap();
        let clock = Clock::system();
        let storage = open_at(&self.url, self.folder.path(), &clock).await.unwrap();
        for (user_id, name) in (1..).zip(&self.people) {
            let tokens = self.cloud.login(user_id);
            let new = NewLogin {
                user_id: user_id.to_string(),
                access_token: tokens.access.into(),
                // It is refreshed before the first call.
                expires_at: clock.unix(),
                refresh_token: tokens.refresh.into(),
                scopes: ALL_SCOPES.split(',').map(str::to_owned).collect(),
            };
            let consent = NewConsent { profile: name.as_str().into(), new, demo: false };
            storage.connect(consent, &[], false).await.unwrap();
        }
    }

    /// A replica of this name, running.
    fn replica(&self, name: &str) -> Replica {
        let way = Way::to(self.cloud.address);
        let config = self.folder.path().join(format!("{name}.yaml"));
        let people: Vec<_> = self.people.iter().map(|name| format!("\"{name}\"")).collect();
        let text = format!(
            "withings:\n  client_id: app\n  client_secret: secret\n  profiles: [{}]\n  measurements: [weight_kg]\n  \
             {}\n  api_url: http://{way}\n  account_url: http://{way}\n",
            people.join(", "),
            self.settings,
            way = way.address(),
        );
        crate::config::write(&config, &text);
        let url = format!("{}&application_name={name}", self.url);
        let key = self.folder.path().join("key");
        let mut replica =
            Replica { name: name.to_owned(), config, key, url, address: free_address(), way, program: None };
        replica.start();
        replica
    }

    fn replicas(&self, number: usize) -> Vec<Replica> {
        (1..=number).map(|number| self.replica(&format!("replica-{number}"))).collect()
    }

    /// The account of a person, counted from 0.
    fn account(&self, person: usize) -> Account {
        self.cloud.cloud.account(&self.people[person]).unwrap()
    }

    /// How many calls for weights Withings has answered.
    fn fetches(&self) -> usize {
        self.cloud.cloud.requests().iter().filter(|call| call.action.as_deref() == Some("getmeas")).count()
    }

    /// How many calls for tokens Withings has answered with a pair, and how many it has refused.
    fn token_calls(&self) -> (usize, usize) {
        let calls = self.cloud.cloud.requests();
        let calls = calls.iter().filter(|call| {
            call.action.as_deref() == Some("requesttoken") && call.params["grant_type"] == "refresh_token"
        });
        let (paired, refused): (Vec<_>, Vec<_>) = calls.partition(|call| call.status == Some(0));
        (paired.len(), refused.len())
    }

    /// The people for whom no call for data has worked since this time, Unix seconds.
    fn silent_since(&self, time: i64) -> BTreeSet<u64> {
        let calls = self.cloud.cloud.requests();
        let heard: BTreeSet<_> = calls
            .iter()
            .filter(|call| call.action.as_deref() == Some("getmeas") && call.status == Some(0))
            .filter(|call| call.time.timestamp() > time)
            .filter_map(|call| call.user)
            .collect();
        (1..).take(self.people.len()).filter(|user| !heard.contains(user)).collect()
    }

    /// Waits until calls for data have worked for everybody, and gives those for whom none did within this time.
    async fn lost_after(&self, patience: Duration) -> BTreeSet<u64> {
        let (begun, since) = (Instant::now(), Clock::system().unix());
        loop {
            let silent = self.silent_since(since);
            if silent.is_empty() || begun.elapsed() > patience {
                return silent;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}

/// A running replica, or one that was killed.
struct Replica {
    name: String,
    config: PathBuf,
    key: PathBuf,
    url: String,
    address: SocketAddr,
    way: Way,
    program: Option<Program>,
}

impl Replica {
    fn start(&mut self) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
        program.arg("--config.file").arg(&self.config).arg("--storage.key-file").arg(&self.key);
        program.args(["--storage.url", &self.url, "--web.listen-address", &self.address.to_string()]);
        self.program = Some(Program::start(program.env_clear(), &self.config.with_extension("log")));
    }

    fn kill(&mut self) {
        drop(self.program.take());
    }

    /// Ends it as an update does.
    async fn stop(&mut self) {
        let mut program = self.program.take().unwrap();
        program.signal(Signal::TERM);
        assert_eq!(program.ended().await, Some(0));
    }

    fn signal(&self, signal: Signal) {
        self.program.as_ref().unwrap().signal(signal);
    }

    async fn get(&self, target: &str) -> Answer {
        Connection::open(self.address).await.request("GET", target, "").await
    }

    async fn until_ready(&self) {
        until("the replica to be ready", async || {
            tokio::net::TcpStream::connect(self.address).await.ok()?;
            (self.get("/-/ready").await.status == 200).then_some(())
        })
        .await;
    }

    /// The series of people, in order.
    async fn people(&self) -> Vec<String> {
        let page = self.get("/metrics?shard=0/1").await.body;
        let mut samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        samples.sort_unstable();
        samples
    }

    async fn until_everybody_is_weighed(&self, people: usize) {
        until("everybody's weight", async || {
            let weights = self.people().await.iter().filter(|line| line.starts_with("withings_weight_kg{")).count();
            (weights == people).then_some(())
        })
        .await;
    }
}

/// A weighing at this moment.
fn weighing(clock: &Clock, grams: i64) -> MeasureGroup {
    MeasureGroup::new(clock.unix(), [Measure::new(WEIGHT, grams, -3)])
}

/// SQL after which the budget of requests is never used up: so slow a load would try nothing.
const NO_BUDGET: &str = "create function full_budget() returns trigger language plpgsql as \
     $$ begin new.state := decode(repeat('00', 32), 'hex'); return new; end $$; \
     create trigger full_budget before insert or update on budget for each row execute function full_budget()";

/// Prints what a long test has counted.
fn report(figures: impl Display) {
    #[expect(clippy::explicit_write, reason = "the harness swallows what a test that passes prints with a macro")]
    writeln!(std::io::stderr(), "{figures}").unwrap();
}
