//! The rows of the work: who refreshes which profile, what is planned, and of what Withings has news.
//!
//! A write says in `writer` whether this replica need not follow it: `wx_writer` of the tables knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Row;

use super::pool::Session;
use super::snapshots::{parsed, written};
use super::{Postgres, StorageError};
use crate::catalogue::Call;
use crate::storage::plan::{Now, Plan, StoredPlan};
use crate::storage::queue::{Claim, Held, Hold, StoredWork};

/// How long a profile is left alone that nobody has and that could not be taken: its login is gone, or it was free a moment ago.
const GONE: Duration = Duration::from_secs(2);

/// How long a mark may take: Withings waits for 2 s, which its way here and the answer's way back are part of.
const MARKED_WITHIN: Duration = Duration::from_secs(1);

// A claim ends after 15 s, in which a replica that lives keeps it some times. So what a replica was at that has died waits no longer.
// One that ends later than in a minute was taken before the database's clock was set back.

/// Free, or this process's own, whose former claim has ended without being given back: a login or a reload has ended it.
const TAKE: &str = "/* Postgres::hold */ update work set fence = fence + 1, holder = $2::text::uuid, \
       held_until = wx_now() + interval '15 s', held_since = wx_now_ms(), \
       writer = $2::text::uuid, changed = pg_current_xact_id() \
     where profile = $1 and (held_until is null or held_until <= wx_now() or held_until > wx_now() + interval '1 minute' \
       or holder = $2::text::uuid) \
     returning fence, plan::text, marks::text, wx_now_ms()";

const LEFT: &str = "/* Postgres::hold */ select coalesce(extract(epoch from held_until - wx_now()), 0)::float8 \
     from work where profile = $1";

/// Nobody has planned the profile yet.
const BEGIN: &str = "/* Postgres::hold */ \
     with owner as materialized (select profile from login where profile = $1 for key share) \
     insert into work (profile, holder, held_until, held_since, writer) \
       select profile, $2::text::uuid, wx_now() + interval '15 s', wx_now_ms(), $2::text::uuid from owner \
     on conflict (profile) do nothing returning fence, plan::text, marks::text, wx_now_ms()";

/// Nobody's write: this process has not shown what it found in the row.
const LET_GO: &str = "/* Postgres::let_go */ update work set held_until = null, writer = null, \
       changed = pg_current_xact_id() \
     where profile = $1 and fence = $2 and holder = $3::text::uuid";

/// Not `changed`: until when it is held is a hint to the others, who ask again then. What was given back stays free.
const RENEW: &str = "/* Postgres::renew */ update work set held_until = wx_now() + interval '15 s' \
     where profile = $1 and fence = $2 and holder = $3::text::uuid and held_until is not null";

/// The same for many, in the order in which the plans of all are stored: else each could wait for the other.
const RENEW_ALL: &str = "/* Postgres::renew_all */ \
     with mine as materialized ( \
       select work.profile from work join unnest($1::text[], $2::bigint[]) as claim(profile, fence) using (profile, fence) \
       where holder = $3::text::uuid and held_until is not null order by work.profile for update of work) \
     update work set held_until = wx_now() + interval '15 s' from mine where work.profile = mine.profile";

/// At the end of a claim the marks go that it has followed; those that came meanwhile stay.
const STORE: &str = "/* Postgres::store_work */ update work set plan = $4::text::json, \
       held_until = case when $5 then null else held_until end, \
       marks = case when $5 then coalesce((select jsonb_object_agg(key, value) from jsonb_each(marks) \
         where not (key = any($6::text[]) and value::bigint <= held_since)), '{}') else marks end, \
       writer = wx_writer(writer, changed, $3::text::uuid, $7::text::xid8), changed = pg_current_xact_id() \
     where profile = $1 and fence = $2 and holder = $3::text::uuid";

/// Not over what another replica has written since it was followed or is at work on, nor over a login that is new. A claim of this
/// process has ended by it, and one of another whose time is over.
const STORE_ALL: &str = "/* Postgres::store_plans_of */ \
     with owner as materialized (select profile from login where profile = any($1) order by profile for key share) \
     insert into work as w (profile, plan, writer) \
       select profile, new.plan::json, $3::text::uuid \
       from unnest($1::text[], $2::text[]) as new(profile, plan) join owner using (profile) order by profile \
     on conflict (profile) do update set plan = excluded.plan, fence = w.fence + 1, held_until = null, \
         writer = excluded.writer, changed = pg_current_xact_id() \
       where w.plan is not null and (w.held_until is null or w.held_until <= wx_now() or w.holder = $3::text::uuid) \
         and wx_writer(w.writer, w.changed, $3::text::uuid, $4::text::xid8) is not null";

/// The first time of each call stays, but for one that the present claim knows already: it may have made the call before the
/// news.
const MARK: &str = "/* Postgres::mark */ update work set \
       marks = marks || (select jsonb_object_agg(call, greatest(wx_now_ms(), coalesce(held_since + 1, 0))) \
         from unnest($2::text[]) as told(call) \
         where not marks ? call or held_until > wx_now() and (marks->>call)::bigint <= held_since), \
       writer = wx_writer(writer, changed, $3::text::uuid, $4::text::xid8), changed = pg_current_xact_id() \
     where profile = $1 and exists (select from unnest($2::text[]) as told(call) \
       where not marks ? call or held_until > wx_now() and (marks->>call)::bigint <= held_since)";

impl Postgres {
    /// Takes the right to refresh a profile.
    pub(in crate::storage) async fn hold(&self, profile: &str) -> Result<Hold, StorageError> {
        self.run("claim a profile", async |session| self.try_hold(session, profile).await).await
    }

