//! The verbs of storage, in a directory and in a database: one suite, two back ends.

mod away;
mod budget;
mod claims;
mod feed;
mod planned;
mod readings;
mod replicas;

use std::path::PathBuf;

use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::storage::postgres::{Address, Keys, Pool, Settings, migrate};
use withings_exporter::storage::{Purpose, Storage, Surroundings};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::postgres::database::Database;

/// Where a storage is.
pub(crate) enum Place {
    /// In a directory of one host.
    Directory(TempDir),
    /// In a database, with the folder of its key file.
    Database(Database, TempDir),
}

impl Place {
    /// An empty one of each kind.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::Directory(tempfile::tempdir().unwrap()), Self::database().await]
    }

    /// An empty database with its tables.
    pub(crate) async fn database() -> Self {
        let (database, folder) = (Database::empty(), tempfile::tempdir().unwrap());
        let pool = Pool::open(&Address::parse(&database.url(), None).unwrap()).unwrap();
        migrate(&pool, &folder.path().join("key")).await.unwrap();
        Self::Database(database, folder)
    }

    /// The storage of an exporter.
    pub(crate) async fn open(&self, clock: &Clock) -> Storage {
        match self {
            Self::Directory(root) => Storage::open(root.path(), Purpose::Serve, surroundings(clock)).unwrap(),
            Self::Database(database, folder) => {
                let settings = Settings {
                    address: Address::parse(&database.url(), None).unwrap(),
                    keys: Keys::load(&folder.path().join("key")).unwrap(),
                    work_directory: PathBuf::from(folder.path()),
                };
                Storage::open_postgres(settings, surroundings(clock)).await.unwrap()
            }
        }
    }

    /// The storage of another process that works beside the exporter: a command, or another replica.
    pub(crate) async fn beside(&self, clock: &Clock) -> Storage {
        match self {
            Self::Directory(root) => Storage::join(root.path(), surroundings(clock)).unwrap(),
            Self::Database(..) => self.open(clock).await,
        }
    }
}

pub(crate) fn surroundings(clock: &Clock) -> Surroundings {
    Surroundings { clock: clock.clone(), telemetry: Telemetry::new(Build::this()), runtime_directory: None }
}
