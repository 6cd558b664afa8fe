//! What a scrape costs, against a server that does nothing else.

use std::net::SocketAddr;
use std::process::Command;
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::Result;

use crate::client::{Client, Encoding};
use crate::figures::{announce, median, micros};
use crate::home::Home;
use crate::program::{Program, free_address};
use crate::yardstick::Yardstick;

/// How many scrapers there are under load.
const SCRAPERS: usize = 4;
/// How often the programs take turns.
const ROUNDS: usize = 15;
/// How many bytes a round takes at most, and how many scrapes.
const ROUND_BYTES: usize = 200 << 20;
const ROUND_SCRAPES: usize = 4000;
/// How many lone scrapes there are of each program.
const LONE_SCRAPES: usize = 12;

pub(crate) fn run() -> Result<()> {
    announce("load", "CPU time of one scrape, the exporter's against that of a bare hyper server with the same bytes");
    println!(
        "under load: {SCRAPERS} connections that are kept; both in turn, {ROUNDS} rounds; medians, and the median of"
    );
    println!(
        "the rounds' ratios; wanted: at most 1.15 for 1 and 10 profiles. Lone: one scrape a second, with all that the"
    );
    println!("program does in that second; wanted: at most half of node_exporter's");
    for profiles in [1, 10, 100, 1000] {
        let home = Home::stored(profiles)?;
        for encoding in Encoding::BOTH {
            compare(profiles, encoding, &home)?;
        }
    }
    match NodeExporter::start() {
        Ok(node) => node.compare()?,
        Err(error) => println!("skipped: node_exporter, which Debian has as prometheus-node-exporter ({error:#})"),
    }
    Ok(())
}

fn compare(profiles: usize, encoding: Encoding, home: &Home) -> Result<()> {
    let exporter = home.start()?;
    let bytes = exporter.page(encoding)?.len();
    let yardstick = Yardstick::of(&exporter)?;
    let (mine, bare, ratio) = under_load(&exporter, &yardstick.program, encoding, bytes)?;
    let lone = lone(&[&exporter, &yardstick.program], encoding)?;
    println!(
        "{profiles:>5} profiles, {:>5}, {bytes:>8} bytes: {mine:8.1} µs, bare {bare:8.1} µs, ratio {ratio:.2}; lone {:6.0} \
         µs, bare {:6.0} µs",
        encoding.name(),
        lone[0],
        lone[1]
    );
    Ok(())
}

/// The medians of both programs, µs a scrape, and of the ratio.
fn under_load(a: &Program, b: &Program, encoding: Encoding, bytes: usize) -> Result<(f64, f64, f64)> {
    let scrapes = (ROUND_BYTES / bytes).clamp(SCRAPERS, ROUND_SCRAPES);
    // The first round warms both up.
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        rounds.push((cost(a, encoding, scrapes)?, cost(b, encoding, scrapes)?));
    }
    let rounds = &rounds[1..];
    let ratio = median(rounds.iter().map(|(a, b)| a / b).collect());
    Ok((median(rounds.iter().map(|(a, _)| *a).collect()), median(rounds.iter().map(|(_, b)| *b).collect()), ratio))
}

/// The CPU time of a scrape, µs, when so many are made at once.
fn cost(program: &Program, encoding: Encoding, scrapes: usize) -> Result<f64> {
    let each = scrapes / SCRAPERS;
    let before = program.cpu()?;
    let address = program.address;
    let scrapers: Vec<_> = (0..SCRAPERS).map(|_| thread::spawn(move || scrape(address, encoding, each))).collect();
    for scraper in scrapers {
        scraper.join().expect("a scraper does not panic")?;
    }
    Ok(micros(program.cpu()? - before) / (each * SCRAPERS) as f64)
}

fn scrape(address: SocketAddr, encoding: Encoding, times: usize) -> std::io::Result<()> {
    let mut client = Client::connect(address)?;
    (0..times).try_for_each(|_| client.scrape(encoding))
}

/// The CPU time that each program spends in a second with one scrape, µs: the median of the seconds.
fn lone(programs: &[&Program], encoding: Encoding) -> Result<Vec<f64>> {
    let mut clients = programs.iter().map(|program| program.connect()).collect::<Result<Vec<_>>>()?;
    let mut spent = vec![Vec::new(); programs.len()];
    // The first second is that of the connection.
    for second in 0..=LONE_SCRAPES {
        let before = programs.iter().map(|program| program.cpu()).collect::<Result<Vec<_>>>()?;
        for client in &mut clients {
            client.scrape(encoding)?;
        }
        sleep(Duration::from_secs(1));
        for (index, program) in programs.iter().enumerate().filter(|_| second > 0) {
            spent[index].push(micros(program.cpu()? - before[index]));
        }
    }
    Ok(spent.into_iter().map(median).collect())
}

/// The exporter that people know, with one collector.
struct NodeExporter(Program);

impl NodeExporter {
    fn start() -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new("prometheus-node-exporter");
        let listen = format!("--web.listen-address={address}");
        command.args(["--collector.disable-defaults", "--collector.loadavg", &listen]);
        let program = Program::start(&mut command, address)?;
        program.page(Encoding::Plain)?;
        Ok(Self(program))
    }

    fn compare(&self) -> Result<()> {
        println!("side by side with node_exporter, one collector (loadavg); ours with 2 profiles:");
        let home = Home::stored(2)?;
        let exporter = home.start()?;
        for encoding in Encoding::BOTH {
            let (ours, theirs) = (exporter.page(encoding)?.len(), self.0.page(encoding)?.len());
            let (mine, node, ratio) = under_load(&exporter, &self.0, encoding, ours.max(theirs))?;
            let lone = lone(&[&exporter, &self.0], encoding)?;
            println!(
                "{:>5}: {ours} bytes {mine:.1} µs, node_exporter {theirs} bytes {node:.1} µs, ratio {ratio:.3}; lone {:.0} µs, \
                 node_exporter {:.0} µs",
                encoding.name(),
                lone[0],
                lone[1]
            );
        }
        Ok(())
    }
}
