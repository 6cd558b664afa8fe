//! What replicas that share a PostgreSQL do in a second, and how soon one knows what another one did.
//!
//! All of them are in this process: each has connections, a queue and a memory of its own, as a process has.

use std::collections::{BTreeMap, BTreeSet};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use withings_exporter::catalogue::Call;
use withings_exporter::storage::postgres::{Address, Keys, Settings};
use withings_exporter::storage::{CallPlan, Class, Plan, Replan, Storage, Turn};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::figures::{announce, median, quantile};
use crate::home::{Home, names, surroundings};
use crate::postgres::Server;
use crate::proc;

/// How many replicas there are.
const REPLICAS: [usize; 3] = [1, 3, 6];

/// How long is counted.
const LENGTH: Duration = Duration::from_secs(10);

/// How many profiles are due.
const DUE: usize = 1000;

/// How many profiles a replica refreshes at a time, of new ones.
const WORKERS: usize = 4;

/// How many profiles there are where the feed is measured.
const FOLLOWED: usize = 10_000;

/// How often the program looks at what others did.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a writer waits before it writes again: six of them write thirty times what 120 requests a minute bring about.
const WRITE_EVERY: Duration = Duration::from_millis(100);

const WRITERS: usize = 6;

/// A database with profiles, and how it is opened.
struct Database {
    home: Home,
    url: String,
}

pub(crate) fn run() -> Result<()> {
    announce(
        "replicas",
        "permits and claims a second, and how soon other replicas know; PostgreSQL waits for the disk",
    );
    let server = Server::start()?;
    let runtime = Runtime::new()?;
    for replicas in REPLICAS {
        let database = Database::new(&server, &format!("replicas_{replicas}"), DUE)?;
        runtime.block_on(permits(&database, replicas))?;
        runtime.block_on(claims(&database, replicas))?;
    }
    let database = Database::new(&server, "followed", FOLLOWED)?;
    runtime.block_on(feed(&database))
}

impl Database {
    fn new(server: &Server, name: &str, profiles: usize) -> Result<Self> {
        Ok(Self { home: Home::in_database(profiles, server, name)?, url: server.url(name) })
    }

    /// A replica that has followed everything so far.
    async fn open(&self) -> Result<Storage> {
        let settings = Settings {
            address: Address::parse(&self.url, None)?,
            keys: Keys::load(&self.home.key_file())?,
            work_directory: self.home.storage_path(),
        };
        let storage = Storage::open_postgres(settings, surroundings(&Telemetry::new(Build::this()))).await?;
        storage.set_rate(u32::MAX);
        // The second look says that the first one was taken in: the plans of who is behind are not stored.
        storage.changes().await?;
        storage.changes().await?;
        Ok(storage)
    }

    async fn open_all(&self, replicas: usize) -> Result<Vec<Storage>> {
        let mut opened = Vec::new();
        for _ in 0..replicas {
            opened.push(self.open().await?);
        }
        Ok(opened)
    }
}

/// Each replica asks for one permit after the other, as its line of waiting calls does. Of a budget that any rate exceeds, at
/// most 1000 are given in a second.
async fn permits(database: &Database, replicas: usize) -> Result<()> {
    let mut asking = JoinSet::new();
    for storage in database.open_all(replicas).await? {
        asking.spawn(async move {
            let (began, mut granted, mut took) = (Instant::now(), 0, Vec::new());
            while began.elapsed() < LENGTH {
                let asked = Instant::now();
                let turn = storage.permit(Class::Data).await;
                took.push(asked.elapsed().as_secs_f64() * 1e3);
                match turn {
                    Turn::Granted(_) => granted += 1,
                    Turn::Denied(wait) => sleep(wait).await,
                }
            }
            (granted, took)
        });
    }
    let (granted, took): (Vec<usize>, Vec<Vec<f64>>) = asking.join_all().await.into_iter().unzip();
    let took = took.concat();
    println!(
        "{replicas} replicas: {:.0} permits a second, each after {:.1} ms (99 of 100 within {:.1} ms)",
        granted.iter().sum::<usize>() as f64 / LENGTH.as_secs_f64(),
        median(took.clone()),
        quantile(took, 0.99)
    );
    Ok(())
}

