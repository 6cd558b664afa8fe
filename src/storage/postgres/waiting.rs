//! The consents that wait for a person's word, sealed: the replica that is told the word need not be the one that has asked.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio_postgres::{Error, Transaction};

use super::pending::alive_since;
use super::seal::{Context, Kind};
use super::{Postgres, StorageError};
use crate::storage::login::{Login, NewConsent, NewLogin};
use crate::storage::set_aside::{MOST, WaitingConsent};

/// A consent as it is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    /// The login that it would be, in no version.
    login: Login,
    may_replace: bool,
}

/// A consent that does not wait any more: the digest of what would have confirmed it, and its seal.
type Over = (String, Vec<u8>);

impl Postgres {
    /// Keeps a consent under a confirmation with this digest.
    pub(in crate::storage) async fn set_aside(
        &self,
        confirmation: String,
        content: WaitingConsent,
    ) -> Result<(), StorageError> {
        let profile = content.consent.profile.to_string();
        let login = Login::of_consent(&content.consent, 0, 0);
        let content = Content { login, may_replace: content.may_replace };
        let json = serde_json::to_vec(&content).expect("it has texts and numbers only");
        let sealed = self.0.keys.seal(&context(&confirmation), &json);
        let stored = self.run("store a consent that waits", async |session| {
            let transaction = session.transaction().await?;
            make_room(&transaction).await?;
            let insert =
                "/* Postgres::set_aside */ insert into waiting (confirmation, profile, sealed) values ($1, $2, $3)";
            transaction.execute(insert, &[&confirmation, &profile, &sealed]).await?;
            transaction.commit().await
        });
        stored.await
    }

    /// The consent that waits for this confirmation, and goes on to wait.
    pub(in crate::storage) async fn waiting_consent(
        &self,
        confirmation: &str,
    ) -> Result<Option<NewConsent>, StorageError> {
        let since = alive_since();
        let query = format!(
            "/* Postgres::waiting_consent */ select sealed from waiting where confirmation = $1 and since > {since}"
        );
        let read = self.run("read a consent that waits", async |session| {
            let row = session.query_opt(&query, &[&confirmation]).await?;
            row.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()
        });
        let content = read.await?.map(|sealed| self.waiting(confirmation, &sealed)).transpose()?;
        Ok(content.map(|content| content.consent))
    }

    /// Takes the consent that waits for this confirmation.
    pub(in crate::storage) async fn confirm(&self, confirmation: &str) -> Result<Option<WaitingConsent>, StorageError> {
        let since = alive_since();
        let delete = format!(
            "/* Postgres::confirm */ delete from waiting where confirmation = $1 and since > {since} returning sealed"
        );
        let taken = self.run("take a consent that waits", async |session| {
            let row = session.query_opt(&delete, &[&confirmation]).await?;
            row.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()
        });
        taken.await?.map(|sealed| self.waiting(confirmation, &sealed)).transpose()
    }

    /// Takes the consents that do not wait any more, which one replica gets, and gives those that do as well.
    pub(in crate::storage) async fn take_unconfirmed(
        &self,
    ) -> Result<(Vec<NewConsent>, Vec<NewConsent>), StorageError> {
        let (over, waiting) =
            self.run("take the consents that nobody has confirmed", async |session| take(session).await).await?;
        // One that cannot be opened can be of no use to anybody, and is gone with the others.
        let opened = |(confirmation, sealed): &Over| Some(self.waiting(confirmation, sealed).ok()?.consent);
        Ok((over.iter().filter_map(opened).collect(), waiting.iter().filter_map(opened).collect()))
    }

    fn waiting(&self, confirmation: &str, sealed: &[u8]) -> Result<WaitingConsent, StorageError> {
        let json = self.0.keys.open(&context(confirmation), sealed)?;
        // Its text could repeat what was sealed.
        let content = serde_json::from_slice(json.expose_secret());
        let Content { login, may_replace } = content.map_err(|_| StorageError::Content("a consent that waits"))?;
        let Login { profile, user_id, access_token, expires_at, refresh_token, scopes, demo, .. } = login;
        let new = NewLogin { user_id, access_token, expires_at, refresh_token, scopes };
        Ok(WaitingConsent { consent: NewConsent { profile: profile.into(), new, demo }, may_replace })
    }
}

fn context(confirmation: &str) -> Context<'_> {
    Context { kind: Kind::Waiting, name: confirmation, version: 0 }
}

/// Lets the oldest consents wait no more, so that there is a place for one; and deletes those that are over where nobody takes
/// them: a flood must not fill the table.
async fn make_room(transaction: &Transaction<'_>) -> Result<(), Error> {
    // Two at once would each find one place.
    transaction.batch_execute("/* make_room */ lock table waiting in share row exclusive mode").await?;
    let since = alive_since();
    let push_out = format!(
        "/* make_room */ update waiting set since = '-infinity' where confirmation in (select confirmation from waiting \
         where since > {since} order by since desc, confirmation offset $1)"
    );
    transaction.execute(&push_out, &[&places(MOST - 1)]).await?;
    let delete = format!(
        "/* make_room */ delete from waiting where confirmation in (select confirmation from waiting \
         where since <= {since} order by confirmation offset $1)"
    );
    transaction.execute(&delete, &[&places(MOST)]).await.map(drop)
}

fn places(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The consents that are over, which are deleted, and those that wait.
async fn take(session: &tokio_postgres::Client) -> Result<(Vec<Over>, Vec<Over>), Error> {
    let since = alive_since();
    let delete = format!(
        "/* waiting::take */ with over as (delete from waiting where since <= {since} returning confirmation, sealed) \
         select true, confirmation, sealed from over union all \
         select false, confirmation, sealed from waiting where since > {since}"
    );
    let (mut over, mut waiting) = (Vec::new(), Vec::new());
    for row in session.query(&delete, &[]).await? {
        let kind = if row.try_get(0)? { &mut over } else { &mut waiting };
        kind.push((row.try_get(1)?, row.try_get(2)?));
    }
    Ok((over, waiting))
}
