//! Everything of a database, taken in from a directory or handed out to one, in one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio_postgres::{Error, Row, Transaction};

use super::logins;
use super::snapshots::written;
use super::{Postgres, StorageError};
use crate::storage::directory::transfer::{Contents, StoredProfile};
use crate::storage::readings::StoredState;

/// How long a transfer may take. Nobody else works with the database meanwhile.
const WITHIN: Duration = Duration::from_mins(10);

/// What the database says of transfers.
#[derive(Debug)]
pub(in crate::storage) struct Given {
    /// The latest one.
    pub(in crate::storage) id: Option<String>,
    /// The directory to which everything went.
    pub(in crate::storage) moved_to: Option<String>,
    /// Whether there is a login.
    pub(in crate::storage) has_logins: bool,
}

/// What became of handing everything out.
pub(in crate::storage) enum Taken<E> {
    /// So many profiles were written, or writing them failed and nothing has changed.
    Profiles(Result<usize, E>),
    /// An exporter is at work, and nothing has changed.
    AtWork,
}

impl Postgres {
    /// The installation to which the database belongs.
    pub(in crate::storage) fn installation(&self) -> &str {
        self.0.keys.installation()
    }

    /// What the database says of transfers.
    pub(in crate::storage) async fn given(&self) -> Result<Given, StorageError> {
        let query = "/* Postgres::given */ select transfer, moved_to, exists (select from login) from installation";
        let given = self.run("read what was moved", async |session| {
            let row = session.query_one(query, &[]).await?;
            Ok(Given { id: row.try_get(0)?, moved_to: row.try_get(1)?, has_logins: row.try_get(2)? })
        });
        given.await
    }

    /// Takes everything in. `mark` is called when all is written and nobody sees it yet; where it fails, nothing has changed.
    pub(in crate::storage) async fn take_in<E>(
        &self,
        contents: &Contents,
        id: &str,
        mark: impl FnOnce() -> Result<(), E>,
    ) -> Result<Result<(), E>, StorageError> {
        let taken = self.pool().run_for(WITHIN, "take in a directory", async |session| {
            let transaction = session.transaction().await?;
            begin(&transaction).await?;
            for profile in &contents.profiles {
                self.insert(&transaction, profile).await?;
            }
            self.insert_secrets(&transaction, &contents.secrets).await?;
            let update = "/* Postgres::take_in */ update installation set moved_to = null, transfer = $1";
            transaction.execute(update, &[&id]).await?;
            let marked = mark();
            match &marked {
                Ok(()) => transaction.commit().await?,
                Err(_) => transaction.rollback().await?,
            }
            Ok(marked)
        });
        Ok(taken.await?)
    }

    /// Hands everything out to `write`, and deletes it when that has worked: what was in the database is in the directory `to`.
    pub(in crate::storage) async fn hand_out<E: From<StorageError>>(
        &self,
        id: &str,
        to: &Path,
        write: impl FnOnce(&Contents) -> Result<(), E>,
    ) -> Result<Taken<E>, StorageError> {
        let to = to.canonicalize().unwrap_or_else(|_| to.to_owned()).display().to_string();
        let handed = self.pool().run_for(WITHIN, "hand out to a directory", async |session| {
            let transaction = session.transaction().await?;
            begin(&transaction).await?;
            if is_at_work(&transaction).await? {
                transaction.rollback().await?;
                return Ok(Taken::AtWork);
            }
            let contents = self.read_all(&transaction).await?;
            let written = contents.map_err(E::from).and_then(|contents| {
                write(&contents)?;
                Ok(contents.profiles.len())
            });
            if written.is_err() {
                transaction.rollback().await?;
                return Ok(Taken::Profiles(written));
            }
            delete_all(&transaction).await?;
            let update = "/* Postgres::hand_out */ update installation set moved_to = $1, transfer = $2";
            transaction.execute(update, &[&to, &id]).await?;
            transaction.commit().await?;
            Ok(Taken::Profiles(written))
        });
        Ok(handed.await?)
    }

    async fn insert(&self, transaction: &Transaction<'_>, stored: &StoredProfile) -> Result<(), Error> {
        let StoredProfile { login, state, events, plan, callbacks } = stored;
        let profile = &login.profile;
        logins::write(transaction, login, &self.sealed(login)).await?;
        let insert = "/* Postgres::insert */ insert into snapshot (profile, person, parts, events) \
             values ($1, $2, $3::text::json, $4::text::json)";
        let (parts, events) = (written(&state.parts), events.as_ref().map(written));
        transaction.execute(insert, &[profile, &state.user_id, &parts, &events]).await?;
        let insert = "/* Postgres::insert */ insert into work (profile, plan) values ($1, $2::text::jsonb)";
        transaction.execute(insert, &[profile, &plan.as_ref().map(written)]).await?;
        if !callbacks.is_empty() {
            let sealed = self.sealed_callbacks(profile, callbacks);
            let insert = "/* Postgres::insert */ insert into callbacks (profile, sealed) values ($1, $2)";
            transaction.execute(insert, &[profile, &sealed]).await?;
        }
        let delete = "/* Postgres::insert */ delete from gone where profile = $1";
        transaction.execute(delete, &[profile]).await.map(drop)
    }

