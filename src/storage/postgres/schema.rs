//! The tables: which version they have, and whether it is ours.

use refinery::Migration;
use tokio_postgres::Error;

use super::error::DatabaseError;
use super::pool::{Pool, Session};
use super::seal::Keys;

/// The steps from an empty database to the tables of this version. A step that was released is never changed.
const STEPS: [(&str, &str); 1] = [("V1__replicas", include_str!("migrations/V1__replicas.sql"))];

/// The version of the tables that this program works with: the number of the last step.
pub const VERSION: i32 = 1;

/// The tables are not those of this version.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There are none.
    #[error(
        "the database at {address} has no tables of withings-exporter yet; make them with `withings-exporter storage migrate`, with the same --storage.url and --storage.key-file"
    )]
    Missing {
        /// Where, without a password.
        address: String,
    },
    /// They are of an older version.
    #[error(
        "the tables at {address} have version {found}, and this withings-exporter needs {VERSION}; stop the older ones, and run `withings-exporter storage migrate`, with the same --storage.url and --storage.key-file"
    )]
    Older {
        /// Where, without a password.
        address: String,
        /// Their version.
        found: i32,
    },
    /// They are of a newer version.
    #[error(
        "the tables at {address} have version {found}, and this withings-exporter knows {VERSION}; use a newer withings-exporter. Nothing was changed"
    )]
    Newer {
        /// Where, without a password.
        address: String,
        /// Their version.
        found: i32,
    },
    /// The database belongs to no installation: making the tables was not finished.
    #[error(
        "the database at {address} belongs to no installation yet; `withings-exporter storage migrate` completes that"
    )]
    NoInstallation {
        /// Where, without a password.
        address: String,
    },
    /// The key file is of another installation: a copy of the database, or another database than was meant.
    #[error(
        "the key file is of installation {of_file}, and the database at {address} of {of_database}; use the key file and the database that belong together. Nothing was changed"
    )]
    AnotherInstallation {
        /// Where, without a password.
        address: String,
        /// What the key file says.
        of_file: String,
        /// What the database says.
        of_database: String,
    },
    /// They could not be looked at.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Whether the tables are those of this version. Changes nothing.
pub async fn check(pool: &Pool) -> Result<(), SchemaError> {
    let address = pool.address().to_string();
    match pool.run("read the version of the tables", async |session| version(session).await).await? {
        None => Err(SchemaError::Missing { address }),
        Some(VERSION) => Ok(()),
        Some(found) if found < VERSION => Err(SchemaError::Older { address, found }),
        Some(found) => Err(SchemaError::Newer { address, found }),
    }
}

/// Whether the database belongs to the installation of `keys`. Changes nothing.
pub async fn check_installation(pool: &Pool, keys: &Keys) -> Result<(), SchemaError> {
    let owner = pool.run("read to which installation it belongs", async |session| owner(session).await).await?;
    let address = pool.address().to_string();
    match owner {
        None => Err(SchemaError::NoInstallation { address }),
        Some(owner) if owner == keys.installation() => Ok(()),
        Some(of_database) => {
            Err(SchemaError::AnotherInstallation { address, of_file: keys.installation().to_owned(), of_database })
        }
    }
}

/// The installation that the database belongs to; `None`: the tables are new.
pub(super) async fn owner(session: &Session) -> Result<Option<String>, Error> {
    let row = session.query_opt("/* schema::owner */ select id::text from installation", &[]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

/// The version of the tables; `None` without any.
pub(super) async fn version(session: &Session) -> Result<Option<i32>, Error> {
    let exists = "/* schema::version */ select to_regclass('refinery_schema_history') is not null";
    if !session.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let latest = "/* schema::version */ select max(version)::int from refinery_schema_history";
    session.query_one(latest, &[]).await?.try_get(0)
}

/// The steps, for the one who takes them.
pub(super) fn steps() -> Vec<Migration> {
    let step = |(name, sql): (&str, &str)| Migration::unapplied(name, sql).expect("the names are as they must be");
    STEPS.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_makes_the_version_of_this_program() {
        let versions: Vec<_> = steps().iter().map(Migration::version).collect();
        assert!(versions.is_sorted());
        assert_eq!(versions.last(), Some(&VERSION));
    }

    /// Whoever has taken a step would be refused when it is another one now.
    #[test]
    fn a_step_that_was_released_is_never_changed() {
        let sums: Vec<_> = steps().iter().map(|step| format!("{step} {}", step.checksum())).collect();
        assert_eq!(sums, ["V1__replicas 6992192619314418968"]);
    }
}
