//! What a refresh of many people costs.

use std::fs;
use std::num::NonZeroU32;
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use url::Url;
use withings_exporter::app::{Exporter, Parts};
use withings_exporter::clock::Clock;
use withings_exporter::config::{Config, Selection};
use withings_exporter::exposition::SelfMetrics;
use withings_exporter::reading::Snapshot;
use withings_exporter::sim::Person;
use withings_exporter::storage::{Purpose, Storage};
use withings_exporter::telemetry::{Build, Telemetry};
use withings_exporter::zone::Zone;

use crate::figures::announce;
use crate::home::surroundings;
use crate::proc;
use crate::simulation::{BASE_URL, CLIENT_ID, CLIENT_SECRET, Simulation};

const PROFILES: u64 = 1000;
/// How much each of them has measured.
const GROUPS: usize = 200;
const NIGHTS: usize = 60;

pub(crate) fn run() -> Result<()> {
    announce("refresh", "a refresh of many people against the simulator: wall time and the exporter's CPU time");
    println!(
        "{PROFILES} profiles, {GROUPS} groups and {NIGHTS} nights each; calls are 1 to 2 ms apart, which is most of the wall time"
    );
    let simulation = Simulation::start(1)?;
    let names = settle(&simulation, PROFILES)?;
    let folder = TempDir::new()?;
    let runtime = Runtime::new()?;
    let first = Running::start(&runtime, &simulation, &names, &folder)?;
    let whole = Spent::by(&simulation, || {
        names.iter().try_for_each(|profile| simulation.log_in(first.address, profile))?;
        runtime.block_on(first.until_refreshed())
    })?;
    println!("login, whole history, first values stored: {whole}");
    runtime.block_on(first.stop())?;
    // Without its plans everything is due.
    fs::remove_file(folder.path().join("plans.json"))?;
    let again = Spent::by(&simulation, || {
        let second = Running::start(&runtime, &simulation, &names, &folder)?;
        runtime.block_on(second.until_refreshed())
    })?;
    println!("restart, what has changed:                 {again}");
    Ok(())
}

/// Gives so many people a part of Alice's life, in which nothing happens any more.
pub(crate) fn settle(simulation: &Simulation, profiles: u64) -> Result<Vec<String>> {
    let alice = simulation.account("Alice")?;
    let (groups, nights) = (alice.groups(), alice.nights());
    let mut names = Vec::new();
    for userid in 1..=profiles {
        let name = format!("person-{userid:04}");
        let account = simulation.cloud.add_person(Person::new(userid, &name, Zone::UTC));
        for group in groups.iter().rev().take(GROUPS) {
            account.add_at(group.row.clone(), group.created, group.modified);
        }
        for night in nights.iter().rev().take(NIGHTS) {
            account.add_at(night.row.clone(), night.created, night.modified);
        }
        names.push(name);
    }
    Ok(names)
}

/// An exporter in this process.
struct Running {
    address: std::net::SocketAddr,
    snapshots: watch::Receiver<Snapshot>,
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start(runtime: &Runtime, simulation: &Simulation, names: &[String], folder: &TempDir) -> Result<Self> {
        let _context = runtime.enter();
        let telemetry = Telemetry::new(Build::this());
        let storage = Storage::open(folder.path(), Purpose::Serve, surroundings(&telemetry))?;
        let exporter = Exporter::assemble(Parts {
            config: config(simulation.url()?, names)?,
            reread: None,
            security: withings_exporter::web::Security::none(),
            allowed_hosts: Vec::new(),
            storage,
            telemetry,
            clock: Clock::system(),
            telemetry_path: "/metrics".to_owned(),
            max_requests: 0,
            self_metrics: SelfMetrics::Hidden,
            rendering: runtime.handle().clone(),
        });
        let exporter = runtime.block_on(exporter)?;
        let snapshots = exporter.snapshots();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (end, ending) = oneshot::channel();
        let ended = runtime.spawn(exporter.run(vec![listener], async { drop(ending.await) }));
        Ok(Self { address, snapshots, end, ended })
    }

    async fn until_refreshed(&self) -> Result<()> {
        let everybody = |all: &Snapshot| all.profiles().all(|profile| profile.refresh_seconds.is_some());
        let all = self.snapshots.clone().wait_for(everybody).await?.clone();
        ensure!(all.profiles().all(|profile| profile.up() == Some(true)), "a call has failed");
        Ok(())
    }

    async fn stop(self) -> Result<()> {
        drop(self.end);
        drop(self.snapshots);
        Ok(self.ended.await?)
    }
}

fn config(cloud: Url, names: &[String]) -> Result<Config> {
    Ok(Config {
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        profiles: names.iter().map(|name| name.as_str().into()).collect(),
        base_url: Url::parse(BASE_URL)?,
        measurements: Selection::all(),
        refresh_interval: Duration::from_hours(1),
        requests_per_minute: NonZeroU32::MAX,
        webhooks: false,
        api_url: cloud.clone(),
        account_url: cloud,
        warnings: Vec::new(),
    })
}

/// What something took.
struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    fn by(simulation: &Simulation, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let cpu = || Ok::<_, anyhow::Error>(proc::cpu(process::id())? - simulation.cpu()?);
        let (began, before) = (Instant::now(), cpu()?);
        work()?;
        Ok(Self { wall: began.elapsed(), cpu: cpu()? - before })
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a_profile = self.cpu.as_secs_f64() * 1e3 / PROFILES as f64;
        write!(
            formatter,
            "{:.1} s, {:.2} s of CPU, {a_profile:.2} ms a profile",
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64()
        )
    }
}
