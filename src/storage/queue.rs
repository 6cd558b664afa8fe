//! The queue of what is due: which profile is claimed next. It is in memory, made from the plans, and its lock is held for
//! its own arithmetic only: no task waits for a call, a disk or a turn while it has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::plan::Plan;
use crate::catalogue::Call;

/// How long after a call the identical one may be made. Withings refuses it within 10 s with status 601 "Same arguments in less
/// than 10 seconds", token refreshes included (jaroslawhartman/withings-sync#237); its documentation does not say so.
pub const REPEAT_AFTER: Duration = Duration::from_secs(11);

/// How long notifications are gathered: one weigh-in makes several.
const GATHER: Duration = Duration::from_secs(2);

/// How long after a refresh notifications may bring about the next one, so that a flood of them costs little.
const MARKED_APART: Duration = Duration::from_secs(30);

/// How many of the eight workers may read whole histories: a first read takes minutes, and the others go on meanwhile.
const MOST_FIRST_READS: usize = 4;

/// A profile that one worker refreshes. A claim keeps two workers apart and blocks nothing else: a new login, a `forget` and
/// a changed configuration end it, and its `save` is refused then.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The profile.
    pub profile: Arc<str>,
    /// The profile's plan, to be changed and given back.
    pub plan: Plan,
    /// The calls that are due; none where the profile is only to be shown anew.
    pub calls: Vec<Call>,
    generation: u64,
    /// What tells this claim from later ones in a storage of many hosts; 0 in a directory.
    pub(super) fence: u64,
    /// Whether the profile is to be shown anew, be a call due or not.
    is_to_be_shown: bool,
}

/// What storage gives with the right to refresh a profile.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What tells this claim from later ones.
    pub(super) fence: u64,
    /// What is stored of the profile's work, where other hosts may have changed it.
    pub(super) work: Option<StoredWork>,
}

/// Whether a profile may be refreshed here.
#[derive(Debug)]
pub(super) enum Hold {
    Granted(Held),
    /// Another host refreshes it, for so long at the most.
    Elsewhere(Duration),
}

/// The work of one profile as storage of many hosts has it.
#[derive(Debug, Default)]
pub(super) struct StoredWork {
    /// The plan; `None`: a person has just logged in, and each host makes the same plan.
    pub(super) plan: Option<Plan>,
    /// The calls that Withings has news of, and when that came.
    pub(super) marks: BTreeMap<Call, Instant>,
    /// Until when another host refreshes the profile.
    pub(super) held_until: Option<Instant>,
}

/// A digest of person, call and arguments, and when they were sent.
type Sent = (u64, Instant);

/// What there is to claim.
pub(super) enum NextClaim {
    Claim(Box<Claim>),
    /// Nothing before this time, or before the queue is woken.
    At(Option<Instant>),
}

/// The profiles with a login that is used, and their plans.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<QueueState>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    entries: BTreeMap<Arc<str>, Entry>,
    /// What is stored of profiles that are not in the queue: not yet, or no longer configured.
    stored: BTreeMap<Arc<str>, StoredWork>,
    /// When calls were sent of late, by a digest of person, call and arguments.
    sent: HashMap<u64, Instant>,
    /// Before this time nothing is sent: it is not known what was sent before the start.
    rests_until: Option<Instant>,
    generations: u64,
}

#[derive(Debug)]
struct Entry {
    plan: Plan,
    /// Grows with everything that ends a claim.
    generation: u64,
    is_claimed: bool,
    /// A person has just logged in and waits for the first values.
    is_new_login: bool,
    /// The profile is to be loaded and shown, whether a call is due or not.
    is_to_be_shown: bool,
    /// The calls that Withings has news of, and when they may be made.
    marks: BTreeMap<Call, Instant>,
    /// Until when another host refreshes the profile.
    held_until: Option<Instant>,
    /// Before this time the profile is not claimed, for storage is away.
    rests_until: Option<Instant>,
    /// By when all calls are to be made. Set while the profile is claimed, for the claim brings its own plan back.
    all_due_at: Option<Instant>,
}

