//! People who are logged in, with plans that tests make.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use withings_exporter::catalogue::Call;
use withings_exporter::clock::Clock;
use withings_exporter::storage::{CallPlan, Claim, Plan, Replan, Storage};

use super::{Place, connect};

/// How long a claim that must come may take.
const CLAIMED_WITHIN: Duration = Duration::from_secs(30);

impl Place {
    /// Logs people in by another process, as a callback does there.
    pub(crate) async fn log_in_elsewhere(&self, profiles: &[&str]) {
        let other = self.beside(&Clock::system()).await;
        for profile in profiles {
            connect(&other, profile).await;
        }
    }

    /// Lets the database's clock be ahead of the real one.
    pub(crate) fn move_clock(&self, seconds: u32) {
        self.psql(&format!(
            "create or replace function wx_now() returns timestamptz language sql stable
               as $$select statement_timestamp() + interval '{seconds} s'$$"
        ));
    }
}

/// A plan whose only call is made at `due`, and has worked before.
pub(crate) fn planned(due: Instant) -> Plan {
    let call = CallPlan { last_success: Some(900), ..CallPlan::at(due) };
    Plan { calls: [(Call::Getmeas, call)].into(), ..Plan::default() }
}

/// Plans the calls of these profiles alone: those that are not planned yet, now.
pub(crate) async fn plan(storage: &Storage, profiles: &[&str]) {
    plan_each(storage, profiles, planned).await;
}

/// The same for calls that have never worked: such a claim does not wait until the former one has asked for a turn.
pub(crate) async fn plan_first_reads(storage: &Storage, profiles: &[&str]) {
    plan_each(storage, profiles, |due| Plan { calls: [(Call::Getmeas, CallPlan::at(due))].into(), ..Plan::default() })
        .await;
}

async fn plan_each(storage: &Storage, profiles: &[&str], new: impl Fn(Instant) -> Plan) {
    let profiles: BTreeSet<Arc<str>> = profiles.iter().map(|profile| (*profile).into()).collect();
    let replan = |_: &str, present: Option<&Plan>| Replan {
        plan: present.cloned().unwrap_or_else(|| new(Instant::now())),
        ends_claim: false,
        is_new_login: false,
    };
    storage.plan_all(&profiles, replan).await;
}

/// Plans the profile for a person who has just logged in.
pub(crate) async fn plan_new_login(storage: &Storage, profile: &str) {
    let replan = |_: &str, _: Option<&Plan>| {
        let plan = Plan { calls: [(Call::Getmeas, CallPlan::at(Instant::now()))].into(), ..Plan::default() };
        Replan { plan, ends_claim: true, is_new_login: true }
    };
    storage.plan_all(&BTreeSet::from([profile.into()]), replan).await;
}

/// Plans the profile as a reload does that ends its claim: its call has not failed any more, and is made at `due`.
pub(crate) async fn plan_reload(storage: &Storage, profile: &str, due: Instant) {
    let replan = |_: &str, _: Option<&Plan>| Replan { plan: planned(due), ends_claim: true, is_new_login: false };
    storage.plan_all(&BTreeSet::from([profile.into()]), replan).await;
}

/// When nothing is due for long.
pub(crate) fn much_later() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

/// The next claim with a call, which must come. Those whose profile is only to be shown are given back.
pub(crate) async fn claimed(storage: &Storage) -> Claim {
    let claimed = async {
        loop {
            let claim = storage.claim().await;
            if !claim.calls.is_empty() {
                return claim;
            }
            storage.finish(claim).await;
        }
    };
    timeout(CLAIMED_WITHIN, claimed).await.expect("nothing is claimed")
}

/// Ends a claim whose calls have worked, and are next made in an hour.
pub(crate) async fn finish(storage: &Storage, mut claim: Claim) {
    for (_, call) in claim.plan.calls.iter_mut().filter(|(call, _)| claim.calls.contains(call)) {
        *call = CallPlan { last_success: Some(1000), ..CallPlan::at(much_later()) };
    }
    storage.finish(claim).await;
}