    async fn try_hold(&self, session: &Session, profile: &str) -> Result<Hold, tokio_postgres::Error> {
        let asked = Instant::now();
        let taken = session.query_opt(&session.prepare_cached(TAKE).await?, &[&profile, self.me()]).await?;
        if let Some(row) = taken {
            return self.held(profile, &row, asked);
        }
        if let Some(row) = session.query_opt(&session.prepare_cached(LEFT).await?, &[&profile]).await? {
            let left = Duration::try_from_secs_f64(row.try_get(0)?).unwrap_or_default();
            return Ok(Hold::Elsewhere(if left.is_zero() { GONE } else { left }));
        }
        match session.query_opt(BEGIN, &[&profile, self.me()]).await? {
            Some(row) => self.held(profile, &row, asked),
            None => Ok(Hold::Elsewhere(GONE)),
        }
    }

    fn held(&self, profile: &str, row: &Row, asked: Instant) -> Result<Hold, tokio_postgres::Error> {
        let (fence, plan, marks): (i64, Option<String>, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let now = self.0.clock.note(row.try_get(3)?, asked);
        let work = stored_work(profile, plan.as_deref(), &marks, None, now);
        Ok(Hold::Granted(Held { fence: fence.cast_unsigned(), work: Some(work) }))
    }

    /// Gives that right back, and nothing was done.
    pub(in crate::storage) async fn let_go(&self, profile: &str, fence: u64) {
        let fence = fence.cast_signed();
        let done = self.run("give a profile back", async |session| {
            session.execute(&session.prepare_cached(LET_GO).await?, &[&profile, &fence, self.me()]).await
        });
        if let Err(error) = done.await {
            tracing::debug!(profile, error = error.with_cause(), "nobody refreshes the profile for 15 s");
        }
    }

    /// Keeps that right; returns false if it is lost.
    pub(in crate::storage) async fn renew(&self, profile: &str, fence: u64) -> Result<bool, StorageError> {
        let fence = fence.cast_signed();
        let renewed = self.run("keep a profile", async |session| {
            session.execute(&session.prepare_cached(RENEW).await?, &[&profile, &fence, self.me()]).await
        });
        Ok(renewed.await? == 1)
    }

    /// Keeps these rights, but for those that are lost: at once, for on a slow database they would end one after the other.
    pub(in crate::storage) async fn renew_all(&self, claims: Vec<(Arc<str>, u64)>) -> Result<(), StorageError> {
        if claims.is_empty() {
            return Ok(());
        }
        let (profiles, fences): (Vec<_>, Vec<_>) =
            claims.iter().map(|(profile, fence)| (&**profile, fence.cast_signed())).unzip();
        let renewed = self.run("keep the profiles", async |session| {
            session.execute(&session.prepare_cached(RENEW_ALL).await?, &[&profiles, &fences, self.me()]).await
        });
        renewed.await.map(|_| ())
    }

    /// Stores the plan of a claim that goes on, or that is done; returns false if another one has followed it.
    pub(in crate::storage) async fn store_work(&self, claim: &Claim, is_done: bool) -> Result<bool, StorageError> {
        let Some(now) = self.0.clock.now() else { return Ok(true) };
        let fence = claim.fence.cast_signed();
        let plan = written(&StoredPlan::of_many_hosts(&claim.plan, now));
        let (calls, seen) = (names(&claim.calls), self.seen());
        let stored = self.run("store a plan", async |session| {
            let statement = session.prepare_cached(STORE).await?;
            let profile = &*claim.profile;
            session.execute(&statement, &[&profile, &fence, self.me(), &plan, &is_done, &calls, &seen]).await
        });
        Ok(stored.await? == 1)
    }

    /// Stores plans that a start or a reload has changed, unless another replica is at work on them.
    pub(in crate::storage) async fn store_plans_of(&self, plans: Vec<(Arc<str>, Plan)>) -> Result<(), StorageError> {
        let Some(now) = self.0.clock.now().filter(|_| !plans.is_empty()) else { return Ok(()) };
        let texts: Vec<_> = plans.iter().map(|(_, plan)| written(&StoredPlan::of_many_hosts(plan, now))).collect();
        let profiles: Vec<_> = plans.iter().map(|(profile, _)| &**profile).collect();
        let stored = self.run("store the plans", async |session| {
            session.execute(STORE_ALL, &[&profiles, &texts, self.me(), &self.seen()]).await
        });
        stored.await.map(|_| ())
    }

    /// Stores that Withings has news for these calls. Of a profile that nobody knows there is nothing to store.
    pub(in crate::storage) async fn mark(&self, profile: &str, calls: &[Call]) -> Result<(), StorageError> {
        let (calls, seen) = (names(calls), self.seen());
        let marked = self.run_within(MARKED_WITHIN, "note that Withings has news", async |session| {
            session.execute(&session.prepare_cached(MARK).await?, &[&profile, &calls, self.me(), &seen]).await
        });
        marked.await.map(|_| ())
    }
}

/// What a row of `work` says.
pub(super) fn stored_work(
    profile: &str,
    plan: Option<&str>,
    marks: &str,
    held_until: Option<Instant>,
    now: Now,
) -> StoredWork {
    let plan = plan.and_then(|plan| parsed::<StoredPlan>(profile, plan)).map(|plan| plan.restored(now));
    let marks: BTreeMap<Call, i64> = parsed(profile, marks).unwrap_or_default();
    StoredWork { plan, marks: marks.into_iter().map(|(call, at)| (call, now.past(at))).collect(), held_until }
}

fn names(calls: &[Call]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name()).collect()
}
