//! One file for each command. The only place that knows every layer.

mod authorize;
mod backfill;
mod check_config;
#[cfg(feature = "postgres")]
mod database;
mod demo;
mod forget;
mod healthcheck;
mod measurements;
mod place;
mod serve;
#[cfg(feature = "postgres")]
mod storage;

use std::env;
use std::io::{self, Write};

use anyhow::Result;
use tokio::runtime::{self, Runtime};
use tracing_subscriber::util::TryInitError;

pub use backfill::Backfill;

use crate::app::warnings;
use crate::cli::{Cli, Command, Flags};
#[cfg(not(feature = "postgres"))]
use crate::cli::{NOT_BUILT, UsageError};
use crate::config::{Config, ConfigError};
use crate::regular_file::ReadAt;
use crate::telemetry::log::{self, Level};
use crate::web::{Security, SecurityError};

/// The web configuration that the flags name.
fn security(flags: &Flags) -> Result<Security, SecurityError> {
    flags.web_config_file.as_deref().map_or_else(|| Ok(Security::none()), Security::load)
}

/// The runtime of a command: one thread, for what blocks has threads of its own.
fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// A variable of the environment.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The configuration of a command that does not serve. What had better be said otherwise in it is logged.
fn config(flags: &Flags, security: &Security) -> Result<Config, ConfigError> {
    let base_url = flags.default_base_url(security.has_tls());
    let config = Config::load(&flags.config_file, ReadAt::Start, &variable, base_url.as_ref())?;
    for warning in warnings(&config) {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// Starts logging. The demo has a log of its own, and what is said between the questions of a terminal must matter.
fn log(Cli { flags, command }: &Cli) -> Result<(), TryInitError> {
    let level = match (command, flags.log_level) {
        (Some(Command::Demo(_)), _) => return Ok(()),
        (Some(Command::Authorize { .. } | Command::Forget { .. }), Level::Info) => Level::Warn,
        (_, level) => level,
    };
    log::init(level, flags.log_format)
}

/// Does what the command line says; what a command prints goes to `out`.
///
/// Fails with a [`ConfigError`] or a [`SecurityError`] where the configuration is wrong.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<()> {
    log(cli)?;
    match &cli.command {
        None => serve::run(&cli.flags),
        Some(Command::Demo(asked)) => demo::run(&cli.flags, asked, out),
        Some(Command::Backfill(asked)) => backfill::run(&cli.flags, asked, out),
        Some(Command::Authorize { profile }) => authorize::run(&cli.flags, profile, out),
        Some(Command::Forget { profile }) => forget::run(&cli.flags, profile, out),
        #[cfg(feature = "postgres")]
        Some(Command::Storage(command)) => storage::run(&cli.flags, command, out),
        #[cfg(not(feature = "postgres"))]
        Some(Command::Storage(_)) => Err(UsageError(NOT_BUILT.to_owned()).into()),
        Some(Command::Healthcheck) => healthcheck::run(&cli.flags, out),
        Some(Command::CheckConfig) => check_config::run(&cli.flags, out),
        Some(Command::Measurements { format }) => measurements::run(*format, out),
    }
}

/// What to say of a profile that is not configured.
fn unknown_profile(config: &Config, profile: &str) -> String {
    let names: Vec<_> = config.profiles.iter().map(|name| format!("{name:?}")).collect();
    format!("there is no profile {profile:?} in the configuration; it has {}", names.join(", "))
}
