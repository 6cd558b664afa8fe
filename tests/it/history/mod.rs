//! The history of people, from Withings' answers to a server that is asked for it.

mod budget;
mod csv;
mod interruptions;
mod program;
mod sent;
mod ten_years;
mod text;
mod usage;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use withings_exporter::cli::{BackfillFlags, Cli, Command};
use withings_exporter::commands::Backfill;
use withings_exporter::sim::Cloud;
use withings_exporter::telemetry::{Build, Telemetry};

use crate::page::{Page, series};
use crate::program::until_started;
use crate::world::{World, joined};

/// A moment and a value.
pub(crate) type Samples = Vec<(i64, f64)>;

/// The simulated household with so many years behind it, and Alice's login.
async fn alice(years: u16) -> World {
    let mut world = World::asleep(&["Alice", "Bob"], |clock| Cloud::with_history(7, years, clock)).await;
    world.config.requests_per_minute = NonZeroU32::new(120).unwrap();
    world.start_exporter().await;
    world.connect("Alice").await;
    world
}

impl World {
    /// A path that is gone with this world.
    fn file(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    /// A backfill with these flags beside `--output`, and what it has written.
    pub(crate) async fn backfill(&self, flags: &str) -> String {
        let file = self.file("history.om");
        self.try_backfill(&format!("--output {} {flags}", file.display())).await.unwrap();
        fs::read_to_string(file).unwrap()
    }

    async fn prepared_backfill(&self, flags: &str) -> Result<Backfill> {
        // A program that is starting holds the lock of the one before.
        until_started();
        let storage = joined(self.disk.path(), self.clock.clone());
        let telemetry = Telemetry::new(Build::this());
        Backfill::new(self.config.clone(), storage, self.clock.clone(), telemetry, &parsed(flags)).await
    }

    /// A backfill with these flags, and what it has said.
    async fn try_backfill(&self, flags: &str) -> Result<String> {
        let backfill = self.prepared_backfill(flags).await?;
        let mut said = Vec::new();
        backfill.run(std::future::pending()).await?.print(&mut said)?;
        Ok(String::from_utf8(said)?)
    }
}

fn parsed(flags: &str) -> BackfillFlags {
    let line = ["withings-exporter", "backfill"].into_iter().chain(flags.split_whitespace());
    match Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}")).command {
        Some(Command::Backfill(flags)) => flags,
        command => panic!("{command:?}"),
    }
}

/// The series of an OpenMetrics text with timestamps, each with its samples in the order of the text.
pub(crate) fn read(text: &str) -> BTreeMap<String, Samples> {
    let mut written: HashMap<&str, Samples> = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, at) = line.rsplit_once(' ').unwrap();
        let (series, value) = sample.rsplit_once(' ').unwrap();
        written.entry(series).or_default().push((at.parse().unwrap(), value.parse().unwrap()));
    }
    let name = |series: &str| Page::read(&format!("{series} 0\n")).samples.into_keys().next().unwrap();
    written.into_iter().map(|(series, samples)| (name(series), samples)).collect()
}

/// The samples of a series of Alice's without further labels.
fn of_alice<'a>(all: &'a BTreeMap<String, Samples>, metric: &str) -> &'a Samples {
    of(all, metric, "Alice")
}

/// The samples of a series of this profile's without further labels.
fn of<'a>(all: &'a BTreeMap<String, Samples>, metric: &str, profile: &str) -> &'a Samples {
    let labels = [("profile".to_owned(), profile.to_owned())].into();
    all.get(&series(metric, &labels)).unwrap_or_else(|| panic!("{metric} is not among {:?}", all.keys()))
}
