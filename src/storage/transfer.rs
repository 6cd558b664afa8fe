//! Moving everything from a directory into a database, and back.
//!
//! A login that is used in two places dies in one of them. So the directory says that it has moved before the database has
//! anything, and an exported directory is of no use before the database says that it has moved. A command that was cut off, at
//! whichever step, is completed by the same command.

use std::path::{Path, PathBuf};

use super::StorageError;
use super::Surroundings;
use super::directory::Directory;
use super::directory::root::OpenError;
use super::directory::transfer::{Contents, Transfer};
use super::postgres::{Given, Postgres, PostgresError, Settings, Taken, random_uuid};

/// A transfer was not made.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] OpenError),
    /// An exporter serves from the directory.
    #[error("{path}: a withings-exporter serves from this directory; stop it, and run this again. Nothing was changed", path = .0.display())]
    Served(PathBuf),
    /// There is no such directory.
    #[error("{path}: there is no such directory; name the one that the exporter has had as --storage.path", path = .0.display())]
    NoDirectory(PathBuf),
    /// The database cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Something could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The directory has moved into another database, or is being filled from one.
    #[error("{path}: this directory has a mark of installation {of_directory}, and the database is of {of_database}; name that database and its key file", path = path.display())]
    AnotherInstallation {
        /// The directory.
        path: PathBuf,
        /// The installation that its mark names.
        of_directory: String,
        /// The installation of the database.
        of_database: String,
    },
    /// An export into the directory was not finished.
    #[error("{path}: an export into this directory was not finished; run `withings-exporter storage export --to {path}` first", path = .0.display())]
    Exporting(PathBuf),
    /// The database has logins already.
    #[error(
        "the database has logins already, which an import would replace; use an empty database, or `forget` them first. Nothing was changed"
    )]
    DatabaseInUse,
    /// The directory has logins already.
    #[error("{path}: this directory has logins already; choose an empty one. Nothing was changed", path = .0.display())]
    DirectoryInUse(PathBuf),
    /// An exporter works with the database.
    #[error(
        "an exporter is at work with the database; stop all of them, and run this again after a minute. Nothing was changed"
    )]
    AtWork,
    /// What the database had is in another directory.
    #[error(
        "what the database had was exported to {0}; use that directory with --storage.path, or export with `--to {0}` where that was cut off. Nothing was changed"
    )]
    Exported(String),
    /// The readings of a profile are as 0.1.0 stored them.
    #[error(
        "the readings of {0:?} are as version 0.1.0 stored them; let this version serve from the directory for a few minutes first. Nothing was changed"
    )]
    FirstFormat(String),
    /// The person who watches has ended it.
    #[error("it was ended after the step {0:?}; the same command completes it")]
    Ended(Step),
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Everything was read.
    Read,
    /// Everything was written, and nobody else sees it yet.
    Written,
    /// The directory has its mark.
    Marked,
    /// The database has changed hands.
    Committed,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 4] = [Self::Read, Self::Written, Self::Marked, Self::Committed];
}

/// What a transfer has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transferred {
    /// So many profiles were moved.
    Profiles(usize),
    /// An earlier command had moved them, and nothing was left to do, or only the end of it.
    Before,
}

/// Asked after each step whether to go on.
pub type GoOn<'a> = &'a (dyn Fn(Step) -> bool + Sync);

