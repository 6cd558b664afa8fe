//! What a backfill costs.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::DateTime;
use withings_exporter::clock::Clock;

use crate::figures::announce;
use crate::home::Home;
use crate::proc::{self, Memory};
use crate::simulation::Simulation;

/// How long the person has measured.
const YEARS: u16 = 10;

/// How often the program is looked at: its peak only grows, so the last look is what counts.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) fn run() -> Result<()> {
    announce("history", "a backfill of one person to a file, by its samples, its CPU time and its peak memory");
    println!("at the pace of Withings, so that most of the time is waiting; wanted: at most 100 MB");
    let simulation = Simulation::start(YEARS)?;
    let name = "Alice".to_owned();
    let home = Home::new(std::slice::from_ref(&name), simulation.url()?.as_str(), 120)?;
    let program = home.start()?;
    drop(program.connect()?);
    simulation.log_in(program.address, &name)?;
    drop(program);
    measure(&home, &format!("{YEARS} years"), &[])?;
    let a_year_ago = a_year_ago()?;
    measure(&home, "the last year with --fill 4m", &["--fill", "4m", "--start", &a_year_ago])?;
    measure(&home, "the last year with --sleep-stages", &["--sleep-stages", "--start", &a_year_ago])
}

fn measure(home: &Home, what: &str, flags: &[&str]) -> Result<()> {
    let file = home.path().join("history.om");
    let mut command = home.command()?;
    command.arg("backfill").arg("--output").arg(&file).args(flags).stdout(Stdio::null()).stderr(Stdio::null());
    let mut backfill = command.spawn()?;
    let (mut cpu, mut memory) = (Duration::ZERO, None::<Memory>);
    let status = loop {
        if let (Ok(spent), Ok(used)) = (proc::cpu(backfill.id()), proc::memory(backfill.id())) {
            (cpu, memory) = (spent, Some(used));
        }
        if let Some(status) = backfill.try_wait()? {
            break status;
        }
        sleep(LOOK);
    };
    ensure!(status.success(), "the backfill ended with {status}");
    let samples = fs::read_to_string(&file)?.lines().filter(|line| !line.starts_with('#')).count();
    let peak = memory.map_or(0.0, |memory| memory.peak as f64 / 1e6);
    println!(
        "{what}: {samples} samples, {:.2} s of CPU, {:.0} samples for each second of it, peak {peak:.1} MB",
        cpu.as_secs_f64(),
        samples as f64 / cpu.as_secs_f64()
    );
    Ok(())
}

/// A day as `--start` takes it.
fn a_year_ago() -> Result<String> {
    let then = DateTime::from_timestamp(Clock::system().unix() - 365 * 86_400, 0).context("no such day")?;
    Ok(then.date_naive().to_string())
}
