//! How soon a right password is in, and how long a scrape takes, while strangers guess.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::Encoding;
use crate::figures::announce;
use crate::flood::{Scrapes, WARM_UP, patient};
use crate::home::Home;
use crate::program::{Program, free_address};

/// How many connections guess.
const CONNECTIONS: usize = 400;

/// The only user, and the password "bench" as bcrypt hashes it at the usual cost of 10.
const WEB: &str = "basic_auth_users: {prometheus: $2b$10$abcdefghijklmnopqrstuugL4XMdN8R2WL1UJtYOSMfM.Sc/RXryS}\n";

/// The user with that password, and with another one.
const RIGHT: &str = "cHJvbWV0aGV1czpiZW5jaA==";
const WRONG: &str = "cHJvbWV0aGV1czp3cm9uZw==";

pub(crate) fn run() -> Result<()> {
    announce("guesses", "how soon a right password is in, and how long a scrape takes, while strangers guess");
    println!(
        "{CONNECTIONS} connections from one address guess without a pause after a start; wanted: from another address the right \
         password is in within 1 s at cost 10"
    );
    let home = Home::stored(2)?;
    let web = home.path().join("web.yml");
    fs::write(&web, WEB)?;
    let address = SocketAddr::new("::1".parse()?, free_address()?.port());
    let web = web.to_string_lossy();
    let exporter = home.start_with(&["--web.listen-address", &address.to_string(), "--web.config.file", &web])?;
    drop(exporter.connect()?);
    while_guessed(&exporter, address)
}

/// Scrapes at `address`, which the guesses do not come from.
fn while_guessed(exporter: &Program, address: SocketAddr) -> Result<()> {
    let (ends, guesses) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| guess(exporter.address, &ends, &guesses));
        }
        sleep(WARM_UP);
        let timed = time(address);
        ends.store(true, Ordering::Relaxed);
        timed
    })?;
    println!("{} guesses were answered", guesses.load(Ordering::Relaxed));
    Ok(())
}

fn time(address: SocketAddr) -> Result<()> {
    let connected = || {
        let mut client = patient(address)?;
        client.authorize(RIGHT);
        Ok(client)
    };
    let mut client = connected()?;
    let began = Instant::now();
    let first = client.scrape(Encoding::Gzip);
    ensure!(first.is_ok(), "the right password is not in: {first:?}");
    println!("the first scrape: {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    println!("those that follow: {}", Scrapes::timed(connected)?.described());
    Ok(())
}

/// Guesses until the end.
fn guess(address: SocketAddr, ends: &AtomicBool, guesses: &AtomicUsize) {
    while !ends.load(Ordering::Relaxed) {
        let Ok(mut client) = patient(address) else {
            // A connection that is refused is made anew.
            sleep(Duration::from_millis(50));
            continue;
        };
        client.authorize(WRONG);
        while !ends.load(Ordering::Relaxed) && client.get("/metrics", "").is_ok() {
            guesses.fetch_add(1, Ordering::Relaxed);
        }
    }
}
