//! How much memory the program has.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use crate::client::Encoding;
use crate::figures::announce;
use crate::home::{Home, until_up};
use crate::proc::Memory;
use crate::program::Program;
use crate::simulation::Simulation;

/// Threads that have nothing to do end after 10 s; then the program is as it stays.
const CALM: Duration = Duration::from_secs(15);

/// How long the people of the simulation have measured.
const YEARS: u16 = 10;

pub(crate) fn run() -> Result<()> {
    announce("memory", "resident memory, of it the process's own, and the peak");
    histories()?;
    stored()
}

fn histories() -> Result<()> {
    let simulation = Simulation::start(YEARS)?;
    let names = ["Alice", "Bob"].map(str::to_owned);
    let home = Home::new(&names, simulation.url()?.as_str(), 120)?;
    let program = home.start()?;
    drop(program.connect()?);
    for name in &names {
        simulation.log_in(program.address, name)?;
    }
    until_up(&program, &names)?;
    sleep(CALM);
    println!("2 profiles after their histories of {YEARS} years: {}; wanted: at most 14 MiB", said(program.memory()?));
    Ok(())
}

/// The growth from few profiles to many is what a profile costs: while a page is kept, and between scrapes, when none is.
fn stored() -> Result<()> {
    growth([2, 1000], |profiles| {
        let home = Home::stored(profiles)?;
        Ok((home.start()?, home))
    })
}

/// Prints what each further profile costs a program that `start` starts with so many profiles.
pub(crate) fn growth(counts: [usize; 2], start: impl Fn(usize) -> Result<(Program, Home)>) -> Result<()> {
    let mut of = Vec::new();
    for profiles in counts {
        let (program, _home) = start(profiles)?;
        let page = program.page(Encoding::Plain)?.len();
        let with_page = program.memory()?.resident;
        sleep(CALM);
        let memory = program.memory()?;
        println!("{profiles} profiles from stored state, scraped once, {page} bytes: {}", said(memory));
        of.push([profiles as f64, page as f64, with_page as f64, memory.resident as f64]);
    }
    let [few, many] = of[..] else { unreachable!("there are two") };
    let a_profile = |figure: usize| (many[figure] - few[figure]) / (many[0] - few[0]) / 1024.0;
    println!(
        "each further profile: {:.1} KiB on the page, {:.1} KiB in memory while a page is kept, {:.1} KiB when none is; \
         wanted: at most 12 KiB beyond its bytes on the page",
        a_profile(1),
        a_profile(2),
        a_profile(3)
    );
    Ok(())
}

fn said(memory: Memory) -> String {
    let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let Memory { resident, own, peak } = memory;
    format!("{:.1} MiB resident, {:.1} MiB own, peak {:.1} MiB", mib(resident), mib(own), mib(peak))
}
