//! The rows of the logins: the only ways to change them.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_postgres::{Error, Transaction};

use super::guard::Written;
use super::pool::Session;
use super::seal::{Context, Kind};
use super::{Postgres, StorageError};
use crate::storage::directory::checkpoint;
use crate::storage::known_logins::{ConnectError, Forgotten};
use crate::storage::login::{Login, NewConsent};

/// A login as its row has it.
pub(super) struct Row {
    version: i64,
    sealed: Vec<u8>,
    /// Who rotates it, or did so last.
    pub(super) holder: Option<String>,
}

/// What came of a new consent.
type Connected = (Login, Option<Login>, Option<Written>);

impl Row {
    /// A row that was read.
    pub(super) fn of(version: i64, sealed: Vec<u8>) -> Self {
        Self { version, sealed, holder: None }
    }

    /// The row of `profile`, which nobody else changes until the end of the transaction.
    pub(super) async fn lock(transaction: &Transaction<'_>, profile: &str) -> Result<Option<Self>, Error> {
        let query = "/* Row::lock */ select version, sealed, holder::text from login where profile = $1 for update";
        let row = transaction.query_opt(query, &[&profile]).await?;
        let row =
            row.map(|row| Ok(Self { version: row.try_get(0)?, sealed: row.try_get(1)?, holder: row.try_get(2)? }));
        row.transpose()
    }
}

