//! One file for each command. The only place that knows every layer.

mod authorize;
mod backfill;
mod budget;
mod check_config;
mod demo;
mod exporter;
mod forget;
mod healthcheck;
mod household;
mod measurements;
mod serve;
mod webhooks;

use std::env;
use std::io::Write;

use anyhow::Result;

pub use backfill::Backfill;
pub use exporter::{Exporter, Parts, Reread};

use crate::cli::{Cli, Command, Flags, version};
use crate::config::{Config, ConfigError};
use crate::web::{Security, SecurityError};

/// The security that the flags name.
fn security(flags: &Flags) -> Result<Security, SecurityError> {
    flags.web_config_file.as_deref().map_or_else(|| Ok(Security::none()), Security::load)
}

/// The configuration of a command that does not serve.
fn config(flags: &Flags, security: &Security) -> Result<Config, ConfigError> {
    let base_url = flags.default_base_url(security.has_tls());
    Config::load(&flags.config_file, &|name| env::var(name).ok(), base_url.as_ref())
}

/// Does what the command line says; what a command prints goes to `out`.
///
/// Fails with a [`ConfigError`] or a [`SecurityError`] where the configuration is wrong.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<()> {
    if cli.flags.version {
        return Ok(writeln!(out, "{}", version())?);
    }
    match &cli.command {
        None => serve::run(&cli.flags),
        Some(Command::Demo(asked)) => demo::run(&cli.flags, asked, out),
        Some(Command::Backfill(asked)) => backfill::run(&cli.flags, asked, out),
        Some(Command::Authorize { profile }) => authorize::run(&cli.flags, profile, out),
        Some(Command::Forget { profile }) => forget::run(&cli.flags, profile, out),
        Some(Command::Healthcheck) => healthcheck::run(&cli.flags, out),
        Some(Command::CheckConfig) => check_config::run(&cli.flags, out),
        Some(Command::Measurements { format }) => measurements::run(*format, out),
    }
}

/// What to say of a profile that is not configured.
fn unknown_profile(config: &Config, profile: &str) -> String {
    let names: Vec<_> = config.profiles.iter().map(|it| format!("{it:?}")).collect();
    format!("there is no profile {profile:?} in the configuration; it has {}", names.join(", "))
}
