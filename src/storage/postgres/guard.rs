//! Whether logins may be rotated with this database at all.
//!
//! A refresh token dies when its successor is used. A database that went back to an earlier state has dead tokens, and a copy
//! that is used beside the original kills those of the original. Hence:
//!
//! - On another server than the row names (a dump was restored) no login is rotated until `storage accept-restore`.
//! - On a later timeline of the same server (a standby took over) one login is rotated first. If Withings refuses it, no further.
//! - A process that finds the log of the server behind its own latest change of a login stops the rotation for everybody.
//!
//! While rotation is suspended, tokens that still live are used.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_postgres::types::PgLsn;
use tokio_postgres::{Error, Transaction};

use super::error::DatabaseError;
use super::identity::{ServerIdentity, TIMELINE};
use super::pool::Pool;

/// Why a database on another server is doubted.
const RESTORED: &str = "the database is on another server than before: a dump of it was restored, or the server was upgraded by pg_upgrade";

/// Why a database whose log is too short is doubted.
const BEHIND: &str = "the database is behind what this exporter has stored in it: it was set back, or a standby took over that had not got everything";

/// No login is rotated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no login is refreshed, for {reason}. Logins that were refreshed since are dead here, and those of a copy die with it: make sure that no other exporter uses this database or a copy of it, and run `withings-exporter storage accept-restore`"
)]
pub struct RotationSuspended {
    reason: String,
}

/// What a process has noticed of the database.
#[derive(Debug, Default)]
pub(super) struct Guard {
    written: Mutex<Option<Written>>,
    is_said: AtomicBool,
}

/// Up to where the log was when this process changed a login, and was told that the change is stored.
///
/// Only changes of logins count: they alone are on the standby when they are confirmed, so a standby that takes over in order
/// is never behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Written {
    /// How often `storage accept-restore` had been run.
    accepted: i64,
    /// The end of the log.
    log: PgLsn,
}

/// Whether a login may be rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Each may.
    Whole,
    /// One may, before all others.
    OneFirst,
    /// None may, for this reason.
    Nothing(String),
}

/// The row of the installation, and the server that has it.
#[derive(Clone, Debug)]
struct Installation {
    known: ServerIdentity,
    server: ServerIdentity,
    suspended: Option<String>,
    accepted: i64,
    log: PgLsn,
}

impl Guard {
    /// Looks whether logins may be rotated with the database of this transaction. Where this process finds the log too short,
    /// it writes down that nobody may.
    pub(super) async fn look(&self, transaction: &Transaction<'_>) -> Result<Trust, Error> {
        // First this: other tasks change logins meanwhile, which makes the log longer than it was when it was looked at.
        let written = *self.written();
        let installation = Installation::read(transaction).await?;
        let trust = installation.trust(written);
        if trust == Trust::Nothing(BEHIND.to_owned()) && installation.suspended.is_none() {
            suspend(transaction, BEHIND).await?;
        }
        Ok(trust)
    }

    /// Says at the start that no login will be rotated, if so.
    pub(super) async fn warn(&self, pool: &Pool) -> Result<(), DatabaseError> {
        let trust = pool.run("read whether logins may be refreshed", async |session| {
            let transaction = session.transaction().await?;
            let trust = self.look(&transaction).await?;
            transaction.commit().await?;
            Ok(trust)
        });
        if let Trust::Nothing(reason) = trust.await? {
            self.suspended(reason);
        }
        Ok(())
    }

    /// Notes that a login was changed, which is confirmed.
    pub(super) fn note(&self, written: Option<Written>) {
        let mut latest = self.written();
        // Two that end at once are noted in any order.
        *latest = (*latest).max(written);
    }

    /// The error for a rotation that may not be. It is logged once, for everything that needs a new token fails with it.
    pub(super) fn suspended(&self, reason: String) -> RotationSuspended {
        let error = RotationSuspended { reason };
        if !self.is_said.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "tokens that still live are used, and the last values stay");
        }
        error
    }

    /// Says that logins are rotated, where the opposite was said before.
    pub(super) fn say_it_goes_on(&self) {
        if self.is_said.swap(false, Ordering::Relaxed) {
            tracing::info!("logins are refreshed again");
        }
    }

    fn written(&self) -> MutexGuard<'_, Option<Written>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// Up to where the log is now, in a transaction that changes a login: its commit ends behind that.
    pub(super) async fn now(transaction: &Transaction<'_>) -> Result<Option<Self>, Error> {
        let query = "/* Written::now */ select pg_current_wal_insert_lsn(), accepted from installation";
        let row = transaction.query_opt(query, &[]).await?;
        row.map(|row| Ok(Self { log: row.try_get(0)?, accepted: row.try_get(1)? })).transpose()
    }
}

impl Installation {
    async fn read(transaction: &Transaction<'_>) -> Result<Self, Error> {
        let query = format!(
            "/* Installation::read */ select i.system_identifier, i.timeline, i.suspended, i.accepted, \
             s.system_identifier, {TIMELINE}, pg_current_wal_lsn() from installation i, pg_control_system() s"
        );
        let row = transaction.query_one(&query, &[]).await?;
        Ok(Self {
            known: ServerIdentity { system_identifier: row.try_get(0)?, timeline: row.try_get(1)? },
            server: ServerIdentity { system_identifier: row.try_get(4)?, timeline: row.try_get(5)? },
            suspended: row.try_get(2)?,
            accepted: row.try_get(3)?,
            log: row.try_get(6)?,
        })
    }

