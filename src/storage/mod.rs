//! What survives a restart, behind few verbs: the logins, what is known of each person, the plans, and the one budget of
//! requests.
//!
//! Memory holds what is shown, storage holds what is known: a refresh claims a profile ([`Storage::claim`]), loads its state,
//! changes it, saves it, and forgets it. All verbs that ask a disk or a database are asynchronous. No lock and no lease is held
//! while a task waits for its turn in the budget, and every wait has an end: first the permit, then the lease, then the request
//! with its deadline, then the store. What is stored is in a back end; what the process knows of it, and what could not be
//! stored yet, is here.

#![cfg_attr(
    not(feature = "postgres"),
    allow(
        clippy::unnecessary_wraps,
        clippy::unused_async,
        dead_code,
        irrefutable_let_patterns,
        unused_variables,
        reason = "without PostgreSQL there is one back end, and what only the other one needs is left"
    )
)]

mod back_end;
mod budget;
mod claims;
mod directory;
mod error;
mod installation;
mod known_logins;
mod login;
#[cfg(test)]
mod login_tests;
mod logins;
mod pair;
mod pending;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod queue;
mod queue_entry;
mod readings;
mod rotation;
mod set_aside;
#[cfg(test)]
mod tests;
#[cfg(feature = "postgres")]
pub mod transfer;
mod turns;
#[cfg(test)]
mod waiting_tests;
mod work;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use budget::{Class, Turn};
pub use directory::checkpoint::{WorkDirectory, WorkError};
pub use directory::json_file::{load, save};
pub use directory::ownership::OwnershipError;
pub use directory::root::{OpenError, Purpose};
pub use error::StorageError;
pub use known_logins::{ConnectError, Forgotten, KnownLogin, KnownLogins, Refreshed};
pub use login::{Login, LoginInfo, NewConsent, NewLogin};
pub use pending::{Beginning, Pending, STATE_LIFETIME};
pub use plan::{CallPlan, Plan};
pub use queue::{Claim, REPEAT_AFTER, Replan};
pub use readings::{SaveError, StoredState};
pub use rotation::{NoPair, NotRefreshed, RotateError};
pub use set_aside::WaitingConsent;
pub use turns::NoTurn;

use crate::clock::Clock;
use crate::telemetry::Telemetry;
use back_end::BackEnd;
use directory::Directory;
use logins::LoginTable;
use pair::UnsavedPairs;
use queue::Queue;
use readings::{UnsavedEvents, UnsavedStates};
use rotation::Rotations;
use turns::Turns;

/// How long no state is saved after one that could not be: a write that fails is slow, and holds up the refreshes.
const SAVE_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// The storage. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage(Arc<StorageInner>);

#[derive(Debug)]
struct StorageInner {
    back_end: BackEnd,
    purpose: Purpose,
    clock: Clock,
    telemetry: Telemetry,
    queue: Queue,
    logins: LoginTable,
    turns: Arc<Turns>,
    unsaved: Mutex<Unsaved>,
    rotations: Rotations,
}

/// What could not be saved when it should have been.
#[derive(Debug, Default)]
struct Unsaved {
    pairs: UnsavedPairs,
    states: UnsavedStates,
    /// Before this time no state is saved, for one could not be a moment ago.
    states_rest_until: Option<Instant>,
    events: UnsavedEvents,
}

impl Unsaved {
    fn forget(&mut self, profile: &str) {
        self.pairs.remove(profile);
        self.states.remove(profile);
        self.events.remove(profile);
    }
}

/// What a storage is opened with beside its path.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The present time.
    pub clock: Clock,
    /// Where failures of storage are counted.
    pub telemetry: Telemetry,
    /// A directory in memory for the budget of requests, which is written for each of them; `None`: it is with the rest.
    pub runtime_directory: Option<PathBuf>,
}

