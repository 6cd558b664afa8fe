//! Opening the database: whether it may be used, and with these keys.

use std::sync::Arc;

use super::error::DatabaseError;
use super::guard::Guard;
use super::pool::Pool;
use super::schema::{self, SchemaError};
use super::seal::Keys;
use super::uuid::random_uuid;
use super::{DatabaseClock, Postgres, PostgresInner, Settings, Surroundings};

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Its tables are not those of this version.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// It belongs to another installation.
    #[error(
        "the database at {address} belongs to installation {of_database}, and the key file to {of_file}; use the key file that belongs to this database. A copy of a database must not be used beside it: both would lose their logins"
    )]
    AnotherInstallation {
        /// Where, without a password.
        address: String,
        /// What the database says.
        of_database: String,
        /// What the key file says.
        of_file: String,
    },
    /// What it had was exported.
    #[error(
        "the database at {address} was exported to {to}; use that directory with --storage.path, or bring it back with `withings-exporter storage import --from {to}`. Both at once would lose their logins"
    )]
    Moved {
        /// Where, without a password.
        address: String,
        /// The directory.
        to: String,
    },
    /// It could not be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Postgres {
    /// Opens the database, and refuses one whose tables are of another version, that belongs to another installation than the
    /// keys, or that has moved away. Changes nothing.
    pub(in crate::storage) async fn open(
        settings: Settings,
        _surroundings: &Surroundings,
    ) -> Result<Self, PostgresError> {
        let Settings { address, keys, work_directory } = settings;
        let pool = Pool::open(&address)?;
        schema::check(&pool).await?;
        check_owner(&pool, &keys).await?;
        let guard = Guard::default();
        guard.warn(&pool).await?;
        let (replica, clock) = (random_uuid(), DatabaseClock::default());
        Ok(Self(Arc::new(PostgresInner { pool, keys, replica, clock, guard, work_directory })))
    }
}

/// Whether the database belongs to the installation of the keys, and is its home.
pub(super) async fn check_owner(pool: &Pool, keys: &Keys) -> Result<(), PostgresError> {
    let owner = pool.run("read to which installation it belongs", async |session| {
        let query = "/* check_owner */ select id::text, moved_to from installation";
        let row = session.query_opt(query, &[]).await?;
        row.map(|row| Ok((row.try_get::<_, String>(0)?, row.try_get::<_, Option<String>>(1)?))).transpose()
    });
    let address = pool.address().to_string();
    match owner.await? {
        // `storage migrate` was cut off before its end, and ends what it began.
        None => Err(SchemaError::Missing { address }.into()),
        Some((of_database, _)) if of_database != keys.installation() => {
            Err(PostgresError::AnotherInstallation { address, of_database, of_file: keys.installation().to_owned() })
        }
        Some((_, Some(to))) => Err(PostgresError::Moved { address, to }),
        Some((_, None)) => Ok(()),
    }
}