/// All profiles are due at once, so that all replicas want the same ones: the worst there is.
async fn claims(database: &Database, replicas: usize) -> Result<()> {
    let opened = database.open_all(replicas).await?;
    let profiles: BTreeSet<Arc<str>> = names(DUE).into_iter().map(Arc::from).collect();
    for storage in &opened {
        storage.plan_all(&profiles, |_, _| planned(Duration::ZERO)).await;
    }
    let (began, finished) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut working = JoinSet::new();
    for storage in opened {
        for _ in 0..WORKERS {
            working.spawn(refresh(storage.clone(), Arc::clone(&finished)));
        }
        working.spawn(follow(storage));
    }
    while finished.load(Ordering::Relaxed) < DUE && began.elapsed() < 3 * LENGTH {
        sleep(Duration::from_millis(1)).await;
    }
    working.abort_all();
    let done = finished.load(Ordering::Relaxed);
    println!(
        "{replicas} replicas: {:.0} claims a second that were made and finished, {done} of {DUE} profiles that all wanted at once",
        done as f64 / began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Claims what is due, does nothing and finishes it, without end.
async fn refresh(storage: Storage, finished: Arc<AtomicUsize>) {
    loop {
        let mut claim = storage.claim().await;
        claim.plan = planned(Duration::from_secs(3600)).plan;
        storage.finish(claim).await;
        finished.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at what others did, without end.
async fn follow(storage: Storage) {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        // A look that fails is made again.
        let _ = storage.changes().await;
    }
}

/// The plan of a profile that nobody has read yet, with one call.
fn planned(due_after: Duration) -> Replan {
    let call = CallPlan::at(tokio::time::Instant::now() + due_after);
    let plan = Plan { calls: BTreeMap::from([(Call::DATA[0], call)]), ..Plan::default() };
    Replan { plan, ends_claim: false, is_new_login: false }
}

/// When profiles were written that the reader does not know of yet.
type Written = Arc<Mutex<BTreeMap<Arc<str>, Instant>>>;

async fn feed(database: &Database) -> Result<()> {
    let reader = database.open().await?;
    idle_looks(&reader).await?;
    let written = Written::default();
    let mut writing = JoinSet::new();
    let all: Vec<Arc<str>> = names(FOLLOWED).into_iter().map(Arc::from).collect();
    for (writer, own) in database.open_all(WRITERS).await?.into_iter().zip(all.chunks(FOLLOWED / WRITERS)) {
        let own: BTreeSet<_> = own.iter().cloned().collect();
        writer.plan_all(&own, |_, _| planned(Duration::ZERO)).await;
        writing.spawn(write(writer, Arc::clone(&written)));
    }
    reader.changes().await?;
    let (began, mut looks, mut lags) = (Instant::now(), Vec::new(), Vec::new());
    let mut ticks = interval(LOOK_EVERY);
    while began.elapsed() < 3 * LENGTH {
        ticks.tick().await;
        let looked = Instant::now();
        let found = reader.changes().await?.readings;
        looks.push(looked.elapsed().as_secs_f64() * 1e3);
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        lags.extend(found.iter().filter_map(|profile| Some(written.remove(profile)?.elapsed().as_secs_f64())));
    }
    writing.abort_all();
    println!(
        "{WRITERS} writers, {:.0} profiles a second: another replica has what was written after {:.2} s (the last after {:.2} s); \
         a look takes {:.1} ms (the longest {:.1} ms)",
        lags.len() as f64 / began.elapsed().as_secs_f64(),
        median(lags.clone()),
        quantile(lags, 1.0),
        median(looks.clone()),
        quantile(looks, 1.0)
    );
    Ok(())
}

/// Looks when nothing was changed.
async fn idle_looks(reader: &Storage) -> Result<()> {
    const LOOKS: u32 = 200;
    // The second look still finds what the first one did.
    reader.changes().await?;
    let before = proc::cpu(process::id())?;
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        let looked = Instant::now();
        reader.changes().await?;
        looks.push(looked.elapsed().as_secs_f64() * 1e3);
    }
    let spent = (proc::cpu(process::id())? - before).as_secs_f64() * 1e3 / f64::from(LOOKS);
    println!("{FOLLOWED} profiles, nothing new: a look takes {:.1} ms and {spent:.2} ms of CPU", median(looks));
    Ok(())
}

/// Writes the readings of one profile after the other, as a refresh does.
async fn write(storage: Storage, written: Written) -> Result<()> {
    let mut ticks = interval(WRITE_EVERY);
    loop {
        ticks.tick().await;
        let mut claim = storage.claim().await;
        let state = storage.load(&claim.profile).await?;
        written.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&claim.profile), Instant::now());
        storage.save(&claim, state).await?;
        claim.plan = planned(Duration::from_secs(3600)).plan;
        storage.finish(claim).await;
    }
}
