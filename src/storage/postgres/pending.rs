//! The rows of the logins that were started and whose callback has not come yet.

use tokio_postgres::{Error, Transaction};

use super::{Postgres, StorageError};
use crate::storage::pending::{Beginning, MOST, MOST_FROM_SOMEWHERE, Pending, STATE_LIFETIME};

/// SQL for the moment since which a login is not over that began then or later. The database's clock counts: the replica that
/// ends a login need not be the one that began it.
pub(super) fn alive_since() -> String {
    format!("wx_now() - interval '{} s'", STATE_LIFETIME.as_secs())
}

impl Postgres {
    /// Stores a login that begins.
    pub(in crate::storage) async fn begin_login(&self, digest: String, pending: Pending) -> Result<(), StorageError> {
        let stored = self.run("store a login that begins", async |session| {
            let transaction = session.transaction().await?;
            add(&transaction, &digest, &pending).await?;
            transaction.commit().await
        });
        stored.await
    }

    /// Takes the login whose state has this digest, unless it is over.
    pub(in crate::storage) async fn take_login(&self, digest: String) -> Result<Option<Pending>, StorageError> {
        let delete = format!(
            "/* Postgres::take_login */ delete from pending where digest = $1 and started_at > {} \
             returning pending::text",
            alive_since()
        );
        let taken = self.run("take a login that began", async |session| {
            let row = session.query_opt(&delete, &[&digest]).await?;
            row.map(|row| row.try_get::<_, String>(0)).transpose()
        });
        let parse = |json: String| serde_json::from_str(&json).map_err(|_| StorageError::Content("a login that began"));
        taken.await?.map(parse).transpose()
    }
}

/// Adds a login as `States::add` does in a directory: without those that are over and, where there are as many as may be, without
/// the oldest.
async fn add(transaction: &Transaction<'_>, digest: &str, pending: &Pending) -> Result<(), Error> {
    // Two at once would each find one place.
    transaction.batch_execute("/* pending::add */ lock table pending in share row exclusive mode").await?;
    let over = format!("/* pending::add */ delete from pending where started_at <= {}", alive_since());
    transaction.execute(&over, &[]).await?;
    let is_from_somewhere = pending.beginning == Beginning::Somewhere;
    let most = if is_from_somewhere { MOST_FROM_SOMEWHERE } else { MOST };
    let kept = i64::try_from(most - 1).unwrap_or(i64::MAX);
    let oldest = "/* pending::add */ delete from pending where digest in (select digest from pending \
         where (pending->>'beginning' = 'somewhere') = $1 order by started_at desc, digest offset $2)";
    transaction.execute(oldest, &[&is_from_somewhere, &kept]).await?;
    let json = serde_json::to_string(pending).expect("it has texts and numbers only");
    let insert = "/* pending::add */ insert into pending (digest, pending) values ($1, $2::text::jsonb) \
         on conflict (digest) do update set pending = excluded.pending, started_at = excluded.started_at";
    transaction.execute(insert, &[&digest, &json]).await.map(drop)
}
