//! Opening the database: whether it may be used, and with these keys.

use std::sync::{Arc, Mutex};

use super::error::DatabaseError;
use super::guard::Guard;
use super::pool::Pool;
use super::schema::{self, SchemaError};
use super::uuid::random_uuid;
use super::{DatabaseClock, Health, Postgres, PostgresInner, Settings, Surroundings};

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Its tables are not those of this version.
    #[error(transparent)]
    Schema(#[from] SchemaError),
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
        surroundings: &Surroundings,
    ) -> Result<Self, PostgresError> {
        let postgres = Self::open_for_transfer(settings, surroundings).await?;
        check_home(postgres.pool()).await?;
        Ok(postgres)
    }

    /// Opens the database like [`open`](Self::open), also where it has moved away.
    pub(in crate::storage) async fn open_for_transfer(
        settings: Settings,
        surroundings: &Surroundings,
    ) -> Result<Self, PostgresError> {
        let Settings { address, keys, work_directory } = settings;
        let pool = Pool::open(&address)?;
        schema::check(&pool).await?;
        schema::check_installation(&pool, &keys).await?;
        let guard = Guard::default();
        guard.warn(&pool).await?;
        Ok(Self(Arc::new(PostgresInner {
            pool,
            keys,
            replica: random_uuid(),
            clock: DatabaseClock::default(),
            guard,
            health: Health::new(surroundings.telemetry.clone()),
            seen: Mutex::new("0".to_owned()),
            swept_at: Mutex::default(),
            work_directory,
        })))
    }
}

/// Refuses a database whose content has moved into a directory.
pub(super) async fn check_home(pool: &Pool) -> Result<(), PostgresError> {
    let moved = pool.run("read whether it has moved", async |session| {
        let query = "/* check_home */ select moved_to from installation";
        session.query_one(query, &[]).await?.try_get::<_, Option<String>>(0)
    });
    match moved.await? {
        Some(to) => Err(PostgresError::Moved { address: pool.address().to_string(), to }),
        None => Ok(()),
    }
}
