//! Claims: which profile is refreshed next, by which worker of which process, and what is planned of all others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::plan::Plan;
use super::queue::{Claim, Hold, NextClaim, Queue, Replan};
use super::{Storage, StorageError};
use crate::catalogue::Call;

/// How long a profile is left alone whose claim could not be asked for, for storage is away.
const AWAY: Duration = Duration::from_secs(5);

/// How long a call is left alone of which it could not be asked whether another host has sent it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Storage {
    /// Waits for the next profile that is due: new logins first, then what Withings has news of, then by due time. Nothing is
    /// claimed for a call while the application is paused or data waits for a turn: all workers would hold a profile and wait
    /// for the same turn. A caller that gives up waiting loses nothing.
    pub async fn claim(&self) -> Claim {
        loop {
            let claim = self.next_claim().await;
            if claim.calls.is_empty() {
                return claim;
            }
            if let Some(claim) = self.hold(claim).await {
                if !claim.plan.is_new() {
                    self.expect_data_turn();
                }
                return claim;
            }
        }
    }

    /// The next claim as this process sees it.
    async fn next_claim(&self) -> Claim {
        loop {
            let rest = self.known_pause().max(self.data_turn());
            let at = match self.0.queue.next(Instant::now(), rest.is_none()) {
                NextClaim::Claim(claim) => return *claim,
                NextClaim::At(at) => at.into_iter().chain(rest).min(),
            };
            tokio::select! {
                () = self.0.queue.woken() => {}
                () = sleep_until_some(at) => {}
            }
        }
    }

    /// Takes the claim in storage; `None` if another host has it, or has done what was due.
    async fn hold(&self, claim: Claim) -> Option<Claim> {
        let asking = Asking { queue: &self.0.queue, claim: Some(claim) };
        let answer = self.ask_for(&asking.claim().profile).await;
        let claim = asking.answered();
        match answer {
            Ok(Hold::Granted(held)) => {
                let fence = held.fence;
                let profile = Arc::clone(&claim.profile);
                let adopted = self.0.queue.adopt(claim, held);
                if adopted.is_none() {
                    self.0.back_end.let_go(&profile, fence).await;
                }
                adopted
            }
            Ok(Hold::Elsewhere(left)) => {
                self.0.queue.leave(&claim, left);
                None
            }
            Err(error) => {
                tracing::debug!(profile = %claim.profile, error = error.with_cause(), "it is not known who refreshes the profile");
                self.0.queue.put_off(&claim, AWAY);
                None
            }
        }
    }

    /// Asks for the right to refresh a profile. What could not be saved under the former claim is saved before: under this one it
    /// could be saved over what another host has found since.
    async fn ask_for(&self, profile: &str) -> Result<Hold, StorageError> {
        self.settle_state(profile).await?;
        self.0.back_end.hold(profile).await
    }

    /// Notes the plan of a claim while it goes on; returns false if the claim has ended. Where other hosts use the plan it is stored
    /// at once, so that none of them makes a call again that has worked.
    pub async fn note_progress(&self, claim: &Claim) -> bool {
        let goes_on = self.store_work(claim, false).await;
        if goes_on {
            self.0.queue.note_progress(claim);
        }
        goes_on
    }

    /// Gives a claim back with its plan.
    pub async fn finish(&self, mut claim: Claim) {
        self.0.queue.make_due(&mut claim);
        if claim.fence == 0 || self.store_work(&claim, true).await {
            self.0.queue.finish(claim);
        }
    }

    /// Stores the plan of a claim; returns false if the claim has ended. Where that is not known it goes on. Not while its readings
    /// are here alone: others would not make the calls again that have brought them.
    async fn store_work(&self, claim: &Claim, is_done: bool) -> bool {
        if !self.is_current(claim) {
            return false;
        }
        if self.settle_state(&claim.profile).await.is_err() {
            return true;
        }
        match self.0.back_end.store_work(claim, is_done).await {
            Ok(true) => true,
            Ok(false) => {
                self.0.queue.lose(claim);
                false
            }
            Err(error) => {
                tracing::debug!(profile = %claim.profile, error = error.with_cause(), "the plan could not be stored");
                true
            }
        }
    }

    /// Whether the claim has not ended: asked before anything is shown, for a new login, a `forget` or a changed configuration
    /// ends it without waiting for its worker.
    #[must_use]
    pub fn is_current(&self, claim: &Claim) -> bool {
        self.0.queue.is_current(claim)
    }

    /// Renews the claim before a page is asked for; returns false if it has ended, here or on another host.
    pub async fn renew(&self, claim: &Claim) -> bool {
        if !self.is_current(claim) {
            return false;
        }
        match self.0.back_end.renew(&claim.profile, claim.fence).await {
            Ok(false) => {
                self.0.queue.lose(claim);
                false
            }
            // Where that is not known: whether the answer may be stored is asked again when it is.
            Ok(true) | Err(_) => true,
        }
    }

    /// Keeps the claims that workers have, also while they wait, which other hosts would take from 15 s after they were last kept.
    pub async fn keep_claims(&self) {
        // One that is lost or given back stays so; its worker finds out.
        if let Err(error) = self.0.back_end.renew_all(self.0.queue.claimed()).await {
            tracing::debug!(error = error.with_cause(), "other replicas may refresh the same profiles, too");
        }
    }

    /// Makes `calls` of `profile` due, for Withings has news: at the earliest 30 s after the profile's latest refresh. A pause
    /// after a failure stays. Fails if that cannot be noted where it must be.
    pub async fn mark(&self, profile: &str, calls: &[Call]) -> Result<(), StorageError> {
        self.0.back_end.mark(profile, calls).await?;
        self.0.queue.mark(profile, calls);
        Ok(())
    }

    /// Plans the calls of exactly these profiles: `change` makes each plan from the present one.
    pub async fn plan_all(&self, profiles: &BTreeSet<Arc<str>>, change: impl Fn(&str, Option<&Plan>) -> Replan) {
        let logins = self.logins();
        let changed = self.0.queue.plan_all(profiles, |profile| logins.contains_key(profile), change);
        if let Err(error) = self.0.back_end.store_plans_of(changed).await {
            tracing::debug!(error = error.with_cause(), "the new plans could not be stored");
        }
        // Not before: a claim takes the plan that is stored.
        self.0.queue.wake();
    }

    /// The plan of `profile`.
    #[must_use]
    pub fn plan(&self, profile: &str) -> Option<Plan> {
        self.0.queue.plan(profile)
    }

    /// The plan of each profile.
    #[must_use]
    pub fn planned(&self) -> BTreeMap<Arc<str>, Plan> {
        self.0.queue.planned()
    }

    /// Makes the calls of all profiles due, spread over an `interval` if the budget does not carry them in a minute.
    pub fn make_all_due(&self, interval: Duration) {
        let is_carried = self.0.queue.calls() <= self.0.turns.per_minute() as usize;
        self.0.queue.make_all_due(if is_carried { Duration::ZERO } else { interval });
    }

    /// Lets every profile be claimed once to be shown anew, whether a call is due or not.
    pub fn show_all(&self) {
        self.0.queue.show_all();
    }

    /// When the present one of the intervals began that all hosts count alike; `None`: each process counts its own.
    #[must_use]
    pub fn interval_begun(&self, interval: Duration) -> Option<Instant> {
        Some(self.0.back_end.shared_clock()?.interval_begun(interval))
    }

    /// The present time, Unix seconds, by the clock that all hosts share: that of one host may be wrong.
    #[must_use]
    pub fn unix(&self) -> i64 {
        self.0.back_end.shared_clock().map_or_else(|| self.0.clock.unix(), |now| now.unix_ms.div_euclid(1000))
    }

    /// How long the most overdue call of a profile that is not claimed has been due.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.0.queue.lag()
    }

    /// When the call whose person, name and arguments have this digest may be sent; `None`: now. Withings never sees the same
    /// arguments twice within 11 s, restarts and new logins included.
    #[must_use]
    pub fn rests_until(&self, digest: u64) -> Option<Instant> {
        self.0.queue.rests_until(digest)
    }

    /// Notes that the call with this digest is sent now; returns false if it may not be sent yet.
    #[must_use]
    pub async fn send(&self, digest: u64) -> bool {
        if !self.0.queue.send(digest) {
            return false;
        }
        let rest = match self.0.back_end.send(digest).await {
            Ok(rest) => rest,
            Err(_) => Some(ASK_AGAIN),
        };
        if let Some(rest) = rest {
            self.0.queue.rest_call(digest, rest);
        }
        rest.is_none()
    }

    /// Stores the plans while the process goes on.
    pub async fn keep_plans(&self) {
        self.store_plans(false).await;
    }

    /// Stores the plans at the end of the process.
    pub async fn end_in_order(&self) {
        self.store_plans(true).await;
    }

    async fn store_plans(&self, orderly: bool) {
        if let Err(error) = self.0.back_end.store_plans(&self.0.queue, orderly).await {
            tracing::debug!(error = error.with_cause(), "the plans could not be stored");
        }
    }
}

/// A claim that storage is being asked for. It goes back to the queue if nobody waits for the answer any more.
struct Asking<'a> {
    queue: &'a Queue,
    /// Taken once there is an answer.
    claim: Option<Claim>,
}

impl Asking<'_> {
    fn claim(&self) -> &Claim {
        self.claim.as_ref().expect("there is no answer yet")
    }

    fn answered(mut self) -> Claim {
        self.claim.take().expect("there was no answer yet")
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.queue.put_off(&claim, Duration::ZERO);
        }
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