/// Moves everything from the directory `from` into the database. Blocks now and then; `go_on` is asked after each step.
pub async fn import(
    from: &Path,
    settings: Settings,
    surroundings: &Surroundings,
    go_on: GoOn<'_>,
) -> Result<Transferred, TransferError> {
    if !from.is_dir() {
        return Err(TransferError::NoDirectory(from.to_owned()));
    }
    let postgres = Postgres::open_for_transfer(settings, surroundings).await?;
    let directory = Directory::open_for_transfer(from, surroundings).map_err(of_directory)?;
    let _lock = directory.lock_logins_for_transfer()?;
    if directory.exporting()?.is_some() {
        return Err(TransferError::Exporting(from.to_owned()));
    }
    let transfer = transfer(directory.moved()?, from, &postgres)?;
    let Given { id, moved_to, has_logins } = postgres.given().await?;
    if id.as_ref() == Some(&transfer.id) && moved_to.is_none() {
        return Ok(Transferred::Before);
    }
    if has_logins {
        return Err(TransferError::DatabaseInUse);
    }
    let contents = directory.contents()?;
    if let Some(profile) = contents.profiles.iter().find(|profile| profile.state.first_format.is_some()) {
        return Err(TransferError::FirstFormat(profile.login.profile.clone()));
    }
    after(Step::Read, go_on)?;
    let mark = || {
        after(Step::Written, go_on)?;
        directory.mark_moved(&transfer)?;
        after(Step::Marked, go_on)
    };
    postgres.take_in(&contents, &transfer.id, mark).await??;
    after(Step::Committed, go_on)?;
    Ok(Transferred::Profiles(contents.profiles.len()))
}

/// Moves everything from the database into the directory `to`, which is empty or the one from which it came. Blocks now and
/// then; `go_on` is asked after each step.
pub async fn export(
    to: &Path,
    settings: Settings,
    surroundings: &Surroundings,
    go_on: GoOn<'_>,
) -> Result<Transferred, TransferError> {
    let postgres = Postgres::open_for_transfer(settings, surroundings).await?;
    let directory = Directory::open_for_transfer(to, surroundings).map_err(of_directory)?;
    let _lock = directory.lock_logins_for_transfer()?;
    let given = postgres.given().await?;
    let has_come_from_here = directory.moved()?.is_some_and(|moved| Some(moved.id) == given.id);
    let begun = directory.exporting()?;
    if begun.is_none() && !has_come_from_here && (directory.moved()?.is_some() || directory.has_logins()?) {
        return Err(TransferError::DirectoryInUse(to.to_owned()));
    }
    let transfer = transfer(begun, to, &postgres)?;
    match given.moved_to {
        Some(_) if given.id.as_ref() == Some(&transfer.id) => {
            directory.unmark()?;
            return Ok(Transferred::Before);
        }
        Some(elsewhere) => return Err(TransferError::Exported(elsewhere)),
        None => {}
    }
    // An export that an exporter at work prevents leaves no mark.
    let write = |contents: &Contents| {
        after(Step::Read, go_on)?;
        directory.mark_exporting(&transfer)?;
        after(Step::Marked, go_on)?;
        directory.replace_contents(contents)?;
        after(Step::Written, go_on)
    };
    let profiles = match postgres.hand_out(&transfer.id, to, write).await? {
        Taken::Profiles(profiles) => profiles?,
        Taken::AtWork => return Err(TransferError::AtWork),
    };
    after(Step::Committed, go_on)?;
    directory.unmark()?;
    Ok(Transferred::Profiles(profiles))
}

/// The transfer that a former command has begun, or a new one.
fn transfer(begun: Option<Transfer>, path: &Path, postgres: &Postgres) -> Result<Transfer, TransferError> {
    let installation = postgres.installation().to_owned();
    match begun {
        Some(begun) if begun.installation != installation => Err(TransferError::AnotherInstallation {
            path: path.to_owned(),
            of_directory: begun.installation,
            of_database: installation,
        }),
        Some(begun) => Ok(begun),
        None => Ok(Transfer { installation, id: random_uuid() }),
    }
}

fn of_directory(error: OpenError) -> TransferError {
    match error {
        OpenError::InUse(path) => TransferError::Served(path),
        error => error.into(),
    }
}

fn after(step: Step, go_on: GoOn<'_>) -> Result<(), TransferError> {
    if go_on(step) { Ok(()) } else { Err(TransferError::Ended(step)) }
}
