//! What other replicas have changed, by the transactions that did it.
//!
//! Each row has the transaction that changed it last. A look reads the rows from the mark on, and its snapshot says which
//! transaction was the oldest that went on: the next mark. One that commits late is at or after that mark, and so it is read
//! later and never skipped. While a transaction stays open, be it of another database of this server, rows are read again; what
//! was heard of is remembered as long.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::Duration;

use deadpool_postgres::Transaction;
use tokio::time::Instant;
use tokio::try_join;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, IsolationLevel, Row};

use super::health::STANDBY_IS_AWAY;
use super::identity::ServerIdentity;
use super::pool::Session;
use super::work::stored_work;
use super::{Postgres, StorageError};
use crate::storage::known_logins::{Changes, KnownLogins};
use crate::storage::login::LoginInfo;
use crate::storage::plan::Now;
use crate::storage::queue::StoredWork;

/// How often everything is looked at, whatever the transactions say.
const WHOLE_EVERY: Duration = Duration::from_hours(1);

/// Before every transaction.
const BEGINNING: &str = "0";

static MARK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "/* Postgres::changes */ select pg_snapshot_xmin(pg_current_snapshot())::text, wx_now_ms(), {STANDBY_IS_AWAY}"
    )
});

const LOGINS: &str = "/* Postgres::changes */ select profile, changed::text, version, person, expires_at, connected_at, demo \
     from login where changed >= $1::text::xid8";

const GONE: &str = "/* Postgres::changes */ select profile, changed::text from gone \
     where changed >= $1::text::xid8 and not exists (select from login where login.profile = gone.profile)";

const WORK: &str = "/* Postgres::changes */ select profile, changed::text, plan::text, marks::text, \
       extract(epoch from held_until - wx_now())::float8, holder = $2::text::uuid \
     from work where changed >= $1::text::xid8 and (writer is distinct from $2::text::uuid or $3)";

const READINGS: &str = "/* Postgres::changes */ select profile, changed::text \
     from snapshot where changed >= $1::text::xid8 and (writer is distinct from $2::text::uuid or $3)";

/// Up to which transaction the changes of others are known.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Followed {
    /// The oldest transaction that went on; the text of an `xid8`.
    next: String,
    /// The server that counts them so.
    server: ServerIdentity,
    /// When everything was last looked at.
    whole_at: Instant,
    /// The changes of the last look: those from `next` on are found again.
    heard: Arc<HashSet<Change>>,
}

/// A version of a row: its table, its profile and the transaction that made it.
type Change = (Table, Arc<str>, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Login,
    Gone,
    Work,
    Snapshot,
}

/// What one look at the database has found.
struct Look {
    changes: Changes,
    next: String,
    server: ServerIdentity,
    heard: HashSet<Change>,
    /// Whether it was at everything.
    is_whole: bool,
}

