//! What many people cost a replica whose storage is PostgreSQL.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::{Client, Encoding};
use crate::figures::{announce, median};
use crate::home::Home;
use crate::memory::growth;
use crate::postgres::Server;
use crate::program::Program;
use crate::start::starts;

const PROFILES: usize = 10_000;

/// So a shard has about 1,250 profiles.
const SHARDS: usize = 8;

const ROUNDS: usize = 11;

/// Longer than a page is kept.
const OLD: Duration = Duration::from_millis(1_100);

pub(crate) fn run() -> Result<()> {
    announce("people", "the start, the shards and the memory of a replica with 10,000 profiles in PostgreSQL");
    let server = Server::start()?;
    let start = |home: &Home, database: &str| home.start_with(&home.database_flags(&server.url(database)));
    let home = Home::in_database(PROFILES, &server, "many")?;
    starts(PROFILES, 3, "nothing is said", || start(&home, "many"))?;
    shards(&start(&home, "many")?)?;
    growth([2, PROFILES], |profiles| {
        let database = format!("with_{profiles}");
        let home = Home::in_database(profiles, &server, &database)?;
        Ok((start(&home, &database)?, home))
    })
}

/// A shard that nobody has asked for in the last second, and the same again at once.
fn shards(program: &Program) -> Result<()> {
    let mut client = program.connect()?;
    for encoding in Encoding::BOTH {
        let (mut anew, mut again) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            sleep(OLD);
            let target = format!("/metrics?shard={}/{SHARDS}", round % SHARDS);
            anew.push(scrape(program, &mut client, &target, encoding)?);
            again.push(scrape(program, &mut client, &target, encoding)?);
            if encoding == Encoding::Plain {
                let people = String::from_utf8_lossy(&client.body).matches("\nwithings_weight_kg{").count();
                ensure!(people.abs_diff(PROFILES / SHARDS) < 200, "the shard has {people} profiles");
            }
        }
        let middle = |of: &[[f64; 2]], figure: usize| median(of.iter().map(|figures| figures[figure]).collect());
        println!(
            "a shard of {SHARDS}, {}, {} bytes: made anew {:.1} ms of CPU ({:.1} ms); wanted: at most 250 ms; again within \
             a second {:.1} ms of CPU ({:.1} ms); wanted: at most 100 ms",
            encoding.name(),
            client.body.len(),
            middle(&anew, 0),
            middle(&anew, 1),
            middle(&again, 0),
            middle(&again, 1)
        );
    }
    Ok(())
}

/// The CPU time that the program spends for an answer, and how long that takes, milliseconds.
fn scrape(program: &Program, client: &mut Client, target: &str, encoding: Encoding) -> Result<[f64; 2]> {
    let (before, began) = (program.cpu()?, Instant::now());
    client.scrape_target(target, encoding)?;
    let took = began.elapsed();
    Ok([program.cpu()? - before, took].map(|time| time.as_secs_f64() * 1e3))
}
