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
    /// The tables are of a newer version.
    #[error(transparent)]
    Schema(SchemaError),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key file is of another installation.
    #[error(
        "the key file is of installation {of_file}, and the database of {of_database}; use the key file that belongs to this database. Nothing was changed"
    )]
    AnotherInstallation {
        /// What the key file says.
        of_file: String,
        /// What the database says.
        of_database: String,
    },
    /// A step failed.
    #[error("the steps that the tables of {address} have taken are not those of this withings-exporter: {why}")]
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
    let (from, owner) = pool.run("read the version of the tables", async |session| state(session).await).await?;
    if let Some(found) = from.filter(|found| *found > schema::VERSION) {
        return Err(MigrateError::Schema(SchemaError::Newer { address: pool.address().to_string(), found }));
    }
    let made_key_file = owner.is_none() && !key_file.exists();
    if made_key_file {
        key_file::make(key_file)?;
    }
    let keys = Keys::load(key_file)?;
    check_installation(&keys, owner)?;
    take_steps(pool).await?;
    let id = keys.installation().to_owned();
    let owner = pool.run("write to which installation it belongs", async |session| own(session, &id).await).await?;
    // Another `migrate` may have come first.
    check_installation(&keys, Some(owner))?;
    Ok(Migrated { from, to: schema::VERSION, installation: keys.installation().to_owned(), made_key_file })
}

fn check_installation(keys: &Keys, owner: Option<String>) -> Result<(), MigrateError> {
    match owner {
        Some(of_database) if of_database != keys.installation() => {
            Err(MigrateError::AnotherInstallation { of_file: keys.installation().to_owned(), of_database })
        }
        _ => Ok(()),
    }
}

/// Takes the steps that the tables have not taken yet, each whole or not at all.
async fn take_steps(pool: &Pool) -> Result<(), MigrateError> {
    let runner = Runner::new(&schema::steps());
    let connection = pool.connection().await?;
    let taken = async |session: &mut Session| Ok(runner.run_async(&mut **session).await);
    let Err(error) = connection.run(CHANGE, MIGRATED_WITHIN, taken).await? else { return Ok(()) };
    let of_database = match error.kind() {
        Kind::Connection(_, cause) => cause.downcast_ref(),
        _ => None,
    };
    let step = || MigrateError::Step { address: pool.address().to_string(), why: error.to_string() };
    Err(of_database.map_or_else(step, |cause| DatabaseError::of(CHANGE, pool.address(), cause).into()))
}

/// The version of the tables, and the installation that they belong to.
async fn state(session: &Session) -> Result<(Option<i32>, Option<String>), tokio_postgres::Error> {
    let version = schema::version(session).await?;
    let owner = if version.is_some() { owner(session).await? } else { None };
    Ok((version, owner))
}

/// Makes the installation `id` the owner, unless there is one, and returns who is.
async fn own(session: &mut Session, id: &str) -> Result<String, tokio_postgres::Error> {
    let identity = ServerIdentity::of(session).await?;
    let insert = "/* migrate::own */ insert into installation (id, system_identifier, timeline) \
         values ($1::text::uuid, $2, $3) on conflict do nothing";
    session.execute(insert, &[&id, &identity.system_identifier, &identity.timeline]).await?;
    Ok(owner(session).await?.unwrap_or_default())
}

async fn owner(session: &Session) -> Result<Option<String>, tokio_postgres::Error> {
    let row = session.query_opt("/* migrate::owner */ select id::text from installation", &[]).await?;
    row.map(|row| row.try_get(0)).transpose()
}