    async fn insert_secrets(
        &self,
        transaction: &Transaction<'_>,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<(), Error> {
        for (name, secret) in secrets {
            let sealed = self.sealed_secret(name, secret.expose_secret().as_bytes());
            let insert = "/* Postgres::insert_secrets */ insert into secret (name, sealed) values ($1, $2) \
                 on conflict (name) do update set sealed = excluded.sealed";
            transaction.execute(insert, &[name, &sealed]).await?;
        }
        Ok(())
    }

    async fn read_all(&self, transaction: &Transaction<'_>) -> Result<Result<Contents, StorageError>, Error> {
        let query = "/* Postgres::read_all */ select profile, version, login.sealed, snapshot.person, parts::text, events::text, \
             plan::text, callbacks.sealed from login left join snapshot using (profile) left join work using (profile) \
             left join callbacks using (profile)";
        let rows = transaction.query(query, &[]).await?;
        let secrets = transaction.query("/* Postgres::read_all */ select name, sealed from secret", &[]).await?;
        let profiles = rows.iter().map(|row| self.profile_of(row)).collect::<Result<_, Error>>()?;
        let secrets = secrets.iter().map(|row| self.secret_of(row)).collect::<Result<_, Error>>()?;
        Ok(sequence(profiles)
            .and_then(|profiles| Ok(Contents { profiles, secrets: sequence(secrets)?.into_iter().collect() })))
    }

    fn profile_of(&self, row: &Row) -> Result<Result<StoredProfile, StorageError>, Error> {
        let (profile, version, sealed): (String, i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (user_id, callbacks): (Option<String>, Option<Vec<u8>>) = (row.try_get(3)?, row.try_get(7)?);
        let text = |column: usize| row.try_get::<_, Option<String>>(column);
        let (parts, events, plan) = (text(4)?, text(5)?, text(6)?);
        let read = || {
            let login = self.opened(&profile, &logins::Row::of(version, sealed))?;
            let addresses = callbacks.map(|sealed| self.opened_callbacks(&profile, &sealed));
            let parts = parts.as_deref().map(parsed).transpose()?.unwrap_or_default();
            Ok(StoredProfile {
                login,
                state: StoredState { user_id, parts, ..StoredState::default() },
                events: events.as_deref().map(parsed).transpose()?,
                plan: plan.as_deref().map(parsed).transpose()?,
                callbacks: addresses.transpose()?.unwrap_or_default(),
            })
        };
        Ok(read())
    }

    fn secret_of(&self, row: &Row) -> Result<Result<(String, SecretString), StorageError>, Error> {
        let (name, sealed): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(self.opened_secret(&name, &sealed).map(|secret| (name, secret)))
    }
}

/// Lets nobody write until the end of the transaction, which may take a while, and makes the commit wait for the standby.
async fn begin(transaction: &Transaction<'_>) -> Result<(), Error> {
    logins::confirm_on_standby(transaction).await?;
    let settings = "/* transfer::begin */ set local idle_in_transaction_session_timeout = 0; \
         lock table login, work, snapshot, callbacks, secret in share row exclusive mode";
    transaction.batch_execute(settings).await
}

/// Whether an exporter refreshes a profile, or a login.
async fn is_at_work(transaction: &Transaction<'_>) -> Result<bool, Error> {
    let query = "/* transfer::is_at_work */ select exists (select from login where held_until > wx_now()) \
         or exists (select from work where held_until > wx_now())";
    transaction.query_one(query, &[]).await?.try_get(0)
}

async fn delete_all(transaction: &Transaction<'_>) -> Result<(), Error> {
    let delete = "/* transfer::delete_all */ delete from login; delete from work; delete from snapshot; delete from callbacks; \
         delete from secret; delete from pending; delete from waiting; delete from gone";
    transaction.batch_execute(delete).await
}

fn sequence<T>(results: Vec<Result<T, StorageError>>) -> Result<Vec<T>, StorageError> {
    results.into_iter().collect()
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<T, StorageError> {
    // Its text could repeat what was stored.
    serde_json::from_str(json).map_err(|_| StorageError::Content("what is stored of a profile"))
}
