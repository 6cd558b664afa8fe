//! `storage`: the tables in PostgreSQL, and the key of the logins in them.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::database::{database, mistake, of_database, settings};
use super::place::{of_directory, surroundings};
use crate::cli::{Flags, StorageCommand, UsageError};
use crate::storage::postgres::{
    MigrateError, Migrated, Pool, Renewed, SchemaError, Settings, accept_restore, migrate, renew_key_file,
};
use crate::storage::transfer::{self, TransferError, Transferred};
use crate::telemetry::{Build, Telemetry};

/// Does what is asked.
pub(super) fn run(flags: &Flags, command: &StorageCommand, out: &mut dyn Write) -> Result<()> {
    match command {
        StorageCommand::Migrate => migrated(flags, out),
        StorageCommand::Import { from } => imported(flags, from, out),
        StorageCommand::Export { to } => exported(flags, to, out),
        StorageCommand::AcceptRestore => restored(flags, out),
        StorageCommand::NewKey => new_key(flags, out),
    }
}

/// Waits for `work`. A name server that does not answer must not hold up the end of the command.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = super::runtime()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Brings the tables to this version.
fn migrated(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let (address, key_file) = database(flags)?;
    let migrated = wait_for(async { migrate(&Pool::open(&address)?, &key_file).await })?;
    let Migrated { from, to, installation, made_key_file } = migrated.map_err(|error| match error {
        MigrateError::KeyFile(error) => mistake(&error),
        MigrateError::Database(error) | MigrateError::Schema(SchemaError::Database(error)) => error.into(),
        MigrateError::Schema(_) | MigrateError::Step { .. } => UsageError(error.to_string()).into(),
    })?;
    match from {
        None => writeln!(out, "The tables at {address} were made, version {to}.")?,
        Some(from) if from == to => writeln!(out, "The tables at {address} have version {to} already.")?,
        Some(from) => writeln!(out, "The tables at {address} were brought from version {from} to {to}.")?,
    }
    writeln!(out, "They belong to the installation {installation}.")?;
    if made_key_file {
        writeln!(out, "{} was made: every exporter of this installation needs it.", key_file.display())?;
        advise_copy(out)?;
    }
    Ok(())
}

/// Moves everything from a directory into the database.
fn imported(flags: &Flags, from: &Path, out: &mut dyn Write) -> Result<()> {
    let (settings, surroundings) = (settings(flags)?, surroundings(&Telemetry::new(Build::this())));
    let address = settings.address.to_string();
    let moved = wait_for(transfer::import(from, settings, &surroundings, &|_| true))?;
    match moved.map_err(of_transfer)? {
        Transferred::Profiles(number) => {
            writeln!(out, "The logins and readings of {number} profiles moved from {} to {address}.", from.display())?;
        }
        Transferred::Before => writeln!(out, "{} had moved to {address} already.", from.display())?,
    }
    writeln!(out, "{} is of no use any more: no exporter serves from it.", from.display())?;
    Ok(())
}

/// Moves everything from the database into a directory.
fn exported(flags: &Flags, to: &Path, out: &mut dyn Write) -> Result<()> {
    let (settings, surroundings) = (settings(flags)?, surroundings(&Telemetry::new(Build::this())));
    let address = settings.address.to_string();
    let moved = wait_for(transfer::export(to, settings, &surroundings, &|_| true))?;
    match moved.map_err(of_transfer)? {
        Transferred::Profiles(number) => {
            writeln!(out, "The logins and readings of {number} profiles moved from {address} to {}.", to.display())?;
        }
        Transferred::Before => writeln!(out, "What {address} had is in {}; that is finished now.", to.display())?,
    }
    writeln!(out, "Serve from it with --storage.path {}, and without --storage.url.", to.display())?;
    Ok(())
}

/// Accepts a database that was restored.
fn restored(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let Settings { address, keys, .. } = settings(flags)?;
    let accepted = wait_for(async { accept_restore(&Pool::open(&address)?, &keys).await })?;
    match accepted.map_err(of_database)? {
        Some(reason) => writeln!(
            out,
            "No login was refreshed, for {reason}.\nThey are again from now on. Those that were refreshed after the backup are \
             dead: their people must connect again."
        )?,
        None => writeln!(out, "Logins are refreshed with this database already; there was nothing to accept.")?,
    }
    Ok(())
}

/// A transfer that the places do not allow is a mistake of whoever named them.
fn of_transfer(error: TransferError) -> anyhow::Error {
    match error {
        TransferError::Directory(error) => of_directory(error),
        TransferError::Postgres(error) => of_database(error),
        TransferError::Storage(_) | TransferError::AtWork | TransferError::Served(_) | TransferError::Ended(_) => {
            error.into()
        }
        mistake => UsageError(mistake.to_string()).into(),
    }
}

/// Makes a key file, or puts a new key into it.
fn new_key(flags: &Flags, out: &mut dyn Write) -> Result<()> {
    let missing = || UsageError("name the key file with --storage.key-file".to_owned());
    let path: &Path = flags.database.key_file.as_deref().ok_or_else(missing)?;
    match renew_key_file(path).map_err(|error| mistake(&error))? {
        Renewed::Made => {
            writeln!(out, "{} was made, for a new installation.", path.display())?;
            advise_copy(out)?;
        }
        Renewed::Added => writeln!(
            out,
            "{} has a new key, which seals from now on; the one before it still opens. Give the file to every exporter of this \
             installation and start them again: one with the old file cannot use a login that another has sealed anew.",
            path.display()
        )?,
    }
    Ok(())
}

fn advise_copy(out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "Keep a copy apart from the database's backups: without it no login in them can be used.")
}
