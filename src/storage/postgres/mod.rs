//! PostgreSQL, for many replicas: its address, connections, schema, and the seal of what nobody may read there.
//!
//! No lock is held for longer than a statement or a short transaction, and nothing needs `LISTEN` or advisory locks. Each
//! statement begins with a comment that names its function. PgBouncer needs `pool_mode = session`: what a session is told
//! once would be forgotten or met by others in the other modes.

mod address;
mod address_error;
mod connect;
mod error;
mod identity;
mod key_file;
mod migrate;
mod parameters;
mod pool;
pub mod schema;
mod seal;
mod tls;
mod uuid;

pub use address::Address;
pub use address_error::AddressError;
pub use error::{DatabaseError, Problem};
pub use identity::ServerIdentity;
pub use key_file::{KeyFileError, Renewed, make as make_key_file, renew as renew_key_file};
pub use migrate::{MigrateError, Migrated, migrate};
pub use pool::{ANSWERED_WITHIN, CONNECTIONS, Connection, Pool, Session};
pub use schema::SchemaError;
pub use seal::{Context, Keys, Kind, SealError};
pub use tls::Encryption;
pub use uuid::random_uuid;
