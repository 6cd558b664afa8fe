//! What is stored for webhooks, sealed.

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::seal::{Context, Kind};
use super::{Postgres, StorageError};

impl Postgres {
    /// The secret of the installation with this name: made by `random` once, then always the same, whichever replica was first.
    pub(in crate::storage) async fn installation_secret(
        &self,
        name: &'static str,
        random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        let new = self.sealed_secret(name, random().as_bytes());
        let insert = "/* Postgres::installation_secret */ insert into secret (name, sealed) values ($1, $2) \
             on conflict do nothing";
        let select = "/* Postgres::installation_secret */ select sealed from secret where name = $1";
        let sealed = self.run("read a secret of the installation", async |session| {
            if let Some(row) = session.query_opt(select, &[&name]).await? {
                return row.try_get::<_, Vec<u8>>(0);
            }
            session.execute(insert, &[&name, &new]).await?;
            session.query_one(select, &[&name]).await?.try_get(0)
        });
        self.opened_secret(name, &sealed.await?)
    }

    /// A secret of the installation, sealed for its row.
    pub(super) fn sealed_secret(&self, name: &str, secret: &[u8]) -> Vec<u8> {
        self.0.keys.seal(&Context { kind: Kind::Secret, name, version: 0 }, secret)
    }

    /// A secret of the installation, from its row.
    pub(super) fn opened_secret(&self, name: &str, sealed: &[u8]) -> Result<SecretString, StorageError> {
        let opened = self.0.keys.open(&Context { kind: Kind::Secret, name, version: 0 }, sealed)?;
        let text = str::from_utf8(opened.expose_secret()).map_err(|_| StorageError::Content("a secret"))?;
        Ok(text.into())
    }

    /// Those of `profiles` with addresses that may be subscribed at Withings.
    pub(in crate::storage) async fn with_callbacks(
        &self,
        profiles: Vec<Arc<str>>,
    ) -> Result<BTreeSet<Arc<str>>, StorageError> {
        let names: Vec<&str> = profiles.iter().map(|name| &**name).collect();
        let query = "/* Postgres::with_callbacks */ select profile from callbacks where profile = any($1)";
        let found = self.run("read who has subscriptions", async |session| {
            let rows = session.query(query, &[&names]).await?;
            rows.iter().map(|row| row.try_get::<_, &str>(0).map(Arc::from)).collect()
        });
        found.await
    }

    /// The addresses that may be subscribed at Withings for the person of `profile`.
    pub(in crate::storage) async fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        let query = "/* Postgres::callbacks */ select sealed from callbacks where profile = $1";
        let read = self.run("read the subscribed addresses", async |session| {
            let row = session.query_opt(query, &[&profile]).await?;
            row.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()
        });
        let Some(sealed) = read.await? else { return Ok(BTreeSet::new()) };
        self.opened_callbacks(profile, &sealed)
    }

    /// The subscribed addresses of `profile`, sealed for its row.
    pub(super) fn sealed_callbacks(&self, profile: &str, callbacks: &BTreeSet<String>) -> Vec<u8> {
        let json = serde_json::to_vec(callbacks).expect("a set of texts");
        self.0.keys.seal(&context(profile), &json)
    }

    /// The subscribed addresses of `profile`, from its row.
    pub(super) fn opened_callbacks(&self, profile: &str, sealed: &[u8]) -> Result<BTreeSet<String>, StorageError> {
        let json = self.0.keys.open(&context(profile), sealed)?;
        serde_json::from_slice(json.expose_secret()).map_err(|_| StorageError::Content("the subscribed addresses"))
    }

    /// Replaces these addresses; does nothing if the login is gone.
    pub(in crate::storage) async fn save_callbacks(
        &self,
        profile: &str,
        callbacks: BTreeSet<String>,
    ) -> Result<(), StorageError> {
        let sealed = self.sealed_callbacks(profile, &callbacks);
        // A login that is forgotten meanwhile is waited for, and is gone then.
        let insert = "/* Postgres::save_callbacks */ with alive as (select profile from login where profile = $1 for share) \
             insert into callbacks (profile, sealed) select profile, $2 from alive on conflict (profile) do update set \
             sealed = excluded.sealed";
        let delete = "/* Postgres::save_callbacks */ delete from callbacks where profile = $1";
        let saved = self.run("store the subscribed addresses", async |session| {
            if callbacks.is_empty() {
                session.execute(delete, &[&profile]).await
            } else {
                session.execute(insert, &[&profile, &sealed]).await
            }
        });
        saved.await.map(drop)
    }
}

fn context(profile: &str) -> Context<'_> {
    Context { kind: Kind::Callbacks, name: profile, version: 0 }
}
