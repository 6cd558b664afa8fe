//! The lease of a rotation: in the row of the login, on the database's clock. No transaction is open while Withings is asked.
//!
//! A commit that waits for the standby and is cancelled there (`pg_cancel_backend`) is confirmed with a warning that it "might
//! not have been replicated", which the driver takes from the connection and gives to nobody. This program cancels no commit:
//! it sets no `statement_timeout`, and where it does not wait any longer it closes the connection, which leaves the commit
//! waiting. So the warning comes only where a person has cancelled the commit within the time that it is waited for here.

use std::time::Duration;

use tokio_postgres::{Error, Transaction};

use super::error::{DatabaseError, Problem};
use super::guard::{self, Trust, Written};
use super::health::STANDBY_IS_AWAY;
use super::logins::{self, Row};
use super::pool::Session;
use super::uuid::random_uuid;
use super::{Postgres, StorageError};
use crate::storage::login::Login;
use crate::storage::pair::Holder;
use crate::storage::pair::UnsavedPair;

/// How long a request for a new pair may take. The lease lasts 20 s longer, in which a request that was given up may still
/// arrive.
pub(in crate::storage) const ASK_WITHIN: Duration = Duration::from_secs(8);

const LEASE: &str = "take the lease of a login";

/// The right to rotate a login.
#[derive(Debug)]
pub(in crate::storage) struct LoginLease {
    profile: String,
    version: i64,
    holder: Holder,
}

/// What came of trying to take a lease.
enum Tried {
    Free,
    /// It is taken, or another login is to be rotated before.
    Busy,
    /// A pair could not be stored, for the standby is away.
    Unconfirmed,
    /// No login may be rotated, for this reason.
    Suspended(String),
}

/// What came of storing a pair.
enum Stored {
    Login(Box<Login>, Option<Written>),
    /// The login is another one by now.
    Stale,
    Failed(StorageError),
}

impl LoginLease {
    fn of(profile: &str, version: u64) -> Self {
        Self { profile: profile.to_owned(), version: logins::stored(version), holder: random_uuid().into() }
    }

    /// Who has it: random, for each lease.
    pub(in crate::storage) fn holder(&self) -> Holder {
        Holder::clone(&self.holder)
    }
}

impl Postgres {
    /// Takes the lease of the login of `profile` in this version for 30 s; `None` if it is taken.
    pub(in crate::storage) async fn lease(
        &self,
        profile: &str,
        version: u64,
    ) -> Result<Option<LoginLease>, StorageError> {
        let lease = LoginLease::of(profile, version);
        let is_taken = self.try_lease(&lease, true).await?;
        if is_taken {
            self.0.guard.say_it_goes_on();
        }
        Ok(is_taken.then_some(lease))
    }

    /// Whether [`Postgres::lease`] would take it now.
    pub(in crate::storage) async fn can_lease(&self, profile: &str, version: u64) -> Result<bool, StorageError> {
        self.try_lease(&LoginLease::of(profile, version), false).await
    }

