//! Turns in the one budget of requests: who asks waits for a turn here, and holds nothing meanwhile. What is stored of the
//! budget is changed by the back end, which no caller waits for longer than a second.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::budget::{Budget, Class, Spacing, Turn};
use super::{Storage, StorageError};

/// How long the stored budget may take. After that the process goes on without it: a hanging disk delays no login.
pub(super) const WITHIN: Duration = Duration::from_secs(1);

/// How long nothing is claimed after a claim that has not asked for its turn yet: it may have to refresh its token first.
const ASKS_WITHIN: Duration = Duration::from_secs(1);

/// When the queue looks again though a call still waits for its turn; it is woken as soon as the call has waited.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How long after its time a permit may be used: a process that was suspended would send all that it had reserved at once.
const USED_WITHIN: Duration = Duration::from_secs(1);

/// When a permit is asked for again that could not be, for the budget of many hosts is away.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// No turn came in time: the budget does not carry the request, or Withings asked for a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`requests_per_minute`, or a pause that Withings asked for, leaves no room for this request")]
pub struct NoTurn;

/// The budget as this process knows it.
#[derive(Debug)]
pub(super) struct Turns {
    per_minute: AtomicU32,
    /// The times that setting the wall clock does not change.
    monotonic: Mutex<Monotonic>,
    /// The budget where the stored one cannot be used.
    own: Mutex<Option<Budget>>,
    is_said: AtomicBool,
    /// Lets the calls of this process that may not reserve ahead have their turns in the order in which they ask.
    line: Semaphore,
}

#[derive(Debug)]
struct Monotonic {
    /// When the next request of this process has its turn at the earliest.
    next: Instant,
    /// Which pause is on, and when it ends.
    pause: ((i64, i64), Instant),
    /// When a profile was claimed that has not asked for its turn since.
    expected: Option<Instant>,
    /// How many calls for data wait for their turn: nothing more is claimed meanwhile.
    waiting: usize,
}

impl Turns {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            per_minute: AtomicU32::new(1),
            monotonic: Mutex::new(Monotonic { next: now, pause: ((0, 0), now), expected: None, waiting: 0 }),
            own: Mutex::default(),
            is_said: AtomicBool::new(false),
            line: Semaphore::new(1),
        }
    }

    /// The budget, requests a minute.
    pub(super) fn per_minute(&self) -> u32 {
        self.per_minute.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> MutexGuard<'_, Monotonic> {
        self.monotonic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `budget` for a permit, at this wall time in milliseconds.
    fn take(&self, budget: &mut Budget, class: Class, spacing: Spacing, wall: i64) -> Turn {
        let now = Instant::now();
        let mut monotonic = self.monotonic();
        if let Some(left) = monotonic.pause_left(*budget, wall, now) {
            return Turn::Denied(left);
        }
        let ahead = i64::try_from(monotonic.next.saturating_duration_since(now).as_millis()).unwrap_or(i64::MAX);
        let turn = budget.take(class, spacing, wall, wall.saturating_add(ahead));
        if matches!(turn, Turn::Granted(_)) {
            monotonic.next = now + Duration::from_millis(u64::try_from(budget.next() - wall).unwrap_or(0));
        }
        turn
    }

    fn say_it_works(&self) {
        if self.is_said.swap(false, Ordering::Relaxed) {
            *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!("the budget of requests is shared with other processes again");
        }
    }

    fn say_it_fails(&self, error: Option<&StorageError>, consequence: &str) {
        if !self.is_said.swap(true, Ordering::Relaxed) {
            let error = error.map_or_else(|| "it took too long".to_owned(), StorageError::with_cause);
            tracing::warn!(error, "the budget of requests cannot be shared with other processes; {consequence}");
        }
    }
}

