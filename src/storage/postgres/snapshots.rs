//! The rows of readings and events.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::pool::Session;
use super::{Postgres, StorageError};
use crate::storage::queue::Claim;
use crate::storage::readings::{Events, StoredState};

/// Where the claim goes on and the login is this person's: both stay as they are until the row is written.
const SAVE: &str = "/* Postgres::save */ \
     with owner as materialized \
       (select profile from login where profile = $1 and person = coalesce($2, person) for key share), \
     held as materialized (select work.profile from work join owner using (profile) \
       where work.fence = $3 and work.holder = $4::text::uuid for share of work) \
     insert into snapshot as s (profile, person, parts, events, writer) \
       select profile, $2, $5::text::json, $6::text::json, $4::text::uuid from held \
     on conflict (profile) do update set person = excluded.person, parts = excluded.parts, \
       events = coalesce(s.events, excluded.events), \
       writer = wx_writer(s.writer, s.changed, $4::text::uuid, $7::text::xid8), changed = pg_current_xact_id()";

/// A row for a person with a login, if there is none.
const BEGIN_EVENTS: &str = "/* Postgres::save_events */ \
     with owner as materialized \
       (select profile from login where profile = $1 and person = coalesce($2, person) for key share) \
     insert into snapshot (profile, person, parts) select profile, $2, '{}' from owner on conflict (profile) do nothing";

const STORED_EVENTS: &str = "/* Postgres::save_events */ select events::text from snapshot join login using (profile) \
     where profile = $1 and login.person = coalesce($2, login.person) for update of snapshot";

const SAVE_EVENTS: &str = "/* Postgres::save_events */ update snapshot set events = $2::text::json, \
     writer = wx_writer(writer, changed, $3::text::uuid, $4::text::xid8), changed = pg_current_xact_id() \
     where profile = $1";

/// The row of a profile, in the order in which the profiles are asked for.
const LOAD: &str = "/* Postgres::load_each */ select person, parts::text, events::text \
     from unnest($1::text[]) with ordinality as asked (profile, place) left join snapshot using (profile) order by place";

impl Postgres {
    /// What is stored of each of these profiles, in their order.
    pub(in crate::storage) async fn load_each(
        &self,
        profiles: Vec<Arc<str>>,
    ) -> Result<Vec<Result<StoredState, StorageError>>, StorageError> {
        let names: Vec<_> = profiles.iter().map(|profile| &**profile).collect();
        let rows = self.run("read the readings", async |session| {
            let rows = session.query(&session.prepare_cached(LOAD).await?, &[&names]).await?;
            rows.iter().map(columns).collect::<Result<Vec<_>, _>>()
        });
        let of_profiles = profiles.iter().zip(rows.await?);
        Ok(of_profiles.map(|(profile, columns)| Ok(state(profile, columns))).collect())
    }

    /// Stores the state that the calls of a claim have changed; returns false if the claim has ended or the login is gone. The
    /// events stay as they are.
    pub(in crate::storage) async fn save(&self, claim: &Claim, state: StoredState) -> Result<bool, StorageError> {
        let StoredState { user_id, parts, in_bed, .. } = state;
        let (parts, fence) = (written(&parts), claim.fence.cast_signed());
        let events = Events { user_id: user_id.clone(), in_bed };
        let events = (!events.is_empty()).then(|| written(&events));
        let seen = self.seen();
        let saved = self.run("save the readings", async |session| {
            let statement = session.prepare_cached(SAVE).await?;
            session.execute(&statement, &[&&*claim.profile, &user_id, &fence, self.me(), &parts, &events, &seen]).await
        });
        Ok(saved.await? == 1)
    }

    /// Adds events to those that are stored of the same person, if the profile has a login of that person.
    pub(in crate::storage) async fn save_events(&self, profile: &str, new: Events) -> Result<(), StorageError> {
        let saved = self.run("save the events", async |session| self.add_events(session, profile, new).await);
        saved.await
    }

    async fn add_events(&self, session: &mut Session, profile: &str, new: Events) -> Result<(), tokio_postgres::Error> {
        let transaction = session.transaction().await?;
        let person = new.user_id.clone();
        transaction.execute(BEGIN_EVENTS, &[&profile, &person]).await?;
        let Some(row) = transaction.query_opt(STORED_EVENTS, &[&profile, &person]).await? else {
            return transaction.commit().await;
        };
        let stored: Option<Events> = row.try_get::<_, Option<String>>(0)?.and_then(|events| parsed(profile, &events));
        let events = written(&match stored {
            Some(stored) => stored.with(new),
            None => new,
        });
        transaction.execute(SAVE_EVENTS, &[&profile, &events, self.me(), &self.seen()]).await?;
        transaction.commit().await
    }
}

/// The person, the parts and the events of a row as text; nothing where there is no row.
type Columns = (Option<String>, Option<String>, Option<String>);

fn columns(row: &Row) -> Result<Columns, tokio_postgres::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

fn state(profile: &str, (user_id, parts, events): Columns) -> StoredState {
    let parts = parts.and_then(|parts| parsed(profile, &parts)).unwrap_or_default();
    let state = StoredState { user_id, parts, ..StoredState::default() };
    state.with(events.and_then(|events| parsed(profile, &events)))
}

/// What a column has; `None` if this version does not understand it: then everything is read again.
pub(super) fn parsed<T: DeserializeOwned>(profile: &str, json: &str) -> Option<T> {
    let parsed = serde_json::from_str(json);
    if let Err(error) = &parsed {
        let (line, column) = (error.line(), error.column());
        tracing::error!(profile, line, column, "what the database has of the profile is not understood and left out");
    }
    parsed.ok()
}

pub(super) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has text keys only, and writing to a String does not fail")
}
