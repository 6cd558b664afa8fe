//! A profile in the queue: its plan, what Withings has news of, and who has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::Plan;
use super::work::{Claim, StoredWork};
use crate::catalogue::Call;

/// How long notifications are gathered: one weigh-in makes several.
pub(super) const GATHER: Duration = Duration::from_secs(2);

/// How long after a refresh notifications may bring about the next one, so that a flood of them costs little.
const MARKED_APART: Duration = Duration::from_secs(30);

/// The profile as the queue has it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) plan: Plan,
    /// Grows with everything that ends a claim.
    pub(super) generation: u64,
    /// The fence of the claim that a worker has; 0 until storage of many hosts has given it, and in a directory.
    pub(super) claimed: Option<u64>,
    /// A person has just logged in and waits for the first values.
    pub(super) is_new_login: bool,
    /// The profile is to be loaded and shown, whether a call is due or not.
    pub(super) is_to_be_shown: bool,
    /// The calls that Withings has news of, and when they may be made.
    pub(super) marks: BTreeMap<Call, Instant>,
    /// Those that the claim follows: they come back if it ends before it is done.
    pub(super) followed: BTreeMap<Call, Instant>,
    /// Until when another host refreshes the profile.
    pub(super) held_until: Option<Instant>,
    /// Before this time the profile is not claimed, for storage is away.
    pub(super) rests_until: Option<Instant>,
    /// By when all calls are to be made. Set while the profile is claimed, for the claim brings its own plan back.
    pub(super) all_due_at: Option<Instant>,
}

impl Entry {
    pub(super) fn of(plan: Plan) -> Self {
        Self {
            plan,
            generation: 0,
            claimed: None,
            is_new_login: false,
            is_to_be_shown: false,
            marks: BTreeMap::new(),
            followed: BTreeMap::new(),
            held_until: None,
            rests_until: None,
            all_due_at: None,
        }
    }

    /// Ends the claim; the news that it follows wait again.
    pub(super) fn end_claim(&mut self) {
        self.marks.append(&mut self.followed);
        (self.claimed, self.all_due_at) = (None, None);
    }

    /// Ends a claim with which nothing was done.
    pub(super) fn give_back(&mut self, claim: &Claim) {
        self.end_claim();
        self.is_to_be_shown |= claim.is_to_be_shown;
    }

    /// Takes what storage has of the work; of the plan only the calls that the configuration needs.
    pub(super) fn take(&mut self, work: StoredWork) {
        if let Some(stored) = work.plan {
            let mut calls = std::mem::take(&mut self.plan.calls);
            for (call, stored) in stored.calls {
                if let Some(plan) = calls.get_mut(&call) {
                    *plan = stored;
                }
            }
            self.plan = Plan { calls, ..stored };
        }
        self.take_marks(work.marks);
        self.held_until = work.held_until;
    }

    /// Takes the marks that storage has.
    pub(super) fn take_marks(&mut self, marks: BTreeMap<Call, Instant>) {
        let wanted = marks.into_iter().filter(|(call, _)| self.plan.may_be_marked(*call));
        self.marks = wanted.map(|(call, at)| (call, at + GATHER)).collect();
    }

    pub(super) fn is_held_elsewhere(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    fn rests(&self, now: Instant) -> bool {
        self.is_held_elsewhere(now) || self.rests_until.is_some_and(|until| now < until)
    }

    /// The plan, in which the calls are due that Withings has news of.
    pub(super) fn plan_with_news(&self) -> Plan {
        let told: Vec<_> = self.marks.keys().chain(self.followed.keys()).copied().collect();
        let mut plan = self.plan.clone();
        plan.make_due(&told, Instant::now());
        plan
    }

    pub(super) fn claim(&mut self, profile: Arc<str>, now: Instant, may_call: bool) -> Claim {
        let mut calls = Vec::new();
        if may_call && !self.rests(now) {
            let marked = self.marked(now);
            calls = self.plan.due_calls(now);
            calls.extend(marked.into_iter().filter(|call| !self.plan.calls[call].is_due(now)));
            self.followed = self.marks.extract_if(.., |call, _| calls.contains(call)).collect();
            self.is_new_login = false;
        }
        let is_to_be_shown = std::mem::take(&mut self.is_to_be_shown);
        self.claimed = Some(0);
        Claim { profile, plan: self.plan.clone(), calls, generation: self.generation, fence: 0, is_to_be_shown }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let marked = self.marks.values().min().map(|at| self.not_too_soon(*at));
        let due = self.plan.due().into_iter().chain(marked).min()?;
        Some(due).max(self.held_until).max(self.rests_until)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|at| at <= now)
    }

    /// The order of claims, the lowest first: what is only to be shown (it needs no call and is done in a moment), then new
    /// logins, then what Withings has news of, then by the time at which it was due.
    pub(super) fn rank(&self, now: Instant, due: Option<Instant>) -> (bool, bool, bool, Option<Instant>) {
        (!self.is_to_be_shown, !self.is_new_login, self.marked(now).is_empty(), due)
    }

    /// The calls of which Withings has news, if it is time for them.
    fn marked(&self, now: Instant) -> Vec<Call> {
        self.marks.iter().filter(|(_, at)| self.not_too_soon(**at) <= now).map(|(call, _)| *call).collect()
    }

    fn not_too_soon(&self, at: Instant) -> Instant {
        self.plan.refreshed_at.map_or(at, |refreshed| at.max(refreshed + MARKED_APART))
    }
}
