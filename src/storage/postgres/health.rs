//! Whether the database answers: every operation goes through here and says how it went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::error::{DatabaseError, Problem};
use super::pool::Session;
use super::{Postgres, StorageError};
use crate::telemetry::Telemetry;

/// How the latest operation with the database went.
#[derive(Debug)]
pub(super) struct Health {
    has_failed: AtomicBool,
    telemetry: Telemetry,
}

impl Health {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self { has_failed: AtomicBool::new(false), telemetry }
    }

    fn note(&self, worked: bool) {
        self.has_failed.store(!worked, Ordering::Relaxed);
        self.telemetry.storage_up(worked);
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
