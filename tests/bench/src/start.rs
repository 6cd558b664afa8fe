//! How soon the program shows everything that was stored.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::client::Encoding;
use crate::figures::{announce, median};
use crate::home::Home;
use crate::program::Program;

/// How often it is started.
const STARTS: usize = 15;

pub(crate) fn run() -> Result<()> {
    announce("start", "from the start of the process to the end of the first complete scrape, and the CPU time for it");
    for (profiles, wanted) in [(2, "50 ms"), (1000, "500 ms")] {
        let home = Home::stored(profiles)?;
        starts(profiles, STARTS, wanted, || home.start())?;
    }
    Ok(())
}

/// Prints how soon a program that `start` starts shows all of its profiles.
pub(crate) fn starts(profiles: usize, times: usize, wanted: &str, start: impl Fn() -> Result<Program>) -> Result<()> {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let began = Instant::now();
        let program = start()?;
        let mut client = program.connect()?;
        client.scrape(Encoding::Plain)?;
        wall.push(began.elapsed().as_secs_f64() * 1e3);
        cpu.push(program.cpu()?.as_secs_f64() * 1e3);
        let shown = String::from_utf8_lossy(&client.body).matches("\nwithings_weight_kg{").count();
        ensure!(shown == profiles, "{shown} of {profiles} people were shown");
    }
    let fastest = wall.iter().copied().fold(f64::INFINITY, f64::min);
    let (wall, cpu) = (median(wall), median(cpu));
    println!(
        "{profiles:>5} profiles: {wall:7.1} ms (fastest {fastest:.1}), {cpu:7.1} ms of CPU; wanted: at most {wanted}"
    );
    Ok(())
}
