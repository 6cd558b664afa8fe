//! The budget of requests in a file of its own, changed in place under a lock by every process that calls Withings.

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::budget::{Budget, Class, SIZE, Spacing, Turn};
use super::{Storage, StorageError, atomic};

/// How long the file may take; after that the process has a budget of its own.
const WITHIN: Duration = Duration::from_secs(1);

/// How long a claim may take until it asks for its turn before others are let pass: its login may have to be refreshed.
const ASKS_WITHIN: Duration = Duration::from_secs(1);

/// How long nobody looks whether a call still waits for its turn, unless it says so itself.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How long after its time a permit may be used.
const USED_WITHIN: Duration = Duration::from_secs(1);

/// No turn came in time: the budget does not carry the request, or Withings asked for a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`requests_per_minute`, or a pause that Withings asked for, leaves no room for this request")]
pub struct NoTurn;

/// The budget as this process knows it.
#[derive(Debug)]
pub(in crate::storage) struct BudgetFile {
    path: PathBuf,
    per_minute: AtomicU32,
    /// What no clock that is set can change.
    steady: Mutex<Steady>,
    /// The budget where the file cannot be used.
    own: Mutex<Option<Budget>>,
    is_said: AtomicBool,
    /// How many calls for data wait for their turn: nothing more is claimed meanwhile.
    waiting: watch::Sender<usize>,
    /// Whose turn is next among those of this process who may not reserve ahead: in the order in which they ask.
    line: Semaphore,
}

#[derive(Debug)]
struct Steady {
    /// When the next request of this process has its turn at the earliest.
    next: Instant,
    /// Which pause is on, and when it ends.
    pause: ((i64, i64), Instant),
    /// When a profile was claimed that has not asked for its turn since.
    expected: Option<Instant>,
}

impl BudgetFile {
    /// The file of the storage directory at `root`, or in `runtime`, to which the directory then leads.
    pub(in crate::storage) fn new(root: &Path, runtime: Option<&Path>) -> Self {
        let path = root.join("budget");
        if let Some(runtime) = runtime {
            // A command that has no runtime directory of its own finds it here. Where that fails, it has another budget.
            atomic::link(&runtime.join("budget"), &path);
        }
        let now = Instant::now();
        Self {
            path: runtime.map_or(path, |it| it.join("budget")),
            per_minute: AtomicU32::new(1),
            steady: Mutex::new(Steady { next: now, pause: ((0, 0), now), expected: None }),
            own: Mutex::default(),
            is_said: AtomicBool::new(false),
            waiting: watch::channel(0).0,
            line: Semaphore::new(1),
        }
    }

    /// The budget, requests a minute.
    pub(in crate::storage) fn per_minute(&self) -> u32 {
        self.per_minute.load(Ordering::Relaxed)
    }

    fn steady(&self) -> MutexGuard<'_, Steady> {
        self.steady.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `budget` for a permit, at this wall time in milliseconds.
    fn take(&self, budget: &mut Budget, class: Class, spacing: Spacing, wall: i64) -> Turn {
        let now = Instant::now();
        let mut steady = self.steady();
        if let Some(left) = steady.pause_left(*budget, wall, now) {
            return Turn::Denied(left);
        }
        let ahead = i64::try_from(steady.next.saturating_duration_since(now).as_millis()).unwrap_or(i64::MAX);
        let turn = budget.take(class, spacing, wall, wall.saturating_add(ahead));
        if matches!(turn, Turn::Granted(_)) {
            steady.next = now + Duration::from_millis(u64::try_from(budget.next() - wall).unwrap_or(0));
        }
        turn
    }
}