    fn trust(&self, written: Option<Written>) -> Trust {
        let is_behind = |written: Written| written.accepted == self.accepted && self.log < written.log;
        if let Some(reason) = &self.suspended {
            Trust::Nothing(reason.clone())
        } else if self.server.system_identifier != self.known.system_identifier {
            Trust::Nothing(RESTORED.to_owned())
        } else if written.is_some_and(is_behind) {
            Trust::Nothing(BEHIND.to_owned())
        } else if self.server.timeline != self.known.timeline {
            Trust::OneFirst
        } else {
            Trust::Whole
        }
    }
}

async fn suspend(transaction: &Transaction<'_>, reason: &str) -> Result<(), Error> {
    let update = "/* guard::suspend */ update installation set suspended = $1, canary = null, canary_until = null";
    transaction.execute(update, &[&reason]).await.map(drop)
}

/// Makes `profile` the one whose login is rotated first, for a minute; returns false where another one is, or where it tells
/// nothing: Withings had refused it before the doubt, as it does where a person has withdrawn the consent.
pub(super) async fn take_canary(transaction: &Transaction<'_>, profile: &str) -> Result<bool, Error> {
    let update = format!(
        "/* guard::take_canary */ update installation set canary = $1, canary_until = wx_now() + interval '60 s' \
         where (canary is null or canary = $1 or canary_until < wx_now() or canary_until > wx_now() + interval '2 minutes') \
         and timeline <> {TIMELINE} and suspended is null \
         and exists (select from login where profile = $1 and not (refused and exists (select from login where not refused)))"
    );
    Ok(transaction.execute(&update, &[&profile]).await? > 0)
}

/// Ends the doubt: the login of `profile`, if it was the one that was rotated first, has a new pair.
pub(super) async fn clear_canary(transaction: &Transaction<'_>, profile: &str) -> Result<(), Error> {
    let update = format!(
        "/* guard::clear_canary */ update installation set timeline = {TIMELINE}, canary = null, canary_until = null \
         where canary = $1"
    );
    transaction.execute(&update, &[&profile]).await.map(drop)
}

/// Suspends rotation if `profile` was the one whose login was rotated first: Withings has refused it.
pub(super) async fn refuse_canary(transaction: &Transaction<'_>, profile: &str) -> Result<(), Error> {
    let query = format!(
        "/* guard::refuse_canary */ select from installation where canary = $1 and timeline <> {TIMELINE} for update"
    );
    if transaction.query_opt(&query, &[&profile]).await?.is_none() {
        return Ok(());
    }
    let reason = format!(
        "Withings has refused the login of {profile}, which was tried first after the database had moved to another server"
    );
    suspend(transaction, &reason).await
}

/// Accepts the database as it is, and gives why no login was rotated before, if so.
pub(super) async fn accept(transaction: &Transaction<'_>) -> Result<Option<String>, Error> {
    let trust = Installation::read(transaction).await?.trust(None);
    let update = format!(
        "/* guard::accept */ update installation set system_identifier = (select system_identifier from \
         pg_control_system()), timeline = {TIMELINE}, suspended = null, canary = null, canary_until = null, \
         accepted = accepted + 1"
    );
    transaction.execute(&update, &[]).await?;
    transaction.execute("/* guard::accept */ update login set refused = false where refused", &[]).await?;
    Ok(if let Trust::Nothing(reason) = trust { Some(reason) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: ServerIdentity = ServerIdentity { system_identifier: 7, timeline: 1 };

    fn installation() -> Installation {
        Installation { known: KNOWN, server: KNOWN, suspended: None, accepted: 1, log: PgLsn::from(100) }
    }

    fn written(log: u64, accepted: i64) -> Written {
        Written { log: PgLsn::from(log), accepted }
    }

    #[test]
    fn a_doubt_is_told_from_the_row_the_server_and_what_was_written() {
        let later = ServerIdentity { timeline: 2, ..KNOWN };
        let other = ServerIdentity { system_identifier: 8, ..later };
        let nothing = |reason: &str| Trust::Nothing(reason.to_owned());
        let on = |server| Installation { server, ..installation() };
        let suspended = Installation { suspended: Some("why".to_owned()), ..on(other) };
        for (installation, written, expected) in [
            (installation(), None, Trust::Whole),
            (installation(), Some(written(100, 1)), Trust::Whole),
            (installation(), Some(written(101, 1)), nothing(BEHIND)),
            (installation(), Some(written(101, 0)), Trust::Whole),
            (on(later), Some(written(100, 1)), Trust::OneFirst),
            (on(later), Some(written(101, 1)), nothing(BEHIND)),
            (on(other), None, nothing(RESTORED)),
            (suspended, None, nothing("why")),
        ] {
            assert_eq!(installation.trust(written), expected, "{installation:?} {written:?}");
        }
    }
}