impl Postgres {
    /// The login of `profile` as it is stored now; `None` if there is none.
    pub(in crate::storage) async fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        let query = "/* Postgres::login */ select version, sealed from login where profile = $1";
        let read = self.run("read a login", async |session| {
            let row = session.query_opt(query, &[&profile]).await?;
            row.map(|row| Ok(Row::of(row.try_get(0)?, row.try_get(1)?))).transpose()
        });
        read.await?.map(|row| self.opened(profile, &row)).transpose()
    }

    /// Stores the login of a new consent, and gives it and the login of another person in whose place it came. `others` are the
    /// profiles that must not have the same person.
    pub(in crate::storage) async fn connect(
        &self,
        consent: NewConsent,
        others: Vec<Arc<str>>,
        may_replace: bool,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        let connected = self.run("store a new login", async |session| {
            let transaction = session.transaction().await?;
            let connected = self.connect_locked(&transaction, &consent, &others, may_replace).await?;
            match &connected {
                Ok(_) => transaction.commit().await?,
                Err(_) => transaction.rollback().await?,
            }
            Ok(connected)
        });
        let (login, former, written) = connected.await??;
        self.0.guard.note(written);
        Ok((login, former))
    }

    async fn connect_locked(
        &self,
        transaction: &Transaction<'_>,
        consent: &NewConsent,
        others: &[Arc<str>],
        may_replace: bool,
    ) -> Result<Result<Connected, ConnectError>, Error> {
        confirm_on_standby(transaction).await?;
        let profile = &*consent.profile;
        // One after the other: two at once would each find that the other profile has not got the person yet. The row is locked
        // before, as a rotation does it, or both would wait for each other; it is read afterwards, for it may be new then.
        Row::lock(transaction, profile).await?;
        let lock = "/* Postgres::connect */ select moved_to, wx_now_ms() / 1000 from installation for update";
        let installation = transaction.query_one(lock, &[]).await?;
        if let Some(to) = installation.try_get::<_, Option<String>>(0)? {
            return Ok(Err(StorageError::Moved(to).into()));
        }
        if let Some(owner) = self.owner(transaction, consent, others).await? {
            return Ok(Err(ConnectError::Taken(owner)));
        }
        let row = Row::lock(transaction, profile).await?;
        // A login that cannot be opened any more must not keep a person from connecting again.
        let present = row.as_ref().and_then(|row| self.opened(profile, row).ok());
        let former = match consent.replaces(present.as_ref(), may_replace) {
            Ok(former) => former,
            Err(error) => return Ok(Err(error)),
        };
        let version = row.map_or(0, |row| u64::try_from(row.version).unwrap_or(0));
        let login = Login::of_consent(consent, version, installation.try_get(1)?);
        write(transaction, &login, &self.sealed(&login)).await?;
        if former.is_some() {
            let delete = "/* Postgres::connect */ delete from snapshot where profile = $1";
            transaction.execute(delete, &[&profile]).await?;
        }
        begin_work_anew(transaction, profile).await?;
        Ok(Ok((login, former, Written::now(transaction).await?)))
    }

    /// The first of `others` that has the person of the consent.
    async fn owner(
        &self,
        transaction: &Transaction<'_>,
        consent: &NewConsent,
        others: &[Arc<str>],
    ) -> Result<Option<Arc<str>>, Error> {
        let query = "/* Postgres::owner */ select version, sealed from login where profile = $1 and person = $2";
        let names: Vec<&str> = others.iter().map(|name| &**name).collect();
        let having = "/* Postgres::owner */ select profile from login where person = $1 and profile = any($2) \
             order by array_position($2, profile)";
        for row in transaction.query(having, &[&consent.new.user_id, &names]).await? {
            let name: String = row.try_get(0)?;
            let Some(row) = transaction.query_opt(query, &[&name, &consent.new.user_id]).await? else { continue };
            let row = Row::of(row.try_get(0)?, row.try_get(1)?);
            if self.opened(&name, &row).is_ok_and(|other| consent.is_of_the_person_of(&other)) {
                return Ok(Some(name.into()));
            }
        }
        Ok(None)
    }

    /// Deletes everything that is stored of the profile. A consent that waits for a person's word stays, sealed, until its login
    /// is revoked, within a minute.
    pub(in crate::storage) async fn forget(&self, profile: &str) -> Result<Forgotten, StorageError> {
        // An interrupted backfill has the values of all profiles in its work directory; it begins anew. Before the
        // login is gone: else nobody could revoke it if this fails.
        let work = self.backfill_directory();
        let removed = tokio::task::spawn_blocking(move || checkpoint::remove(&work));
        removed.await.expect("it is neither aborted nor does it panic")?;
        let forgotten = self.run("delete what is stored of a profile", async |session| {
            let transaction = session.transaction().await?;
            let row = Row::lock(&transaction, profile).await?;
            let items = delete(&transaction, profile).await?;
            transaction.commit().await?;
            Ok((row, items))
        });
        let (row, items) = forgotten.await?;
        Ok(Forgotten { login: row.and_then(|row| self.opened(profile, &row).ok()), items })
    }

    /// Drops the previous refresh token of this version of the login.
    pub(in crate::storage) async fn prove(&self, profile: &str, version: u64) -> Result<(), StorageError> {
        let version = stored(version);
        let proven = self
            .pool()
            .run("store that a token works", async |session| self.prove_locked(session, profile, version).await);
        proven.await?
    }

    async fn prove_locked(
        &self,
        session: &mut Session,
        profile: &str,
        version: i64,
    ) -> Result<Result<(), StorageError>, Error> {
        let transaction = session.transaction().await?;
        let row = Row::lock(&transaction, profile).await?.filter(|row| row.version == version);
        match row.map(|row| self.opened(profile, &row)).transpose() {
            Ok(Some(login)) if login.previous_refresh_token.is_some() => {
                let sealed = self.sealed(&Login { previous_refresh_token: None, ..login });
                let update = "/* Postgres::prove */ update login set sealed = $2, changed = pg_current_xact_id() \
                     where profile = $1";
                transaction.execute(update, &[&profile, &sealed]).await?;
                transaction.commit().await.map(Ok)
            }
            Ok(_) => transaction.rollback().await.map(Ok),
            Err(error) => transaction.rollback().await.map(|()| Err(error)),
        }
    }

    /// The login of a row. Fails where the row was changed by other means, or is another one's.
    pub(super) fn opened(&self, profile: &str, row: &Row) -> Result<Login, StorageError> {
        let context = Context { kind: Kind::Login, name: profile, version: row.version };
        let json = self.0.keys.open(&context, &row.sealed)?;
        // Its text could repeat what was sealed.
        serde_json::from_slice(json.expose_secret()).map_err(|_| StorageError::Content("a login"))
    }

    /// A login, sealed for its row with the first key.
    pub(super) fn sealed(&self, login: &Login) -> Vec<u8> {
        let json = serde_json::to_vec(login).expect("a login has texts and numbers only");
        let context = Context { kind: Kind::Login, name: &login.profile, version: stored(login.version) };
        self.0.keys.seal(&context, &json)
    }
}

