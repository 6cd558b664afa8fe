//! Bringing the tables to this version: the only place that changes them.

use std::path::Path;
use std::time::Duration;

use refinery::Runner;
use refinery::error::Kind;

use super::error::DatabaseError;
use super::identity::ServerIdentity;
use super::key_file::{self, KeyFileError};
use super::pool::{Pool, Session};
use super::schema::{self, SchemaError};
use super::seal::Keys;

/// How long the steps may take: an index over many rows takes its time.
const MIGRATED_WITHIN: Duration = Duration::from_mins(10);

/// What the steps are called where they fail.
const CHANGE: &str = "change the tables";

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version that the tables had; `None`: there were none.
    pub from: Option<i32>,
    /// The version that they have.
    pub to: i32,
    /// The installation.
    pub installation: String,
    /// Whether the key file was made.
    pub made_key_file: bool,
}

/// The tables were not brought to this version.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database did not do it.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables are of a newer version, or of another installation.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A step failed.
    #[error(
        "the steps that the tables at {address} have taken are not those of this withings-exporter; use the version that made them, or an empty database: {why}"
    )]
    Step {
        /// Where, without a password.
        address: String,
        /// Which step, and what is wrong with it.
        why: String,
    },
}

/// Brings the tables to this version. On a database without tables it also makes the key file at `key_file`, where there is
/// none, and writes down to which installation the database belongs.
pub async fn migrate(pool: &Pool, key_file: &Path) -> Result<Migrated, MigrateError> {
    let (from, is_owned) = pool.run("read the version of the tables", async |session| state(session).await).await?;
    if let Some(found) = from.filter(|found| *found > schema::VERSION) {
        return Err(SchemaError::Newer { address: pool.address().to_string(), found }.into());
    }
    // Whatever is wrong with the file is said before anything changes.
    let makes_key_file = !is_owned && !key_file.exists();
    if !makes_key_file {
        let keys = Keys::load(key_file)?;
        if is_owned {
            schema::check_installation(pool, &keys).await?;
        }
    }
    take_steps(pool).await?;
    if makes_key_file {
        key_file::make(key_file)?;
    }
    let keys = Keys::load(key_file)?;
    let installation = keys.installation().to_owned();
    pool.run("write to which installation it belongs", async |session| own(session, &installation).await).await?;
    // Another `migrate` may have come first.
    schema::check_installation(pool, &keys).await?;
    Ok(Migrated { from, to: schema::VERSION, installation, made_key_file: makes_key_file })
}

/// Takes the steps that the tables have not taken yet, each whole or not at all.
async fn take_steps(pool: &Pool) -> Result<(), MigrateError> {
    let runner = Runner::new(&schema::steps());
    let taken = async |session: &mut Session| Ok(runner.run_async(&mut **session).await);
    let Err(error) = pool.run_for(MIGRATED_WITHIN, CHANGE, taken).await? else { return Ok(()) };
    let of_database = match error.kind() {
        Kind::Connection(_, cause) => cause.downcast_ref(),
        _ => None,
    };
    let step = || MigrateError::Step { address: pool.address().to_string(), why: error.to_string() };
    Err(of_database.map_or_else(step, |cause| DatabaseError::of(CHANGE, pool.address(), cause).into()))
}

/// The version of the tables, and whether they belong to an installation.
async fn state(session: &Session) -> Result<(Option<i32>, bool), tokio_postgres::Error> {
    let version = schema::version(session).await?;
    let is_owned = version.is_some() && schema::owner(session).await?.is_some();
    Ok((version, is_owned))
}

/// Makes the installation `id` the owner, unless there is one.
async fn own(session: &Session, id: &str) -> Result<(), tokio_postgres::Error> {
    let identity = ServerIdentity::of(session).await?;
    let insert = "/* migrate::own */ insert into installation (id, system_identifier, timeline) \
         values ($1::text::uuid, $2, $3) on conflict do nothing";
    session.execute(insert, &[&id, &identity.system_identifier, &identity.timeline]).await.map(drop)
}