impl Storage {
    /// Opens the directory at `root` for `purpose`, makes it (0700) if it is missing, and refuses one that another process
    /// serves from, that belongs to another purpose, or that a newer version of this program has written to. Blocks; must be
    /// called within a tokio runtime.
    pub fn open(root: &Path, purpose: Purpose, surroundings: Surroundings) -> Result<Self, OpenError> {
        let directory = Directory::open(root, purpose, &surroundings)?;
        let storage = Self::with(BackEnd::Directory(directory.clone()), purpose, surroundings);
        if let Err(error) = directory.restore_plans(&storage.0.queue) {
            tracing::warn!(
                error = error.with_cause(),
                "what was planned is not known; everything is asked for at once"
            );
        }
        Ok(storage)
    }

    /// Opens the directory of real people at `root` for a command that works beside a running exporter.
    pub fn join(root: &Path, surroundings: Surroundings) -> Result<Self, OpenError> {
        let directory = Directory::join(root, &surroundings)?;
        Ok(Self::with(BackEnd::Directory(directory), Purpose::Serve, surroundings))
    }

    /// Opens the database, which is checked: its schema, that the keys are its own, and that it has not moved away.
    #[cfg(feature = "postgres")]
    pub async fn open_postgres(
        settings: postgres::Settings,
        surroundings: Surroundings,
    ) -> Result<Self, postgres::PostgresError> {
        let postgres = postgres::Postgres::open(settings, &surroundings).await?;
        Ok(Self::with(BackEnd::Postgres(postgres), Purpose::Serve, surroundings))
    }

    fn with(back_end: BackEnd, purpose: Purpose, surroundings: Surroundings) -> Self {
        let Surroundings { clock, telemetry, .. } = surroundings;
        Self(Arc::new(StorageInner {
            back_end,
            purpose,
            clock,
            telemetry,
            queue: Queue::default(),
            logins: LoginTable::new(),
            turns: Arc::new(Turns::new()),
            unsaved: Mutex::default(),
            rotations: Rotations::default(),
        }))
    }

    /// What the storage is used for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Makes every operation of the disk that begins from now on hang, or go on again, as a network file system does whose
    /// server is away: for tests.
    pub fn hang_disk(&self, hangs: bool) {
        if let BackEnd::Directory(directory) = &self.0.back_end {
            directory.disk().hang(hangs);
        }
    }

    /// Whether what Withings tells can be kept; else Withings is to tell it again.
    #[must_use]
    pub fn takes_notifications(&self) -> bool {
        self.0.back_end.takes_notifications()
    }

    /// Whether other hosts use the same storage, and time what they share by its clock.
    #[must_use]
    pub fn is_of_many_hosts(&self) -> bool {
        self.0.back_end.is_of_many_hosts()
    }

    /// Saves what could not be saved before, but for states for which it is too soon; returns whether everything is saved now.
    pub async fn save_unsaved(&self) -> bool {
        let (pairs, states, events) = {
            let unsaved = self.unsaved();
            let states = if unsaved.states_rest() { Vec::new() } else { unsaved.states.keys().cloned().collect() };
            let pairs: Vec<_> = unsaved.pairs.keys().cloned().collect();
            let events: Vec<_> = unsaved.events.keys().cloned().collect();
            (pairs, states, events)
        };
        let mut is_saved = true;
        for profile in pairs {
            is_saved &= self.save_pair(&profile).await.is_ok();
        }
        for profile in states {
            match self.save_state(&profile).await {
                Ok(()) => {}
                // Another host has gone on meanwhile.
                Err(SaveError::Superseded) => self.0.queue.show(&profile),
                Err(SaveError::Storage(_)) => is_saved = false,
            }
        }
        for profile in events {
            is_saved &= self.save_events(&profile).await.is_ok();
        }
        is_saved && self.unsaved().states.is_empty()
    }

    /// The work directory of a backfill that writes no file beside which it could be.
    #[must_use]
    pub fn backfill_directory(&self) -> PathBuf {
        self.0.back_end.backfill_directory()
    }

    fn unsaved(&self) -> MutexGuard<'_, Unsaved> {
        self.0.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