    /// Takes a lease, and gives it back at once unless it `keeps` it; returns false if another one has it.
    async fn try_lease(&self, lease: &LoginLease, keeps: bool) -> Result<bool, StorageError> {
        match self.run(LEASE, async |session| self.lease_in(session, lease, keeps).await).await {
            Ok(Tried::Free) => Ok(true),
            Ok(Tried::Busy) => Ok(false),
            Ok(Tried::Unconfirmed) => {
                self.0.health.note_standby(true);
                Err(DatabaseError::sent(LEASE, self.pool().address(), Problem::Unconfirmed).into())
            }
            Ok(Tried::Suspended(reason)) => Err(self.0.guard.suspended(reason).into()),
            // Its row is locked as long as a commit waits for the standby.
            Err(StorageError::Database(error)) if error.problem() == Problem::Locked => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn lease_in(&self, session: &mut Session, lease: &LoginLease, keeps: bool) -> Result<Tried, Error> {
        let LoginLease { profile, version, holder } = lease;
        let transaction = session.transaction().await?;
        let trust = self.0.guard.look(&transaction).await?;
        if let Trust::Nothing(reason) = trust {
            transaction.commit().await?;
            return Ok(Tried::Suspended(reason));
        }
        let look = format!("/* Postgres::lease */ select {STANDBY_IS_AWAY}");
        if transaction.query_one(&look, &[]).await?.try_get(0)? {
            transaction.rollback().await?;
            return Ok(Tried::Unconfirmed);
        }
        // One that ends later than any was taken before the database's clock was set back. Its request may still be on its way.
        let shorten = "/* Postgres::lease */ update login set held_until = wx_now() + interval '30 s' \
             where profile = $1 and held_until > wx_now() + interval '1 minute'";
        if transaction.execute(shorten, &[profile]).await? > 0 {
            transaction.commit().await?;
            return Ok(Tried::Busy);
        }
        let update = "/* Postgres::lease */ update login set holder = $2::text::uuid, held_until = wx_now() + interval '30 s' \
             where profile = $1 and version = $3 and (held_until is null or held_until < wx_now())";
        let mut is_free = transaction.execute(update, &[profile, &&**holder, version]).await? > 0;
        is_free = is_free && (trust == Trust::Whole || guard::take_canary(&transaction, profile).await?);
        if is_free && keeps {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(if is_free { Tried::Free } else { Tried::Busy })
    }

    /// Whether enough is left of the lease to ask for a new pair: 28 s, which a process that was frozen does not have.
    pub(in crate::storage) async fn is_fresh(&self, lease: &LoginLease) -> Result<bool, StorageError> {
        let LoginLease { profile, version, holder } = lease;
        let query = "/* Postgres::is_fresh */ select from login where profile = $1 and version = $3 \
             and holder = $2::text::uuid and held_until >= wx_now() + interval '28 s'";
        let fresh = self.run("look at the lease of a login", async |session| {
            session.query_opt(query, &[profile, &&**holder, version]).await
        });
        Ok(fresh.await?.is_some())
    }

    /// Gives back a lease with which Withings was asked and has sent no pair; `is_refused`: it does not accept the login any
    /// more. Returns whether the lease was still held.
    pub(in crate::storage) async fn release(&self, lease: LoginLease, is_refused: bool) -> Result<bool, StorageError> {
        let LoginLease { profile, version, holder } = &lease;
        let update = "/* Postgres::release */ with held as (select profile, refused from login where profile = $1 and version = $3 \
             and holder = $2::text::uuid for update) update login set holder = null, held_until = null, \
             refused = login.refused or $4 from held where login.profile = held.profile returning held.refused";
        let released = self.run("give back the lease of a login", async |session| {
            let transaction = session.transaction().await?;
            let row = transaction.query_opt(update, &[profile, &&**holder, version, &is_refused]).await?;
            let was_refused = row.map(|row| row.try_get::<_, bool>(0)).transpose()?;
            if is_refused && was_refused == Some(false) {
                guard::refuse_canary(&transaction, profile).await?;
            }
            transaction.commit().await?;
            Ok(was_refused.is_some())
        });
        released.await
    }

    /// Stores a pair; `None` if the login is another one by now. Where the answer to the commit is not heard, the pair may be
    /// stored; whether it is, is told by storing it again.
    pub(in crate::storage) async fn store_pair(
        &self,
        profile: &str,
        pair: UnsavedPair,
    ) -> Result<Option<Login>, StorageError> {
        let stored = self.run("store a new token pair", async |session| {
            let transaction = session.transaction().await?;
            let stored = self.replace_pair(&transaction, profile, &pair).await?;
            transaction.commit().await?;
            Ok(stored)
        });
        match stored.await? {
            Stored::Login(login, written) => {
                self.0.guard.note(written);
                Ok(Some(*login))
            }
            Stored::Stale => Ok(None),
            Stored::Failed(error) => Err(error),
        }
    }

    async fn replace_pair(
        &self,
        transaction: &Transaction<'_>,
        profile: &str,
        pair: &UnsavedPair,
    ) -> Result<Stored, Error> {
        let Some(row) = Row::lock(transaction, profile).await? else { return Ok(Stored::Stale) };
        let before = match self.opened(profile, &row) {
            Ok(login) => login,
            Err(error) => return Ok(Stored::Failed(error)),
        };
        let is_ours = row.holder.as_deref() == pair.holder.as_deref();
        logins::confirm_on_standby(transaction).await?;
        let login = if pair.is_in(&before) {
            // A commit whose answer was not heard has stored it. The answer to one more says that the standby has it too.
            // Another replica may have the lease of it by now, and keeps that.
            logins::touch(transaction, profile).await?;
            before
        } else if let Some(login) = pair.rotated(before).filter(|_| is_ours) {
            logins::write(transaction, &login, &self.sealed(&login)).await?;
            guard::clear_canary(transaction, profile).await?;
            login
        } else {
            return Ok(Stored::Stale);
        };
        Ok(Stored::Login(Box::new(login), Written::now(transaction).await?))
    }
}