impl Queue {
    /// The next profile that is due at `now`; with `may_call` false only one that is to be shown and needs no call.
    pub(super) fn next(&self, now: Instant, may_call: bool) -> NextClaim {
        let mut inner = self.inner();
        let first_reads = inner.entries.values().filter(|entry| entry.is_claimed && entry.plan.is_new()).count();
        let may = |entry: &Entry| may_call && (first_reads < MOST_FIRST_READS || !entry.plan.is_new());
        let free = inner.entries.iter().filter(|(_, entry)| !entry.is_claimed);
        // Of thousands of profiles, when each is due is most of the work: it is found once.
        let free: Vec<_> =
            free.map(|(profile, entry)| (profile, entry, may(entry).then(|| entry.due()).flatten())).collect();
        let due = free.iter().filter(|(_, entry, due)| entry.is_to_be_shown || due.is_some_and(|at| at <= now));
        let Some((profile, ..)) = due.min_by_key(|(_, entry, due)| entry.rank(now, *due)) else {
            return NextClaim::At(free.iter().filter_map(|(_, _, due)| *due).min());
        };
        let profile = Arc::clone(profile);
        let entry = inner.entries.get_mut(&profile).expect("it was found a moment ago");
        NextClaim::Claim(Box::new(entry.claim(profile, now, may_call)))
    }