impl Monotonic {
    /// How much longer the pause of `budget` lasts: by the monotonic clock, once it was seen.
    fn pause_left(&mut self, budget: Budget, wall: i64, now: Instant) -> Option<Duration> {
        if budget.pause_id() != self.pause.0 {
            self.pause = (budget.pause_id(), now + budget.pause_left(wall).unwrap_or_default());
        }
        Some(self.pause.1.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

impl Storage {
    /// Sets the budget to `per_minute` requests, at least 1.
    pub fn set_rate(&self, per_minute: u32) {
        self.0.turns.per_minute.store(per_minute, Ordering::Relaxed);
    }

    /// Asks for the right to make one request.
    pub async fn permit(&self, class: Class) -> Turn {
        let permit = move |turns: &Turns, budget: &mut Budget, spacing, wall| turns.take(budget, class, spacing, wall);
        self.with_budget(permit).await.unwrap_or(Turn::Denied(ASK_AGAIN))
    }

    /// Lets nobody make a request for `length` from now, in no process.
    pub async fn pause(&self, length: Duration) {
        let pause = move |turns: &Turns, budget: &mut Budget, _, wall| {
            budget.pause(length, wall);
            turns.monotonic().pause_left(*budget, wall, Instant::now());
        };
        self.with_budget(pause).await;
        self.0.queue.wake();
    }

    /// How much longer nobody may make a request; `None` if there is no pause.
    pub async fn paused_for(&self) -> Option<Duration> {
        let left =
            |turns: &Turns, budget: &mut Budget, _, wall| turns.monotonic().pause_left(*budget, wall, Instant::now());
        self.with_budget(left).await.flatten()
    }

    /// Waits for the right to make one request, `within` this time. The caller holds no lock and no lease meanwhile.
    pub async fn turn(&self, class: Class, within: Duration) -> Result<(), NoTurn> {
        let deadline = Instant::now() + within;
        let _waiting = (class == Class::Data).then(|| WaitingCall::of(self));
        let _first_in_line = match class {
            Class::Exchange | Class::Refresh => None,
            _ => Some(timeout(within, self.0.turns.line.acquire()).await.map_err(|_| NoTurn)?),
        };
        loop {
            match self.permit(class).await {
                Turn::Granted(wait) => {
                    let at = Instant::now() + wait;
                    sleep(wait).await;
                    if at.elapsed() <= USED_WITHIN && self.known_pause().is_none() {
                        return Ok(());
                    }
                }
                Turn::Denied(wait) if Instant::now() + wait > deadline => return Err(NoTurn),
                Turn::Denied(wait) => sleep(wait).await,
            }
        }
    }

    /// When the pause ends that this process knows of; `None` if there is none.
    pub(super) fn known_pause(&self) -> Option<Instant> {
        Some(self.0.turns.monotonic().pause.1).filter(|at| *at > Instant::now())
    }

    /// When to look again whether data has a turn; `None` if it has one now: no call for data waits, nor is about to.
    pub(super) fn data_turn(&self) -> Option<Instant> {
        let now = Instant::now();
        let monotonic = self.0.turns.monotonic();
        if monotonic.waiting > 0 {
            // The call that waits wakes the queue when it has its turn.
            return Some(now + LOOK_AGAIN);
        }
        monotonic.expected.map(|at| at + ASKS_WITHIN).filter(|at| *at > now)
    }

    /// Notes that a profile was claimed whose first call will ask for its turn: until it has, nothing more is claimed, for all
    /// workers would wait for the same turn.
    pub(super) fn expect_data_turn(&self) {
        self.0.turns.monotonic().expected = Some(Instant::now());
    }

    /// Does `work` with the stored budget. Where that cannot be used, a directory's process has a budget of its own at half the
    /// rate: two of which neither can use it stay within the whole one. Of many hosts nobody knows how many they are: `None`.
    async fn with_budget<T: Send + 'static>(
        &self,
        work: impl Fn(&Turns, &mut Budget, Spacing, i64) -> T + Clone + Send + 'static,
    ) -> Option<T> {
        let turns = Arc::clone(&self.0.turns);
        let per_minute = turns.per_minute();
        let (shared, in_storage) = (Arc::clone(&turns), work.clone());
        let changed = self.0.back_end.change_budget(Spacing::of(per_minute), move |stored, wall| {
            in_storage(&shared, stored, Spacing::of(per_minute), wall)
        });
        let failed = match timeout(WITHIN, changed).await {
            Ok(Ok(outcome)) => {
                turns.say_it_works();
                return Some(outcome);
            }
            failed => failed.ok().and_then(Result::err),
        };
        if self.0.back_end.is_of_many_hosts() {
            turns.say_it_fails(failed.as_ref(), "this one makes none meanwhile");
            return None;
        }
        turns.say_it_fails(failed.as_ref(), "this one makes half as many");
        let (spacing, wall) = (Spacing::of((per_minute / 2).max(1)), self.0.clock.unix_ms());
        let mut own = turns.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own.get_or_insert_with(|| Budget::unknown(spacing, wall));
        Some(work(&turns, own, spacing, wall))
    }
}

/// Counts a call for data that waits for its turn, as long as it lives.
struct WaitingCall(Storage);

impl WaitingCall {
    fn of(storage: &Storage) -> Self {
        let mut monotonic = storage.0.turns.monotonic();
        monotonic.expected = None;
        monotonic.waiting += 1;
        Self(storage.clone())
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.0.turns.monotonic().waiting -= 1;
        self.0.0.queue.wake();
    }
}
