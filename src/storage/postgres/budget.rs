//! The budget of requests in a row of its own, changed by every replica where it is as it was read.

use super::pool::Session;
use super::{DatabaseError, Postgres, Problem, StorageError};
use crate::storage::budget::{Budget, Spacing};

/// What is done here.
const CHANGE: &str = "change the budget of requests";

/// How often a change is tried that others are before. Each of them has changed the budget then, and every replica asks for data
/// one after the other, so this is more than enough for any number of replicas.
const TRIES: usize = 100;

/// A commit that is not waited for: should the server crash, the last permits are forgotten, which were used by then or soon.
const UPDATE: &str = "/* Postgres::change_budget */ \
     with quick as materialized (select set_config('synchronous_commit', 'off', true)) \
     update budget set state = $2 from quick where state = $1";

impl Postgres {
    /// Does `work` with the stored budget at the present time of the database, Unix milliseconds, and stores what it makes of it.
    /// Where another replica was faster it is done again. An answer that gets lost costs a permit, and no more.
    pub(in crate::storage) async fn change_budget<T: Send + 'static>(
        &self,
        spacing: Spacing,
        work: impl Fn(&mut Budget, i64) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        let changed = self.run(CHANGE, async move |session| {
            for _ in 0..TRIES {
                let (wall, stored) = read(session).await?;
                let mut budget = match &stored {
                    Some(bytes) => Budget::from_bytes(bytes).unwrap_or_else(|| Budget::unknown(spacing, wall)),
                    None => Budget::default(),
                };
                let outcome = work(&mut budget, wall);
                if replace(session, stored, budget).await? {
                    return Ok(Some(outcome));
                }
            }
            Ok(None)
        });
        changed.await?.ok_or_else(|| DatabaseError::sent(CHANGE, self.pool().address(), Problem::Locked).into())
    }
}

/// The time, and the bytes of the budget if there are some.
async fn read(session: &Session) -> Result<(i64, Option<Vec<u8>>), tokio_postgres::Error> {
    let read = "/* Postgres::change_budget */ select wx_now_ms(), (select state from budget)";
    let row = session.query_one(&session.prepare_cached(read).await?, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Stores the budget in the place of these bytes; returns false if there are others by now.
async fn replace(session: &Session, stored: Option<Vec<u8>>, budget: Budget) -> Result<bool, tokio_postgres::Error> {
    let bytes = budget.to_bytes().to_vec();
    let changed = match stored {
        Some(stored) if bytes == stored => 1,
        Some(stored) => session.execute(&session.prepare_cached(UPDATE).await?, &[&stored, &bytes]).await?,
        None => {
            let insert = "/* Postgres::change_budget */ insert into budget (state) values ($1) on conflict do nothing";
            session.execute(insert, &[&bytes]).await?
        }
    };
    Ok(changed == 1)
}
