//! Opening the database: whether it may be used, and with these keys.

use std::sync::{Arc, Mutex};

use super::error::DatabaseError;
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
    /// It could not be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Postgres {
    /// Opens the database, and refuses one whose tables are of another version. Changes nothing.
    pub(in crate::storage) async fn open(
        settings: Settings,
        surroundings: &Surroundings,
    ) -> Result<Self, PostgresError> {
        let Settings { address, keys, work_directory } = settings;
        let pool = Pool::open(&address)?;
        schema::check(&pool).await?;
        Ok(Self(Arc::new(PostgresInner {
            pool,
            keys,
            replica: random_uuid(),
            clock: DatabaseClock::default(),
            health: Health::new(surroundings.telemetry.clone()),
            seen: Mutex::new("0".to_owned()),
            swept_at: Mutex::default(),
            work_directory,
        })))
    }
}
