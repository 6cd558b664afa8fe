//! The database that the flags name, and whose mistake it is when it cannot be used.

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use secrecy::ExposeSecret;

use super::variable;
use crate::cli::{Flags, Place, UsageError};
use crate::storage::postgres::{Address, KeyFileError, Keys, PostgresError, SchemaError, Settings};

/// The PostgreSQL that the flags name, and the key file that belongs to it.
pub(super) fn database(flags: &Flags) -> Result<(Address, PathBuf), UsageError> {
    let Place::Database { url, key_file } = flags.place(&variable)? else {
        return Err(UsageError("this command is for PostgreSQL: name it with --storage.url".to_owned()));
    };
    let password = variable("PGPASSWORD");
    let address = Address::parse(url.expose_secret(), password.as_deref())
        .map_err(|error| UsageError(format!("--storage.url: {error}")))?;
    if address.has_password() && flags.shows_url(&variable) {
        tracing::warn!(
            "the password in --storage.url is seen by every user of this machine; put it into PGPASSWORD, or the URL into \
             WITHINGS_EXPORTER_STORAGE_URL"
        );
    }
    Ok((address, key_file))
}

/// What the database that the flags name is opened with.
pub(super) fn settings(flags: &Flags) -> Result<Settings> {
    let (address, key_file) = database(flags)?;
    let keys = Keys::load(&key_file).map_err(|error| mistake(&error))?;
    Ok(Settings { address, keys, work_directory: flags.storage_path(env::var_os("STATE_DIRECTORY")) })
}

/// A database of other tables or another installation is the wrong one.
pub(super) fn of_database(error: PostgresError) -> anyhow::Error {
    match error {
        PostgresError::Database(_) | PostgresError::Schema(SchemaError::Database(_)) => error.into(),
        mistake => UsageError(mistake.to_string()).into(),
    }
}

/// A key file that cannot be used is a mistake of whoever wrote it.
pub(super) fn mistake(error: &KeyFileError) -> anyhow::Error {
    UsageError(error.to_string()).into()
}
