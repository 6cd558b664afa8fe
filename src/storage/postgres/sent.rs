//! The rows of the calls that were sent of late, so that Withings never sees the same arguments twice within 11 s.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::pool::Session;
use super::{Postgres, StorageError};
use crate::storage::queue::REPEAT_AFTER;

/// How often what was sent long ago is deleted.
const SWEPT_EVERY: Duration = Duration::from_mins(1);

/// A row of the future was written before the database's clock was set back.
const SEND: &str = "/* Postgres::send */ insert into sent as s (digest, at) values ($1, wx_now()) \
     on conflict (digest) do update set at = excluded.at \
       where s.at <= wx_now() - $2::float8 * interval '1 s' or s.at > wx_now() + interval '1 minute'";

const REST: &str = "/* Postgres::send */ select extract(epoch from at - wx_now())::float8 + $2::float8 from sent \
     where digest = $1";

const SWEEP: &str = "/* Postgres::sweep */ delete from sent where digest in \
     (select digest from sent where at < wx_now() - interval '1 minute' for update skip locked)";

impl Postgres {
    /// Notes that the call with this digest is sent now; gives how long it must rest if it was sent of late.
    pub(in crate::storage) async fn send(&self, digest: u64) -> Result<Option<Duration>, StorageError> {
        let (digest, after, sweeps) = (digest.cast_signed(), REPEAT_AFTER.as_secs_f64(), self.is_to_be_swept());
        let sent = self.run("note which call is sent", async |session| {
            if sweeps {
                session.execute(SWEEP, &[]).await?;
            }
            send(session, digest, after).await
        });
        sent.await
    }

    fn is_to_be_swept(&self) -> bool {
        let mut swept_at = self.0.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = swept_at.is_none_or(|at| at.elapsed() >= SWEPT_EVERY);
        if is_due {
            *swept_at = Some(Instant::now());
        }
        is_due
    }
}

async fn send(session: &Session, digest: i64, after: f64) -> Result<Option<Duration>, tokio_postgres::Error> {
    let sent = session.execute(&session.prepare_cached(SEND).await?, &[&digest, &after]).await?;
    if sent == 1 {
        return Ok(None);
    }
    let row = session.query_opt(&session.prepare_cached(REST).await?, &[&digest, &after]).await?;
    let rest = row.map_or(Ok(after), |row| row.try_get(0))?;
    Ok(Some(Duration::try_from_secs_f64(rest).unwrap_or_default().min(REPEAT_AFTER)))
}
