//! How fast and how small the exporter is. Each bench says what it measures and what it is compared with.
//!
//! Wall time on a shared machine means little: the figures are CPU time as the kernel counts it, ratios of two programs
//! that are measured in turn, medians, bytes.

#![expect(clippy::disallowed_methods, reason = "what is measured here is the host's time")]

mod client;
mod decode;
mod figures;
mod flood;
mod guesses;
mod history;
mod home;
mod load;
mod memory;
mod people;
mod postgres;
mod proc;
mod program;
mod refresh;
mod rendering;
mod replicas;
mod simulation;
mod size;
mod start;
mod writes;
mod yardstick;

use std::env;

use anyhow::{Result, bail};

/// A bench with its name.
type Bench = (&'static str, fn() -> Result<()>);

/// The benches in the order in which they run: those of a moment first.
const BENCHES: [Bench; 13] = [
    ("size", size::run),
    ("rendering", rendering::run),
    ("decode", decode::run),
    ("start", start::run),
    ("memory", memory::run),
    ("writes", writes::run),
    ("refresh", refresh::run),
    ("load", load::run),
    ("flood", flood::run),
    ("guesses", guesses::run),
    ("history", history::run),
    ("replicas", replicas::run),
    ("people", people::run),
];

fn main() -> Result<()> {
    let named: Vec<String> = env::args().skip(1).collect();
    if let [yardstick::COMMAND, folder] = &named.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return yardstick::serve(folder.as_ref());
    }
    if let Some(unknown) = named.iter().find(|name| BENCHES.iter().all(|(bench, _)| bench != name)) {
        bail!("there is no bench {unknown}; there are {}", BENCHES.map(|(name, _)| name).join(", "));
    }
    for (name, run) in BENCHES {
        if named.is_empty() || named.iter().any(|bench| bench == name) {
            run()?;
        }
    }
    Ok(())
}
