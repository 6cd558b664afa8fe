//! The command line program.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use rustix::io::Errno;
use withings_exporter::cli::{Cli, UsageError, version};
use withings_exporter::commands;
use withings_exporter::config::ConfigError;
use withings_exporter::visible::{Terminal, escaped};
use withings_exporter::web::SecurityError;

/// Wrong usage or configuration, as clap exits too.
const EXIT_MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let out = &mut Terminal(io::stdout());
    let done = match Cli::try_parse() {
        Ok(cli) => commands::run(&cli, out),
        Err(said) if said.kind() == ErrorKind::DisplayVersion => writeln!(out, "{}", version()).map_err(Into::into),
        Err(said) => said.exit(),
    };
    let Err(err) = done else { return ExitCode::SUCCESS };
    if is_broken_pipe(&err) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {}", escaped(&format!("{err:#}")));
    let is_mistake = err.is::<ConfigError>() || err.is::<SecurityError>() || err.is::<UsageError>();
    if is_mistake && !err.chain().any(is_of_disk) { ExitCode::from(EXIT_MISTAKE) } else { ExitCode::FAILURE }
}

/// Whether a disk does not answer, which may be over at the next start.
fn is_of_disk(cause: &(dyn Error + 'static)) -> bool {
    let errno = cause.downcast_ref().and_then(Errno::from_io_error);
    matches!(errno, Some(Errno::IO | Errno::STALE | Errno::TIMEDOUT | Errno::NOTCONN | Errno::HOSTDOWN))
}

/// Whether the reader of the output has seen enough, as `head` does.
fn is_broken_pipe(err: &anyhow::Error) -> bool {
    err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::BrokenPipe)
}