    /// Gives a claim back with its plan; does nothing if it has ended.
    pub(super) fn finish(&self, claim: Claim) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(&claim.profile).filter(|entry| entry.generation == claim.generation)
        {
            entry.is_claimed = false;
            entry.plan = claim.plan;
            if let Some(at) = entry.all_due_at.take() {
                entry.make_due(at);
            }
        }
        drop(inner);
        self.wake();
    }

    /// Takes what storage says of a claimed profile; gives the claim anew, or nothing if by that no call is due.
    pub(super) fn adopt(&self, claim: Claim, held: Held) -> Option<Claim> {
        let Held { fence, work } = held;
        let Some(work) = work else { return Some(Claim { fence, ..claim }) };
        let now = Instant::now();
        let mut inner = self.inner();
        let entry = inner.entries.get_mut(&claim.profile).filter(|entry| entry.generation == claim.generation)?;
        (entry.is_claimed, entry.is_to_be_shown) = (false, claim.is_to_be_shown);
        entry.take(StoredWork { held_until: None, ..work });
        entry.is_due(now).then(|| Claim { fence, ..entry.claim(claim.profile, now, true) })
    }

    /// Takes what other hosts have stored of the work of `profile`.
    pub(super) fn take(&self, profile: &str, work: StoredWork) {
        let mut inner = self.inner();
        match inner.entries.get_mut(profile) {
            // The claim brings its own plan back; what came beside it is made after it.
            Some(entry) if entry.is_claimed => entry.take_marks(work.marks),
            Some(entry) => entry.take(work),
            None => drop(inner.stored.insert(profile.into(), work)),
        }
        drop(inner);
        self.wake();
    }

    /// Gives a claim back that another host has for this time.
    pub(super) fn leave(&self, claim: &Claim, time: Duration) {
        self.give_back(claim, |entry, now| entry.held_until = Some(now + time));
    }

    /// Gives a claim back that could not be asked for, to be asked for again after this time.
    pub(super) fn put_off(&self, claim: &Claim, time: Duration) {
        self.give_back(claim, |entry, now| entry.rests_until = Some(now + time));
    }

    fn give_back(&self, claim: &Claim, rest: impl FnOnce(&mut Entry, Instant)) {
        let now = Instant::now();
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(&claim.profile).filter(|entry| entry.generation == claim.generation)
        {
            let marked =
                claim.calls.iter().filter(|call| !claim.plan.calls.get(call).is_some_and(|plan| plan.is_due(now)));
            entry.marks.extend(marked.map(|call| (*call, now)));
            (entry.is_claimed, entry.is_to_be_shown) = (false, claim.is_to_be_shown);
            rest(entry, now);
        }
        drop(inner);
        self.wake();
    }

    /// Takes the plan of a claim that goes on.
    pub(super) fn note_progress(&self, claim: &Claim) {
        let mut inner = self.inner();
        if let Some(entry) = inner.entries.get_mut(&claim.profile).filter(|entry| entry.generation == claim.generation)
        {
            entry.plan.clone_from(&claim.plan);
        }
    }

    /// Whether the claim has not ended.
    pub(super) fn is_current(&self, claim: &Claim) -> bool {
        self.inner().entries.get(&claim.profile).is_some_and(|entry| entry.generation == claim.generation)
    }

    /// Makes these calls due once notifications were gathered. A call that fails keeps its pause, and one that waits for a
    /// login waits on.
    pub(super) fn mark(&self, profile: &str, calls: &[Call]) {
        let now = Instant::now();
        let mut inner = self.inner();
        let Some(entry) = inner.entries.get_mut(profile) else { return };
        for call in calls.iter().filter(|call| entry.plan.may_be_marked(**call)) {
            entry.marks.entry(*call).or_insert(now + GATHER);
        }
        drop(inner);
        self.wake();
    }

    /// Changes the plan of every profile in `profiles` and takes all others out of the queue. `change` is given the present
    /// plan, if there is one, and says what becomes of it. The plan of a profile that has left and has a login is kept: it may
    /// come back. Gives the plans that have changed though nobody has logged in. Wakes nobody.
    pub(super) fn plan_all(
        &self,
        profiles: &BTreeSet<Arc<str>>,
        has_login: impl Fn(&str) -> bool,
        change: impl Fn(&str, Option<&Plan>) -> Replan,
    ) -> Vec<(Arc<str>, Plan)> {
        let mut changed = Vec::new();
        let mut inner = self.inner();
        let QueueState { entries, stored, generations, .. } = &mut *inner;
        let left: Vec<_> = entries.extract_if(.., |profile, _| !profiles.contains(profile)).collect();
        stored.extend(left.into_iter().map(|(profile, entry)| (profile, StoredWork::of(entry.plan))));
        stored.retain(|profile, _| has_login(profile));
        for profile in profiles {
            let present = entries.get(profile);
            let former = present.map(|entry| &entry.plan).or_else(|| stored.get(profile)?.plan.as_ref());
            let Replan { plan, ends_claim, is_new_login } = change(profile, former);
            if !is_new_login && former.is_some_and(|former| *former != plan) {
                changed.push((Arc::clone(profile), plan.clone()));
            }
            let is_new = present.is_none();
            let entry = entries.entry(Arc::clone(profile)).or_insert_with(|| Entry::of(Plan::default()));
            entry.plan = plan;
            entry.is_to_be_shown |= ends_claim;
            entry.is_new_login |= is_new_login;
            if ends_claim || is_new {
                *generations += 1;
                (entry.generation, entry.is_claimed) = (*generations, false);
                entry.marks.clear();
            }
            if let Some(work) = stored.remove(profile) {
                entry.take(StoredWork { plan: None, ..work });
            }
        }
        changed
    }

    /// Makes the calls of all profiles due that wait for the next interval, spread over `spread`.
    pub(super) fn make_all_due(&self, spread: Duration) {
        let now = Instant::now();
        let mut inner = self.inner();
        let profiles = u32::try_from(inner.entries.len()).unwrap_or(u32::MAX);
        for (place, entry) in (0_u32..).zip(inner.entries.values_mut()) {
            let at = now + spread * place / profiles.max(1);
            entry.make_due(at);
            entry.all_due_at = entry.is_claimed.then_some(at);
        }
        drop(inner);
        self.wake();
    }

    /// Lets every profile be claimed to be shown anew.
    pub(super) fn show_all(&self) {
        self.inner().entries.values_mut().for_each(|entry| entry.is_to_be_shown = true);
        self.wake();
    }

    /// How long the most overdue call of a profile that is not claimed, here or on another host, has been due.
    pub(super) fn lag(&self) -> Duration {
        let inner = self.inner();
        let now = Instant::now();
        let waiting = inner.entries.values().filter(|entry| !entry.is_claimed && !entry.is_held_elsewhere(now));
        let due = waiting.filter_map(|entry| entry.plan.due()).min();
        due.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    /// How many calls the profiles would make at once.
    pub(super) fn calls(&self) -> usize {
        self.inner().entries.values().map(|entry| entry.plan.calls.len()).sum()
    }

    /// When the call whose person, name and arguments have this digest may be sent; `None`: now.
    pub(super) fn rests_until(&self, digest: u64) -> Option<Instant> {
        let inner = self.inner();
        let sent = inner.sent.get(&digest).map(|at| *at + REPEAT_AFTER);
        sent.max(inner.rests_until).filter(|at| Instant::now() < *at)
    }

    /// Notes that the call with this digest is sent now; returns false if it may not be sent yet.
    pub(super) fn send(&self, digest: u64) -> bool {
        if self.rests_until(digest).is_some() {
            return false;
        }
        let now = Instant::now();
        let mut inner = self.inner();
        inner.sent.retain(|_, at| now < *at + REPEAT_AFTER);
        // Two workers may have asked at once: the second one waits.
        inner.sent.insert(digest, now).is_none()
    }

    /// Lets the call with this digest rest: another host has sent it.
    pub(super) fn rest_call(&self, digest: u64, rest: Duration) {
        let now = Instant::now();
        let sent = (now + rest).checked_sub(REPEAT_AFTER).unwrap_or(now);
        self.inner().sent.insert(digest, sent);
    }

    /// The plan of `profile`.
    pub(super) fn plan(&self, profile: &str) -> Option<Plan> {
        self.inner().entries.get(profile).map(|entry| entry.plan.clone())
    }

    /// The plan of each profile.
    pub(super) fn planned(&self) -> BTreeMap<Arc<str>, Plan> {
        self.inner().entries.iter().map(|(profile, entry)| (Arc::clone(profile), entry.plan.clone())).collect()
    }

    /// All plans, those of profiles outside the queue too, and the calls that were sent of late.
    pub(super) fn plans(&self) -> (BTreeMap<Arc<str>, Plan>, Vec<Sent>) {
        let inner = self.inner();
        let planned = inner.entries.iter().map(|(profile, entry)| (Arc::clone(profile), entry.plan.clone()));
        let stored = inner.stored.iter().filter_map(|(profile, work)| Some((Arc::clone(profile), work.plan.clone()?)));
        (stored.chain(planned).collect(), inner.sent.iter().map(|(digest, at)| (*digest, *at)).collect())
    }

    /// Takes the stored plans, and the calls that were sent of late.
    pub(super) fn restore(&self, plans: BTreeMap<Arc<str>, Plan>, sent: Vec<Sent>) {
        let mut inner = self.inner();
        inner.stored = plans.into_iter().map(|(profile, plan)| (profile, StoredWork::of(plan))).collect();
        inner.sent = sent.into_iter().collect();
    }

    /// Lets nothing be sent before this time.
    pub(super) fn rest(&self, until: Instant) {
        self.inner().rests_until = Some(until);
    }

    /// Ends the claim of a profile, whose person may be another one now.
    pub(super) fn end_claim(&self, profile: &str) {
        let mut inner = self.inner();
        inner.generations += 1;
        let generation = inner.generations;
        if let Some(entry) = inner.entries.get_mut(profile) {
            (entry.generation, entry.is_claimed) = (generation, false);
        }
    }

    /// Forgets the plan of a profile and ends its claim.
    pub(super) fn forget(&self, profile: &str) {
        let mut inner = self.inner();
        inner.entries.remove(profile);
        inner.stored.remove(profile);
    }

    /// Lets the task that waits for a claim look again.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    fn inner(&self) -> MutexGuard<'_, QueueState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a plan.
#[derive(Debug)]
pub struct Replan {
    /// The plan from now on.
    pub plan: Plan,
    /// Whether the present claim ends, so that the profile is loaded and shown anew.
    pub ends_claim: bool,
    /// Whether a person has just logged in and waits for the first values.
    pub is_new_login: bool,
}

impl StoredWork {
    fn of(plan: Plan) -> Self {
        Self { plan: Some(plan), ..Self::default() }
    }
}

impl Entry {
    fn of(plan: Plan) -> Self {
        Self {
            plan,
            generation: 0,
            is_claimed: false,
            is_new_login: false,
            is_to_be_shown: false,
            marks: BTreeMap::new(),
            held_until: None,
            rests_until: None,
            all_due_at: None,
        }
    }

    /// Makes what waits for the next interval due at this time.
    fn make_due(&mut self, at: Instant) {
        for plan in self.plan.calls.values_mut().filter(|plan| plan.failures == 0) {
            plan.due = plan.due.map(|due| due.min(at));
        }
    }

    /// Takes what storage has of the work; of the plan only the calls that the configuration needs.
    fn take(&mut self, work: StoredWork) {
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
    fn take_marks(&mut self, marks: BTreeMap<Call, Instant>) {
        let wanted = marks.into_iter().filter(|(call, _)| self.plan.may_be_marked(*call));
        self.marks = wanted.map(|(call, at)| (call, at + GATHER)).collect();
    }

    fn is_held_elsewhere(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    fn rests(&self, now: Instant) -> bool {
        self.is_held_elsewhere(now) || self.rests_until.is_some_and(|until| now < until)
    }

    fn claim(&mut self, profile: Arc<str>, now: Instant, may_call: bool) -> Claim {
        let mut calls = Vec::new();
        if may_call && !self.rests(now) {
            let marked = self.marked(now);
            calls = self.plan.due_calls(now);
            calls.extend(marked.into_iter().filter(|call| !self.plan.calls[call].is_due(now)));
            self.marks.retain(|call, _| !calls.contains(call));
            self.is_new_login = false;
        }
        let is_to_be_shown = std::mem::take(&mut self.is_to_be_shown);
        self.is_claimed = true;
        Claim { profile, plan: self.plan.clone(), calls, generation: self.generation, fence: 0, is_to_be_shown }
    }

    fn due(&self) -> Option<Instant> {
        let marked = self.marks.values().min().map(|at| self.not_too_soon(*at));
        let due = self.plan.due().into_iter().chain(marked).min()?;
        Some(due).max(self.held_until).max(self.rests_until)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|at| at <= now)
    }

    /// The order of claims, the lowest first: what is only to be shown (it needs no call and is done in a moment), then new
    /// logins, then what Withings has news of, then by the time at which it was due.
    fn rank(&self, now: Instant, due: Option<Instant>) -> (bool, bool, bool, Option<Instant>) {
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
