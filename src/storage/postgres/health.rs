//! Whether the database answers, and its standby: every operation goes through here and says how it went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::error::{DatabaseError, Problem};
use super::pool::Session;
use super::{Postgres, StorageError};
use crate::telemetry::Telemetry;

/// Whether a change of a login has waited for the standby for longer than any that is there lets it wait. A session that waits
/// so keeps its place on the server though its client has long gone: one for each login that is due would take them all. A role
/// sees what its own sessions wait for.
pub(super) const STANDBY_IS_AWAY: &str = "exists (select from pg_stat_activity where datname = current_database() \
     and wait_event = 'SyncRep' and query_start < clock_timestamp() - interval '2 s')";

/// How the latest operation with the database went, and whether its standby is away.
#[derive(Debug)]
pub(super) struct Health {
    has_failed: AtomicBool,
    standby_is_away: AtomicBool,
    telemetry: Telemetry,
}

impl Health {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self { has_failed: AtomicBool::new(false), standby_is_away: AtomicBool::new(false), telemetry }
    }

    fn note(&self, worked: bool) {
        self.has_failed.store(!worked, Ordering::Relaxed);
        self.show();
    }

    /// Notes what the database has said of its standby.
    pub(super) fn note_standby(&self, is_away: bool) {
        self.standby_is_away.store(is_away, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        let is_failing = self.has_failed.load(Ordering::Relaxed) || self.standby_is_away.load(Ordering::Relaxed);
        self.telemetry.storage_up(!is_failing);
    }
}

impl Postgres {
    /// Whether the latest operation with the database worked.
    pub(in crate::storage) fn is_up(&self) -> bool {
        !self.0.health.has_failed.load(Ordering::Relaxed)
    }

    /// Does `work`, one statement or one transaction, with a connection, and notes whether it worked. `operation` is what it
    /// does, as "read the logins".
    pub(super) async fn run<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StorageError> {
        // In a box, for the futures of all callers above would become too large.
        let done = Box::pin(self.0.pool.run(operation, work)).await;
        // A row that another session has for a while says nothing of the database.
        self.0.health.note(done.as_ref().err().is_none_or(|error| error.problem() == Problem::Locked));
        Ok(done?)
    }

    /// As [`Postgres::run`], within `limit`, the wait for a connection included.
    pub(super) async fn run_within<T>(
        &self,
        limit: Duration,
        operation: &'static str,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StorageError> {
        timeout(limit, self.run(operation, work)).await.unwrap_or_else(|_| {
            self.0.health.note(false);
            Err(DatabaseError::sent(operation, self.0.pool.address(), Problem::Late).into())
        })
    }
}
