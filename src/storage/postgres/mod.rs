//! The back end that is a PostgreSQL database, for many replicas: its address, connections, schema, and the seal of what nobody
//! may read there.
//!
//! No lock is held for longer than a statement or a short transaction, but by an import or an export, and nothing needs `LISTEN`
//! or advisory locks. Each statement begins with a comment that names its function. PgBouncer needs `pool_mode = session`: what
//! a session is told once would be forgotten or met by others in the other modes.

mod address;
mod address_error;
mod budget;
mod clock;
mod connect;
mod error;
mod feed;
mod guard;
mod health;
mod identity;
mod key_file;
mod logins;
mod migrate;
mod open;
mod parameters;
mod pending;
mod pool;
mod restore;
mod rotation;
pub mod schema;
mod seal;
mod secrets;
mod sent;
mod snapshots;
mod tls;
mod transfer;
mod uuid;
mod waiting;
mod work;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use address::Address;
pub use address_error::AddressError;
pub use error::{DatabaseError, Problem};
pub use guard::RotationSuspended;
pub use identity::ServerIdentity;
pub use key_file::{KeyFileError, Renewed, make as make_key_file, renew as renew_key_file};
pub use migrate::{MigrateError, Migrated, migrate};
pub use open::PostgresError;
pub use pool::{ANSWERED_WITHIN, CONNECTIONS, Pool, Session};
pub use restore::accept_restore;
pub use schema::SchemaError;
pub use seal::{Context, Keys, Kind, SealError};
pub use tls::Encryption;
pub use uuid::random_uuid;

pub(super) use feed::Followed;
pub(super) use rotation::{ASK_WITHIN, LoginLease};
pub(super) use transfer::{Given, Taken};

use tokio::time::Instant;

use super::plan::Now;
use super::{StorageError, Surroundings};
use clock::DatabaseClock;
use health::Health;

/// What a database is opened with.
#[derive(Debug)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// The keys of the logins.
    pub keys: Keys,
    /// Where a backfill keeps what it has fetched, on this host.
    pub work_directory: PathBuf,
}

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Postgres(Arc<PostgresInner>);

#[derive(Debug)]
struct PostgresInner {
    pool: Pool,
    keys: Keys,
    /// What tells this process from the other replicas: random, and of this run alone.
    replica: String,
    clock: DatabaseClock,
    guard: guard::Guard,
    health: Health,
    /// The first transaction that this process has not followed for sure; the text of an `xid8`.
    seen: Mutex<String>,
    /// When calls that were sent long ago were last deleted.
    swept_at: Mutex<Option<Instant>>,
    work_directory: PathBuf,
}

impl Postgres {
    /// The work directory of a backfill.
    pub(super) fn backfill_directory(&self) -> PathBuf {
        self.0.work_directory.join("backfill")
    }

    fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// The present time by the database's clock; `None` before it was heard.
    pub(super) fn now(&self) -> Option<Now> {
        self.0.clock.now()
    }

    /// What tells this process from the other replicas.
    fn me(&self) -> &String {
        &self.0.replica
    }

    /// The first transaction that this process has not followed for sure; the text of an `xid8`.
    fn seen(&self) -> String {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