/// A version as the database has it.
pub(super) fn stored(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Lets the commit of this transaction wait for the standby too. It is for changes of logins alone: without them a person would
/// be logged out, and everything else is read again.
pub(super) async fn confirm_on_standby(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction.batch_execute("/* confirm_on_standby */ set local synchronous_commit = on").await
}

/// Writes the row of a login that has a new pair. Nobody has its lease then.
pub(super) async fn write(transaction: &Transaction<'_>, login: &Login, sealed: &[u8]) -> Result<(), Error> {
    let Login { profile, user_id, version, expires_at, connected_at, demo, .. } = login;
    let insert = "/* logins::write */ insert into login (profile, person, version, sealed, expires_at, connected_at, demo) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (profile) do update set person = excluded.person, \
         version = excluded.version, sealed = excluded.sealed, expires_at = excluded.expires_at, \
         connected_at = excluded.connected_at, demo = excluded.demo, holder = null, held_until = null, refused = false, \
         changed = pg_current_xact_id()";
    let version = stored(*version);
    transaction.execute(insert, &[profile, user_id, &version, &sealed, expires_at, connected_at, demo]).await.map(drop)
}

/// Changes nothing of a login, so that there is something to commit.
pub(super) async fn touch(transaction: &Transaction<'_>, profile: &str) -> Result<(), Error> {
    let update = "/* logins::touch */ update login set changed = pg_current_xact_id() where profile = $1";
    transaction.execute(update, &[&profile]).await.map(drop)
}

/// Ends the claim of a profile, and lets every replica plan its new login; also where it was forgotten before.
async fn begin_work_anew(transaction: &Transaction<'_>, profile: &str) -> Result<(), Error> {
    let insert = "/* logins::begin_work_anew */ insert into work (profile) values ($1) on conflict (profile) do update set \
         plan = null, marks = '{}', fence = work.fence + 1, holder = null, held_until = null, writer = null, \
         changed = pg_current_xact_id()";
    transaction.execute(insert, &[&profile]).await?;
    let delete = "/* logins::begin_work_anew */ delete from gone where profile = $1";
    transaction.execute(delete, &[&profile]).await.map(drop)
}

/// Deletes the rows of a profile, and gives how many of them say something of the person.
async fn delete(transaction: &Transaction<'_>, profile: &str) -> Result<usize, Error> {
    confirm_on_standby(transaction).await?;
    let mut items = 0;
    let mut deleted = 0;
    for (table, is_of_person) in [("login", true), ("snapshot", true), ("callbacks", true), ("work", false)] {
        let delete = format!("/* logins::delete */ delete from {table} where profile = $1");
        let rows = usize::try_from(transaction.execute(&delete, &[&profile]).await?).unwrap_or(usize::MAX);
        deleted += rows;
        items += if is_of_person { rows } else { 0 };
    }
    for end in [
        "/* logins::delete */ delete from pending where pending->>'profile' = $1",
        "/* logins::delete */ update waiting set since = '-infinity' where profile = $1",
    ] {
        transaction.execute(end, &[&profile]).await?;
    }
    if deleted > 0 {
        let insert = "/* logins::delete */ insert into gone (profile) values ($1) on conflict (profile) do update set \
             changed = pg_current_xact_id()";
        transaction.execute(insert, &[&profile]).await?;
    }
    Ok(items)
}
