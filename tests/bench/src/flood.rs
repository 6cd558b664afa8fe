//! How long a scrape takes while strangers flood another path.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::{Client, Encoding};
use crate::figures::{announce, quantile};
use crate::home::Home;
use crate::program::Program;

/// How many connections flood: fewer than the exporter accepts, so that the scraper has one too.
const CONNECTIONS: usize = 450;

/// How many scrapes are timed, and the pause between two.
const SCRAPES: usize = 200;
const SCRAPE_EVERY: Duration = Duration::from_millis(50);

/// How long the flood runs before a scrape is timed.
pub(crate) const WARM_UP: Duration = Duration::from_secs(3);

/// How long Prometheus waits for a page.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is flooded: two that begin and end logins, and so ask the storage; and for comparison one that is answered at once, as
/// logins are that are sent away.
const TARGETS: [&str; 3] = ["/authorize?profile=person-0001", "/callback?code=made-up&state=made-up", "/nothing"];

/// How many answers of each status the flood had.
type Answers = BTreeMap<u16, usize>;

pub(crate) fn run() -> Result<()> {
    announce("flood", "how long a scrape takes, and how many fail, while strangers flood another path");
    println!("{CONNECTIONS} connections ask without a pause; wanted on idle cores: 99 of 100 scrapes within 100 ms");
    let exporter = Home::stored(2)?;
    let exporter = exporter.start()?;
    drop(exporter.connect()?);
    println!("no flood: {}", Scrapes::timed(|| patient(exporter.address))?.described());
    for target in TARGETS {
        let (scrapes, answers) = flooded(&exporter, target)?;
        println!("{target}: {}; the flood's answers by status: {answers:?}", scrapes.described());
    }
    Ok(())
}

/// Times scrapes while `target` is flooded.
fn flooded(exporter: &Program, target: &str) -> Result<(Scrapes, Answers)> {
    let (ends, answers) = (AtomicBool::new(false), Mutex::new(Answers::new()));
    let scrapes = thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    // A connection that is cut or refused is made anew.
                    if ask_on(exporter.address, target, &ends, &answers).is_err() {
                        sleep(SCRAPE_EVERY);
                    }
                }
            });
        }
        sleep(WARM_UP);
        let scrapes = Scrapes::timed(|| patient(exporter.address));
        ends.store(true, Ordering::Relaxed);
        scrapes
    });
    Ok((scrapes?, answers.into_inner().expect("no thread of the flood panics")))
}

/// Asks on one connection until the end.
fn ask_on(address: SocketAddr, target: &str, ends: &AtomicBool, answers: &Mutex<Answers>) -> io::Result<()> {
    let mut client = patient(address)?;
    // As a browser: a login with the cookie of the overview is one of 1,000 and not of 64.
    let cookie = client.get("/", "")?.cookie.ok_or(io::ErrorKind::InvalidData)?;
    let cookie = format!("Cookie: {cookie}\r\n");
    while !ends.load(Ordering::Relaxed) {
        let status = client.get(target, &cookie)?.status;
        *answers.lock().expect("no thread of the flood panics").entry(status).or_default() += 1;
    }
    Ok(())
}

/// A connection on which nothing waits longer than Prometheus does.
pub(crate) fn patient(address: SocketAddr) -> io::Result<Client> {
    let client = Client::connect(address)?;
    client.wait_at_most(SCRAPE_TIMEOUT)?;
    Ok(client)
}

/// What became of the scrapes.
pub(crate) struct Scrapes {
    /// How long each took that was answered, milliseconds.
    took: Vec<f64>,
    failures: usize,
}

impl Scrapes {
    /// Scrapes again and again on one connection, as Prometheus does. One that fails is `connected` anew.
    pub(crate) fn timed(connected: impl Fn() -> io::Result<Client>) -> Result<Self> {
        let mut client = connected()?;
        let mut scrapes = Self { took: Vec::new(), failures: 0 };
        for _ in 0..SCRAPES {
            let began = Instant::now();
            match client.scrape(Encoding::Gzip) {
                Ok(()) => scrapes.took.push(began.elapsed().as_secs_f64() * 1e3),
                Err(_) => {
                    scrapes.failures += 1;
                    client = connected()?;
                }
            }
            sleep(SCRAPE_EVERY);
        }
        Ok(scrapes)
    }

    pub(crate) fn described(&self) -> String {
        let Self { took, failures } = self;
        let [p50, p99] = [0.5, 0.99].map(|part| quantile(took.clone(), part));
        format!("p50 {p50:.1} ms, p99 {p99:.1} ms, {failures} of {SCRAPES} failed")
    }
}
