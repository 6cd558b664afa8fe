//! The verbs of storage, in a directory and in a database: one suite, two back ends.

mod away;
mod budget;
mod claims;
mod feed;
mod logins;
mod pending;
mod planned;
mod readings;
mod replicas;
mod replicas_claims;
mod replicas_guards;
mod rotation;
mod transfer;
mod unsaved;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use tempfile::TempDir;
use withings_exporter::clock::Clock;
use withings_exporter::storage::postgres::{Address, Keys, Pool, PostgresError, Settings, migrate};
use withings_exporter::storage::{Beginning, Login, NewConsent, NewLogin, Pending, Purpose, Storage, Surroundings};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::postgres::database::Database;
use crate::program::until_started;

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
        migrated(&database.url(), folder.path()).await;
        Self::Database(database, folder)
    }

    /// Moves the time by which leases and other things end: that of the database, or of the process.
    pub(crate) async fn advance(&self, clock: &Clock, by: Duration) {
        clock.advance(by);
        match self {
            Self::Directory(_) => {
                tokio::time::pause();
                tokio::time::advance(by).await;
                tokio::time::resume();
            }
            Self::Database(database, _) => drop(database.psql(&format!(
                "create table if not exists test_time (ahead interval); insert into test_time values ('{} s'); \
                 create or replace function wx_now() returns timestamptz language sql stable as \
                 'select statement_timestamp() + (select sum(ahead) from test_time)'",
                by.as_secs()
            ))),
        }
    }

    /// What the database answers to this SQL.
    #[track_caller]
    pub(crate) fn psql(&self, sql: &str) -> String {
        let Self::Database(database, _) = self else { panic!("it is a directory") };
        database.psql(sql)
    }

    /// The storage of an exporter.
    pub(crate) async fn open(&self, clock: &Clock) -> Storage {
        until_started();
        match self {
            Self::Directory(root) => Storage::open(root.path(), Purpose::Serve, surroundings(clock)).unwrap(),
            Self::Database(database, folder) => open_at(&database.url(), folder.path(), clock).await.unwrap(),
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

/// A database with its tables, and the folder of its key file.
#[derive(Clone)]
pub(crate) struct DatabaseAt {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
}

impl DatabaseAt {
    /// The storage of an exporter.
    pub(crate) async fn open(&self, surroundings: Surroundings) -> Result<Storage, PostgresError> {
        let settings = Settings {
            address: Address::parse(&self.url, None).unwrap(),
            keys: Keys::load(&self.folder.join("key")).unwrap(),
            work_directory: self.folder.clone(),
        };
        Storage::open_postgres(settings, surroundings).await
    }
}

/// The storage at this URL, with the key file of this folder.
pub(crate) async fn open_at(url: &str, folder: &Path, clock: &Clock) -> Result<Storage, PostgresError> {
    DatabaseAt { url: url.to_owned(), folder: folder.to_owned() }.open(surroundings(clock)).await
}

/// Makes the tables in the database at `url`, and the key file in `folder`.
pub(crate) async fn migrated(url: &str, folder: &Path) {
    let pool = Pool::open(&Address::parse(url, None).unwrap()).unwrap();
    migrate(&pool, &folder.join("key")).await.unwrap();
}

/// Checks something in a directory, and then in a database.
async fn in_both(check: impl AsyncFn(&Place)) {
    for place in Place::both().await {
        check(&place).await;
    }
}

/// A clock that stands.
fn clock() -> Clock {
    Clock::frozen(DateTime::from_timestamp(1_790_000_000, 0).unwrap())
}

/// The pair with this number, of the person 42.
fn pair(number: u32) -> NewLogin {
    NewLogin {
        user_id: "42".to_owned(),
        access_token: format!("access-{number}").into(),
        expires_at: 10_800,
        refresh_token: format!("refresh-{number}").into(),
        scopes: vec!["user.metrics".to_owned()],
    }
}

fn consent(profile: &str, new: NewLogin) -> NewConsent {
    NewConsent { profile: profile.into(), new, demo: false }
}

fn pending(profile: &str, started_at: i64, beginning: Beginning) -> Pending {
    Pending { profile: profile.to_owned(), started_at, demo: false, beginning }
}

/// Logs in a person that no other profile has, with the first pair.
async fn connect(storage: &Storage, profile: &str) -> Login {
    let new = NewLogin { user_id: profile.to_owned(), ..pair(1) };
    storage.connect(consent(profile, new), &[], false).await.unwrap();
    storage.login(profile).await.unwrap().unwrap()
}
