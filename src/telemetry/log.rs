//! Logging to stderr, as logfmt or JSON.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What is logged: this level and those above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Every call.
    Debug,
    /// What happens in normal work. The default.
    #[default]
    Info,
    /// What somebody may want to look at.
    Warn,
    /// What somebody must look at.
    Error,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs. The default.
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Starts logging to stderr. An error if the process logs already.
pub fn init(level: Level, format: Format) -> Result<(), TryInitError> {
    // Dependencies log at debug what may hold addresses and headers: only our own lines go below warn.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("withings_exporter", level);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        Format::Logfmt => registry.with(tracing_logfmt::builder().layer().with_writer(std::io::stderr)).try_init(),
        Format::Json => registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

impl Level {
    /// The flag's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Debug, Self::Info, Self::Warn, Self::Error];
        all.into_iter()
            .find(|it| it.name() == word)
            .ok_or_else(|| "one of debug, info, warn, error is needed".to_owned())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "logfmt" => Ok(Self::Logfmt),
            "json" => Ok(Self::Json),
            _ => Err("one of logfmt, json is needed".to_owned()),
        }
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |it| it.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
