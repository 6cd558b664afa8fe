//! One file for each command. The only place that knows every layer.

mod authorize;
mod check_config;
mod demo;
mod exporter;
mod forget;
mod measurements;
mod serve;

use std::io::Write;

use anyhow::Result;

pub use exporter::{Exporter, Parts};

use crate::cli::{Cli, Command, version};

/// Does what the command line says; what a command prints goes to `out`.
///
/// Fails with a [`crate::config::ConfigError`] in the chain where the configuration is wrong.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<()> {
    if cli.flags.version {
        return Ok(writeln!(out, "{}", version())?);
    }
    match &cli.command {
        None => serve::run(&cli.flags),
        Some(Command::Demo { replay }) => demo::run(&cli.flags, replay.as_deref(), out),
        Some(Command::Authorize { profile }) => authorize::run(&cli.flags, profile, out),
        Some(Command::Forget { profile }) => forget::run(&cli.flags, profile, out),
        Some(Command::CheckConfig) => check_config::run(&cli.flags, out),
        Some(Command::Measurements { format }) => measurements::run(*format, out),
    }
}