impl Postgres {
    /// What has changed since `before`, and up to where it is known now; everything that there is if nothing was known.
    pub(in crate::storage) async fn changes(
        &self,
        before: Option<Followed>,
        known: Arc<KnownLogins>,
    ) -> Result<(Changes, Followed), StorageError> {
        let before = before.filter(|followed| followed.whole_at.elapsed() < WHOLE_EVERY);
        // What the mark says was taken in.
        let seen = before.as_ref().map_or(BEGINNING, |followed| &followed.next);
        seen.clone_into(&mut self.0.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let look = self.run("follow the changes of others", async |session| self.look(session, before.as_ref()).await);
        let Look { mut changes, next, server, heard, is_whole } = look.await?;
        let whole_at = match before {
            Some(followed) if !is_whole => followed.whole_at,
            _ => {
                let there: BTreeSet<_> = changes.logins.iter().map(|(profile, _)| Arc::clone(profile)).collect();
                let gone = known.keys().filter(|profile| !there.contains(*profile));
                changes.logins.extend(gone.map(|profile| (Arc::clone(profile), None)));
                Instant::now()
            }
        };
        Ok((changes, Followed { next, server, whole_at, heard: Arc::new(heard) }))
    }

    /// Looks at what has changed, in one snapshot of the database.
    async fn look(&self, session: &mut Session, before: Option<&Followed>) -> Result<Look, Error> {
        let begin = session.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = begin.start().await?;
        let asked = Instant::now();
        let (mark, server) = try_join!(query(&transaction, &MARK, &[]), ServerIdentity::of(transaction.client()))?;
        let now = self.0.clock.note(mark[0].try_get(1)?, asked);
        self.0.health.note_standby(mark[0].try_get(2)?);
        // Another server counts its transactions from elsewhere.
        let before = before.filter(|followed| followed.server == server);
        let (is_whole, since) = (before.is_none(), before.map_or(BEGINNING, |followed| &followed.next));
        let (of_all, of_others): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 3]) =
            ([&since], [&since, self.me(), &is_whole]);
        let (logins, gone, work, readings) = try_join!(
            query(&transaction, LOGINS, &of_all),
            query(&transaction, GONE, &of_all),
            query(&transaction, WORK, &of_others),
            query(&transaction, READINGS, &of_others),
        )?;
        transaction.commit().await?;
        let mut heard = Heard { before: before.map(|followed| &*followed.heard), now: HashSet::new() };
        let mut logins_and_gone = heard.fresh(Table::Gone, gone, |name, _| Ok((name, None)))?;
        logins_and_gone.extend(heard.fresh(Table::Login, logins, |name, row| Ok((name, Some(login(row)?))))?);
        let changes = Changes {
            logins: logins_and_gone,
            work: heard.fresh(Table::Work, work, |name, row| work_of(name, row, now))?,
            readings: heard.fresh(Table::Snapshot, readings, |name, _| Ok(name))?.into_iter().collect(),
        };
        Ok(Look { changes, next: mark[0].try_get(0)?, server, heard: heard.now, is_whole })
    }
}

/// Tells what is new from what was heard of before.
struct Heard<'a> {
    before: Option<&'a HashSet<Change>>,
    now: HashSet<Change>,
}

impl Heard<'_> {
    /// What `read` makes of the rows that were not heard of before, each with the name of its profile.
    fn fresh<T>(
        &mut self,
        table: Table,
        rows: Vec<Row>,
        read: impl Fn(Arc<str>, &Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut fresh = Vec::new();
        for row in rows {
            let (name, changed): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
            let name = Arc::<str>::from(name);
            let change = (table, Arc::clone(&name), changed.parse().unwrap_or_default());
            if !self.before.is_some_and(|before| before.contains(&change)) {
                fresh.push(read(name, &row)?);
            }
            self.now.insert(change);
        }
        Ok(fresh)
    }
}

async fn query(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    transaction.query(&transaction.prepare_cached(statement).await?, parameters).await
}

fn login(row: &Row) -> Result<LoginInfo, Error> {
    Ok(LoginInfo {
        version: row.try_get::<_, i64>(2)?.cast_unsigned(),
        user_id: row.try_get::<_, &str>(3)?.into(),
        expires_at: row.try_get(4)?,
        connected_at: row.try_get(5)?,
        demo: row.try_get(6)?,
    })
}

fn work_of(name: Arc<str>, row: &Row, now: Now) -> Result<(Arc<str>, StoredWork), Error> {
    let (left, is_own): (Option<f64>, Option<bool>) = (row.try_get(4)?, row.try_get(5)?);
    // This process may claim again what it has, and everybody what was held before the database's clock was set back.
    let left = left.filter(|_| is_own != Some(true)).and_then(|left| Duration::try_from_secs_f64(left).ok());
    let left = left.filter(|left| *left <= Duration::from_mins(1));
    let work = stored_work(&name, row.try_get(2)?, row.try_get(3)?, left.map(|left| now.monotonic + left), now);
    Ok((name, work))
}
