//! The flags of `backfill`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime};
use clap::{ArgGroup, Args};

use crate::config::parse_duration;
use crate::exposition::own_labels;

/// Values may not be repeated more often: it fills disks and tells nothing new.
const SHORTEST_FILL: Duration = Duration::from_secs(15);

/// What history is wanted, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("destination").required(true).args(["output", "url"]))]
pub struct BackfillFlags {
    /// Write OpenMetrics text to this file, or to standard output for `-`.
    #[arg(long, value_name = "FILE")]
    pub output: Option<Output>,

    /// Send it to this server: VictoriaMetrics' import or a receiver of remote write.
    // Kept as it is: clap would repeat a wrong address with its password.
    #[arg(long, value_name = "ADDRESS", env = "WITHINGS_EXPORTER_BACKFILL_URL", hide_env_values = true)]
    pub url: Option<String>,

    /// The profile; repeat it for several [default: all with a login].
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,

    /// The first time, as YYYY-MM-DD in UTC or RFC 3339 [default: everything].
    #[arg(long, value_name = "TIME")]
    pub start: Option<Time>,

    /// The last day, as YYYY-MM-DD in UTC, or before when, as RFC 3339 [default: three hours ago].
    #[arg(long, value_name = "TIME")]
    pub end: Option<Time>,

    /// A label that every series gets; repeat it for several. With the `job` and `instance` of the live scrapes there is no
    /// seam.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<Label>,

    /// Also read the stages of the nights, a request for each: of the last 90 days, or since --start.
    #[arg(long)]
    pub sleep_stages: bool,

    /// Repeat each value this often until the next one, as 4m, for queries without `last_over_time`.
    #[arg(long, value_name = "DURATION", value_parser = fill)]
    pub fill: Option<Duration>,
}

/// Where the text is written to.
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

/// A label that is added to every series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value, not empty.
    pub value: String,
}

impl Time {
    /// When it begins, Unix seconds.
    #[must_use]
    pub fn begin(self) -> i64 {
        match self {
            Self::Day(day) => midnight(day),
            Self::At(at) => at,
        }
    }

    /// Before when it is over, Unix seconds: a day is meant with all its hours.
    #[must_use]
    pub fn end(self) -> i64 {
        match self {
            Self::Day(day) => midnight(day.checked_add_days(Days::new(1)).unwrap_or(day)),
            Self::At(at) => at,
        }
    }
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse().map(Self::Day);
        day.or_else(|_| DateTime::parse_from_rfc3339(text).map(|it| Self::At(it.timestamp())))
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

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("write it as job=withings")?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(is_word) || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
            return Err("a label's name has letters, digits and _, and begins with no digit");
        }
        if name.starts_with("__") || own_labels().any(|it| it == name) {
            return Err("the metrics have or reserve this label; job and instance are the usual ones");
        }
        if value.is_empty() {
            return Err("a label without a value is none");
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}

fn fill(text: &str) -> Result<Duration, &'static str> {
    let duration = parse_duration(text).ok_or("write it as 4m or 4m30s")?;
    if duration < SHORTEST_FILL { Err("15s is the shortest; 4m is enough for Prometheus") } else { Ok(duration) }
}