impl Steady {
    /// How much longer the pause of `budget` lasts: by the monotonic clock, once it was seen.
    fn pause_left(&mut self, budget: Budget, wall: i64, now: Instant) -> Option<Duration> {
        if budget.pause_id() != self.pause.0 {
            self.pause = (budget.pause_id(), now + budget.pause_left(wall).unwrap_or_default());
        }
        Some(self.pause.1.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

impl Storage {
    /// The budget is `per_minute` requests from now on, at least 1.
    pub fn set_rate(&self, per_minute: u32) {
        self.0.budget.per_minute.store(per_minute, Ordering::Relaxed);
    }

    /// Asks for the right to make one request.
    pub async fn permit(&self, class: Class) -> Turn {
        self.with_budget(move |file, budget, spacing, wall| file.take(budget, class, spacing, wall)).await
    }

    /// Lets nobody make a request for `length` from now, in no process.
    pub async fn pause(&self, length: Duration) {
        let pause = move |file: &BudgetFile, budget: &mut Budget, _, wall| {
            budget.pause(length, wall);
            file.steady().pause_left(*budget, wall, Instant::now());
        };
        self.with_budget(pause).await;
        self.0.queue.wake();
    }

    /// How much longer nobody may make a request; `None` if there is no pause.
    pub async fn paused_for(&self) -> Option<Duration> {
        let left =
            |file: &BudgetFile, budget: &mut Budget, _, wall| file.steady().pause_left(*budget, wall, Instant::now());
        self.with_budget(left).await
    }

    /// Waits for the right to make one request, `within` this time. Nothing may be held meanwhile that others wait for.
    pub async fn turn(&self, class: Class, within: Duration) -> Result<(), NoTurn> {
        let deadline = Instant::now() + within;
        let _waiting = (class == Class::Data).then(|| Waiting::of(self));
        let _first_in_line = match class {
            Class::Exchange | Class::Refresh => None,
            _ => Some(timeout(within, self.0.budget.line.acquire()).await.map_err(|_| NoTurn)?),
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

    /// When the pause ends of which this process knows; `None` if there is none.
    pub(in crate::storage) fn known_pause(&self) -> Option<Instant> {
        Some(self.0.budget.steady().pause.1).filter(|at| *at > Instant::now())
    }

    /// When it is looked again whether data has a turn; `None` if it has one: no call for data waits, nor is about to.
    pub(in crate::storage) fn data_turn(&self) -> Option<Instant> {
        let now = Instant::now();
        if *self.0.budget.waiting.borrow() > 0 {
            // Whoever waits wakes the queue when it has waited.
            return Some(now + LOOK_AGAIN);
        }
        self.0.budget.steady().expected.map(|at| at + ASKS_WITHIN).filter(|at| *at > now)
    }

    /// Notes that a profile was claimed whose first call asks for its turn in a moment: until then nothing more is claimed, or
    /// all workers would wait for one turn.
    pub(in crate::storage) fn expect_data_turn(&self) {
        self.0.budget.steady().expected = Some(Instant::now());
    }

    /// Does `work` with the budget in the file, or with an own one of half the rate where the file cannot be used.
    async fn with_budget<T: Send + 'static>(
        &self,
        work: impl Fn(&BudgetFile, &mut Budget, Spacing, i64) -> T + Clone + Send + 'static,
    ) -> T {
        let (budget, clock) = (Arc::clone(&self.0.budget), self.0.clock.clone());
        let per_minute = budget.per_minute();
        let (file, in_file) = (Arc::clone(&budget), work.clone());
        let changed = self.0.disk.aside(move || {
            let spacing = Spacing::of(per_minute);
            change(&file.path, spacing, clock.unix_ms(), |stored, wall| in_file(&file, stored, spacing, wall))
        });
        match timeout(WITHIN, changed).await {
            Ok(Ok(outcome)) => {
                budget.say_it_works();
                outcome
            }
            failed => {
                budget.say_it_fails(failed.ok().and_then(Result::err).as_ref());
                let (spacing, wall) = (Spacing::of((per_minute / 2).max(1)), self.0.clock.unix_ms());
                let mut own = budget.own.lock().unwrap_or_else(PoisonError::into_inner);
                let own = own.get_or_insert_with(|| Budget::unknown(spacing, wall));
                work(&budget, own, spacing, wall)
            }
        }
    }
}

impl BudgetFile {
    fn say_it_works(&self) {
        if self.is_said.swap(false, Ordering::Relaxed) {
            *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!(file = %self.path.display(), "the budget of requests is shared with other processes again");
        }
    }

    fn say_it_fails(&self, error: Option<&StorageError>) {
        if !self.is_said.swap(true, Ordering::Relaxed) {
            let error = error.map_or_else(|| "it took too long".to_owned(), StorageError::with_cause);
            tracing::warn!(
                file = %self.path.display(), error,
                "the budget of requests cannot be shared with other processes; this one makes half as many"
            );
        }
    }
}

/// Changes the stored budget under its lock.
fn change<T>(
    path: &Path,
    spacing: Spacing,
    wall: i64,
    work: impl FnOnce(&mut Budget, i64) -> T,
) -> Result<T, StorageError> {
    let mut file = atomic::lock(path, WITHIN)?;
    let mut bytes = Vec::with_capacity(SIZE);
    (&file).take(SIZE as u64 + 1).read_to_end(&mut bytes).map_err(StorageError::new("read", path))?;
    let mut budget = if bytes.is_empty() {
        Budget::default()
    } else {
        Budget::from_bytes(&bytes).unwrap_or_else(|| Budget::unknown(spacing, wall))
    };
    let before = budget;
    let outcome = work(&mut budget, wall);
    if budget != before || bytes.len() != SIZE {
        file.rewind().map_err(StorageError::new("write", path))?;
        file.write_all(&budget.to_bytes()).map_err(StorageError::new("write", path))?;
        file.set_len(SIZE as u64).map_err(StorageError::new("write", path))?;
    }
    Ok(outcome)
}

/// Counts a call for data that waits for its turn, as long as it lives.
struct Waiting(Storage);

impl Waiting {
    fn of(storage: &Storage) -> Self {
        storage.0.budget.steady().expected = None;
        storage.0.budget.waiting.send_modify(|waiting| *waiting += 1);
        Self(storage.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.budget.waiting.send_modify(|waiting| *waiting -= 1);
        self.0.0.queue.wake();
    }
}
