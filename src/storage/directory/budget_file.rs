//! The budget of requests in a file of its own, changed in place under a lock by every process that calls Withings: a running
//! exporter, `authorize`, `forget`, `backfill`. Its lock is held for one read and one write, never while a turn comes.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::budget::{Budget, Class, SIZE, Spacing, Turn};
use super::{Storage, StorageError, atomic};
use crate::process;

/// The name of the file, or of the link to it.
pub(super) const NAME: &str = "budget";

/// How long the file may take. After that the process goes on with a budget of its own: a hanging disk delays no login.
const WITHIN: Duration = Duration::from_secs(1);

/// How long nothing is claimed after a claim that has not asked for its turn yet: it may have to refresh its token first.
const ASKS_WITHIN: Duration = Duration::from_secs(1);

/// When the queue looks again though a call still waits for its turn; it is woken as soon as the call has waited.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// How long after its time a permit may be used: a process that was suspended would send all that it had reserved at once.
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
    /// The times that setting the wall clock does not change.
    monotonic: Mutex<Monotonic>,
    /// The budget where the file cannot be used.
    own: Mutex<Option<Budget>>,
    is_said: AtomicBool,
    /// How many calls for data wait for their turn: nothing more is claimed meanwhile.
    waiting: watch::Sender<usize>,
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
}

impl BudgetFile {
    /// The file of the storage directory at `root`, or in `runtime`, to which the directory then leads.
    pub(in crate::storage) fn new(root: &Path, runtime: Option<&Path>) -> Self {
        let path = root.join(NAME);
        if let Some(runtime) = runtime {
            // A command in a terminal has no runtime directory and finds the file by this link. Where the link cannot be made,
            // it has another budget.
            atomic::link(&runtime.join(NAME), &path);
        }
        let now = Instant::now();
        Self {
            path: runtime.map_or(path, |runtime| runtime.join(NAME)),
            per_minute: AtomicU32::new(1),
            monotonic: Mutex::new(Monotonic { next: now, pause: ((0, 0), now), expected: None }),
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
            file.monotonic().pause_left(*budget, wall, Instant::now());
        };
        self.with_budget(pause).await;
        self.0.queue.wake();
    }

    /// How much longer nobody may make a request; `None` if there is no pause.
    pub async fn paused_for(&self) -> Option<Duration> {
        let left = |file: &BudgetFile, budget: &mut Budget, _, wall| {
            file.monotonic().pause_left(*budget, wall, Instant::now())
        };
        self.with_budget(left).await
    }

    /// Waits for the right to make one request, `within` this time. The caller holds no lock and no lease meanwhile.
    pub async fn turn(&self, class: Class, within: Duration) -> Result<(), NoTurn> {
        let deadline = Instant::now() + within;
        let _waiting = (class == Class::Data).then(|| WaitingCall::of(self));
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

    /// When the pause ends that this process knows of; `None` if there is none.
    pub(in crate::storage) fn known_pause(&self) -> Option<Instant> {
        Some(self.0.budget.monotonic().pause.1).filter(|at| *at > Instant::now())
    }

    /// When to look again whether data has a turn; `None` if it has one now: no call for data waits, nor is about to.
    pub(in crate::storage) fn data_turn(&self) -> Option<Instant> {
        let now = Instant::now();
        if *self.0.budget.waiting.borrow() > 0 {
            // The call that waits wakes the queue when it has its turn.
            return Some(now + LOOK_AGAIN);
        }
        self.0.budget.monotonic().expected.map(|at| at + ASKS_WITHIN).filter(|at| *at > now)
    }

    /// Notes that a profile was claimed whose first call will ask for its turn: until it has, nothing more is claimed, for all
    /// workers would wait for the same turn.
    pub(in crate::storage) fn expect_data_turn(&self) {
        self.0.budget.monotonic().expected = Some(Instant::now());
    }

    /// Does `work` with the budget in the file, or with a budget of this process at half the rate where the file cannot be
    /// used: two processes beside each other then stay within the whole rate.
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
    let mut file = atomic::lock(&target(path), WITHIN)?;
    let mut bytes = Vec::with_capacity(SIZE);
    (&file).take(SIZE as u64 + 1).read_to_end(&mut bytes).map_err(StorageError::new("read", path))?;
    if bytes.len() > SIZE {
        // The link leads to something else, which must not be overwritten.
        let other = io::Error::new(io::ErrorKind::InvalidData, "it is no budget, but something larger");
        return Err(StorageError::new("understand", path)(other));
    }
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

/// The file that `path` is, or that a link of ours there leads to.
fn target(path: &Path) -> PathBuf {
    let is_ours = |found: &fs::Metadata| found.is_symlink() && found.uid() == process::user();
    let link = fs::symlink_metadata(path).ok().filter(is_ours);
    link.and_then(|_| fs::read_link(path).ok()).unwrap_or_else(|| path.to_owned())
}

/// Counts a call for data that waits for its turn, as long as it lives.
struct WaitingCall(Storage);

impl WaitingCall {
    fn of(storage: &Storage) -> Self {
        storage.0.budget.monotonic().expected = None;
        storage.0.budget.waiting.send_modify(|waiting| *waiting += 1);
        Self(storage.clone())
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        self.0.0.budget.waiting.send_modify(|waiting| *waiting -= 1);
        self.0.0.queue.wake();
    }
}
