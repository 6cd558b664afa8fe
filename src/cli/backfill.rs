//! The flags of `backfill`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate};
use clap::{ArgGroup, Args};

use super::{Label, one_of};
use crate::config::parse_duration;
use crate::history::FileFormat;
use crate::zone::Zone;

/// Values may not be repeated more often: it fills disks and tells nothing new.
const SHORTEST_FILL: Duration = Duration::from_secs(15);

/// What history is wanted, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("destination").required(true).args(["output", "url"]))]
pub struct BackfillFlags {
    /// Write it to this file, or to standard output for `-`.
    #[arg(long, value_name = "FILE")]
    pub output: Option<Output>,

    /// Write OpenMetrics text with timestamps, for Prometheus and VictoriaMetrics, or a table for people, spreadsheets and
    /// notebooks.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = FileFormat::default().name(),
        value_parser = one_of(FileFormat::ALL, FileFormat::name),
        conflicts_with = "url"
    )]
    pub format: FileFormat,

    /// Send it to this server by remote write: Prometheus, VictoriaMetrics and others.
    // Kept as it is: clap would repeat a wrong address with its password.
    #[arg(long, value_name = "ADDRESS", env = "WITHINGS_EXPORTER_BACKFILL_URL", hide_env_values = true)]
    pub url: Option<String>,

    /// The profile; repeat the flag for several [default: all that have a login].
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,

    /// The first time, as YYYY-MM-DD in UTC or RFC 3339 [default: everything].
    #[arg(long, value_name = "TIME")]
    pub start: Option<Time>,

    /// The last day, as YYYY-MM-DD in UTC, or the first time to leave out, as RFC 3339 [default: three hours ago].
    #[arg(long, value_name = "TIME")]
    pub end: Option<Time>,

    /// A label for every series; repeat the flag for several. With `job` and `instance` as in Prometheus' targets, history
    /// and live scrapes are the same series.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<Label>,

    /// Also read the stages and the curves of the nights, a request for each: of the last 90 days, or since --start.
    #[arg(long)]
    pub sleep_stages: bool,

    /// Also read what watches measured through the days, a request for each: of the last 90 days, or since --start.
    #[arg(long)]
    pub intraday: bool,

    /// Repeat each value at this interval until the next one, such as 4m, for queries without `last_over_time`.
    #[arg(long, value_name = "DURATION", value_parser = fill)]
    pub fill: Option<Duration>,
}

/// Where the history is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// A day or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A day in UTC.
    Day(NaiveDate),
    /// A time, Unix seconds.
    At(i64),
}

impl Time {
    /// When it begins, Unix seconds.
    #[must_use]
    pub fn begin(self) -> i64 {
        match self {
            Self::Day(day) => Zone::UTC.midnight(day),
            Self::At(at) => at,
        }
    }

    /// Before when it is over, Unix seconds: a day is meant with all its hours.
    #[must_use]
    pub fn end(self) -> i64 {
        match self {
            Self::Day(day) => Zone::UTC.midnight(day.checked_add_days(Days::new(1)).unwrap_or(day)),
            Self::At(at) => at,
        }
    }
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse().map(Self::Day);
        day.or_else(|_| DateTime::parse_from_rfc3339(text).map(|time| Self::At(time.timestamp())))
            .map_err(|_| "write a day as 2024-05-31, or a time as 2024-05-31T18:00:00Z")
    }
}

impl FromStr for Output {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("it is empty; - is standard output"),
            "-" => Ok(Self::Stdout),
            path => Ok(Self::File(path.into())),
        }
    }
}

fn fill(text: &str) -> Result<Duration, &'static str> {
    let duration = parse_duration(text).ok_or("write it as 4m or 4m30s")?;
    if duration < SHORTEST_FILL { Err("15s is the shortest; 4m is enough for Prometheus") } else { Ok(duration) }
}
