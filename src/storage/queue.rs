//! The queue of what is due: which profile is claimed next. It is in memory, made from the plans, and its lock is held for
//! its own arithmetic only: no task waits for a call, a disk or a turn while it has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::plan::Plan;
use super::queue_entry::{Entry, GATHER};
pub use super::work::Claim;
pub(super) use super::work::{Held, Hold, StoredWork};
use crate::catalogue::Call;

/// How long after a call the identical one may be made. Withings refuses it within 10 s with status 601 "Same arguments in less
/// than 10 seconds", token refreshes included (jaroslawhartman/withings-sync#237); its documentation does not say so.
pub const REPEAT_AFTER: Duration = Duration::from_secs(11);

/// How many of the eight workers may read whole histories: a first read takes minutes, and the others go on meanwhile.
const MOST_FIRST_READS: usize = 4;

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

impl QueueState {
    /// The entry of a claim that has not ended.
    fn of_claim(&mut self, claim: &Claim) -> Option<&mut Entry> {
        self.entries.get_mut(&claim.profile).filter(|entry| entry.generation == claim.generation)
    }

    /// Ends the claim of a profile.
    fn end_claim(&mut self, profile: &str) -> Option<&mut Entry> {
        self.generations += 1;
        let entry = self.entries.get_mut(profile)?;
        entry.generation = self.generations;
        entry.end_claim();
        Some(entry)
    }
}

impl Queue {
    /// The next profile that is due at `now`; with `may_call` false only one that is to be shown and needs no call.
    pub(super) fn next(&self, now: Instant, may_call: bool) -> NextClaim {
        let mut inner = self.inner();
        let first_reads = inner.entries.values().filter(|entry| entry.claimed.is_some() && entry.plan.is_new()).count();
        let may = |entry: &Entry| may_call && (first_reads < MOST_FIRST_READS || !entry.plan.is_new());
        let free = inner.entries.iter().filter(|(_, entry)| entry.claimed.is_none());
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

    /// Makes due in the plan of a claim what was made due while it went on: the plan is stored as the claim has it.
    pub(super) fn make_due(&self, claim: &mut Claim) {
        if let Some(at) = self.inner().of_claim(claim).and_then(|entry| entry.all_due_at) {
            claim.plan.make_all_due(at);
        }
    }

    /// Gives a claim back with its plan; does nothing if it has ended.
    pub(super) fn finish(&self, claim: Claim) {
        let mut inner = self.inner();
        if let Some(entry) = inner.of_claim(&claim) {
            if !claim.calls.is_empty() {
                entry.plan = claim.plan;
            }
            if let Some(at) = entry.all_due_at {
                entry.plan.make_all_due(at);
            }
            entry.followed.clear();
            entry.end_claim();
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
        let entry = inner.of_claim(&claim)?;
        entry.give_back(&claim);
        entry.take(StoredWork { held_until: None, ..work });
        if !entry.is_due(now) {
            return None;
        }
        let claim = entry.claim(claim.profile, now, true);
        entry.claimed = Some(fence);
        Some(Claim { fence, ..claim })
    }

    /// The claims that storage of many hosts has given, by their profiles and fences.
    pub(super) fn claimed(&self) -> Vec<(Arc<str>, u64)> {
        let inner = self.inner();
        let claimed = inner.entries.iter().filter_map(|(profile, entry)| Some((Arc::clone(profile), entry.claimed?)));
        claimed.filter(|(_, fence)| *fence > 0).collect()
    }

    /// Takes what other hosts have stored of the work of `profile`.
    pub(super) fn take(&self, profile: &str, work: StoredWork) {
        let mut inner = self.inner();
        match inner.entries.get_mut(profile) {
            // The claim brings its own plan back; what came beside it is made after it.
            Some(entry) if entry.claimed.is_some_and(|fence| fence > 0) => entry.take_marks(work.marks),
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
        let mut inner = self.inner();
        if let Some(entry) = inner.of_claim(claim) {
            entry.give_back(claim);
            rest(entry, Instant::now());
        }
        drop(inner);
        self.wake();
    }

    /// Takes the plan of a claim that goes on.
    pub(super) fn note_progress(&self, claim: &Claim) {
        if let Some(entry) = self.inner().of_claim(claim) {
            entry.plan.clone_from(&claim.plan);
        }
    }

    /// Whether the claim has not ended.
    pub(super) fn is_current(&self, claim: &Claim) -> bool {
        self.inner().of_claim(claim).is_some()
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
            let has_changed = !is_new_login && former.is_some_and(|former| *former != plan);
            let is_new = present.is_none();
            let entry = entries.entry(Arc::clone(profile)).or_insert_with(|| Entry::of(Plan::default()));
            entry.plan = plan;
            entry.is_to_be_shown |= ends_claim;
            entry.is_new_login |= is_new_login;
            if ends_claim || is_new {
                *generations += 1;
                entry.generation = *generations;
                entry.end_claim();
            }
            // A claim that goes on brings its own plan back.
            if has_changed && entry.claimed.is_none() {
                changed.push((Arc::clone(profile), entry.plan.clone()));
            }
            let Entry { marks, plan, .. } = entry;
            marks.retain(|call, _| !is_new_login && plan.may_be_marked(*call));
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
            entry.plan.make_all_due(at);
            entry.all_due_at = entry.claimed.map(|_| at);
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
        let waiting = inner.entries.values().filter(|entry| entry.claimed.is_none() && !entry.is_held_elsewhere(now));
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

    /// All plans, those of profiles outside the queue too, and the calls that were sent of late. In them what Withings has told
    /// is due: it tells nothing twice.
    pub(super) fn plans(&self) -> (BTreeMap<Arc<str>, Plan>, Vec<Sent>) {
        let inner = self.inner();
        let planned = inner.entries.iter().map(|(profile, entry)| (Arc::clone(profile), entry.plan_with_news()));
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
        self.inner().end_claim(profile);
    }

    /// Ends a claim that storage does not know any more, for another host has taken it: what that has found is to be shown.
    pub(super) fn lose(&self, claim: &Claim) {
        let mut inner = self.inner();
        if inner.of_claim(claim).is_some()
            && let Some(entry) = inner.end_claim(&claim.profile)
        {
            entry.is_to_be_shown = true;
        }
        drop(inner);
        self.wake();
    }

    /// Lets a profile be claimed to be shown anew.
    pub(super) fn show(&self, profile: &str) {
        if let Some(entry) = self.inner().entries.get_mut(profile) {
            entry.is_to_be_shown = true;
        }
        self.wake();
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
