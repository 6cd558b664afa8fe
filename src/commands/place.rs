//! The storage that the flags name, opened.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Error, Result};

use super::variable;
use crate::cli::{Flags, Place, UsageError};
use crate::clock::Clock;
use crate::storage::{OpenError, Purpose, Storage, Surroundings};
use crate::telemetry::Telemetry;

/// The storage of real people, for the exporter.
pub(super) async fn opened(flags: &Flags, telemetry: &Telemetry) -> Result<Storage> {
    match flags.place(&variable)? {
        Place::Directory(path) => Storage::open(&path, Purpose::Serve, surroundings(telemetry)).map_err(of_directory),
        Place::Database { .. } => database(flags, telemetry).await,
    }
}

/// The storage of real people, for a command that works beside a running exporter.
pub(super) async fn joined(flags: &Flags, telemetry: &Telemetry) -> Result<Storage> {
    match flags.place(&variable)? {
        Place::Directory(path) => Storage::join(&path, surroundings(telemetry)).map_err(of_directory),
        Place::Database { .. } => database(flags, telemetry).await,
    }
}

/// What the storage of this process is opened with beside its place.
pub(super) fn surroundings(telemetry: &Telemetry) -> Surroundings {
    let directories = env::var_os("RUNTIME_DIRECTORY").filter(|paths| !paths.is_empty());
    // systemd joins several with colons.
    let first = |paths: OsString| paths.to_string_lossy().split(':').next().map(PathBuf::from);
    Surroundings {
        clock: Clock::system(),
        telemetry: telemetry.clone(),
        runtime_directory: directories.and_then(first),
    }
}

/// A directory whose logins are elsewhere is the wrong one.
pub(super) fn of_directory(error: OpenError) -> Error {
    match error {
        OpenError::Moved(_) | OpenError::Exporting(_) => UsageError(error.to_string()).into(),
        error => error.into(),
    }
}

#[cfg(feature = "postgres")]
async fn database(flags: &Flags, telemetry: &Telemetry) -> Result<Storage> {
    let settings = super::database::settings(flags)?;
    Storage::open_postgres(settings, surroundings(telemetry)).await.map_err(super::database::of_database)
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "it is called as the one with PostgreSQL is")]
async fn database(_: &Flags, _: &Telemetry) -> Result<Storage> {
    Err(UsageError(crate::cli::NOT_BUILT.to_owned()).into())
}
