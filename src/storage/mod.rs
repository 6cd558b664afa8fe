//! What survives a restart, behind few verbs: the logins, what is known of each person, the plans, and the one budget of
//! requests.
//!
//! Memory holds what is shown, storage holds what is known: a refresh claims a profile ([`Storage::claim`]), loads its state,
//! changes it, saves it, and forgets it. All verbs are asynchronous. No lock and no lease is held while a task waits for its
//! turn in the budget, and every wait has an end: first the permit, then the lease, then the request with its deadline, then
//! the store. The one back end is a directory: one set of files for each profile.
//!
//! A file whose content does not parse is set aside under another name, which is logged; on an I/O error it is left alone.

mod budget;
mod directory;
mod login;
#[cfg(test)]
mod login_tests;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod queue;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod waiting_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs::File, io};

use rustix::io::Errno;
use tokio::time::{Instant, sleep_until};

pub use budget::{Class, Turn};
pub use directory::budget_file::NoTurn;
pub use directory::checkpoint::{WorkDirectory, WorkError};
pub use directory::disk::Disk;
pub use directory::json_file::{load, save};
pub use directory::login_states::{Beginning, Pending, STATE_LIFETIME};
pub use directory::logins::{ConnectError, Forgotten, KnownLogin, KnownLogins};
pub use directory::ownership::OwnershipError;
pub use directory::readings::{SaveError, StoredState};
pub use directory::root::{OpenError, Purpose};
pub use directory::rotation::RotateError;
pub use directory::set_aside::WaitingConsent;
pub use login::{Login, LoginInfo, NewConsent, NewLogin};
pub use plan::{CallPlan, Plan};
pub use queue::{Claim, REPEAT_AFTER, Replan};

use crate::catalogue::Call;
use crate::clock::Clock;
use crate::telemetry::Telemetry;
use crate::telemetry::log::with_causes;
use directory::budget_file::BudgetFile;
use directory::logins::LoginTable;
use directory::readings::UnsavedStates;
use directory::rotation::{Rotations, UnsavedPairs};
use queue::{NextClaim, Queue};

/// How long a disk that failed is left alone: a write that fails is slow, and holds up the refreshes.
const SAVE_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// The storage. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage(Arc<StorageInner>);

#[derive(Debug)]
struct StorageInner {
    root: PathBuf,
    purpose: Purpose,
    /// Held as long as the process serves from this directory; none in a command that works beside a running exporter.
    _locks: Vec<File>,
    disk: Disk,
    clock: Clock,
    telemetry: Telemetry,
    queue: Queue,
    logins: LoginTable,
    budget: Arc<BudgetFile>,
    unsaved: Mutex<Unsaved>,
    waiting: Mutex<directory::set_aside::WaitingConsents>,
    rotations: Rotations,
    plans_stored_at: Mutex<Instant>,
}

/// What could not be saved when it should have been.
#[derive(Debug, Default)]
struct Unsaved {
    pairs: UnsavedPairs,
    states: UnsavedStates,
    events: directory::readings::UnsavedEvents,
}

impl Unsaved {
    fn forget(&mut self, profile: &str) {
        self.pairs.remove(profile);
        self.states.remove(profile);
        self.events.remove(profile);
    }
}

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {operation}", path = path.display())]
pub struct StorageError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl StorageError {
    /// The error and its cause in one line, for people.
    #[must_use]
    pub fn with_cause(&self) -> String {
        with_causes(self)
    }

    /// Whether the permissions of the file, or of a directory above it, keep this process out.
    fn is_permission_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether the file system knows no such operation.
    fn is_unsupported(&self) -> bool {
        is_unsupported(&self.source)
    }

    fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    fn new(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { operation, path, source }
    }
}

/// Whether a file system knows no such operation, as some of networks and of FUSE do not: they say it in many ways.
fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS, Errno::NOTTY, Errno::NOLCK, Errno::BADF];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}

/// What a storage is opened with beside its path.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The present time.
    pub clock: Clock,
    /// Where failures of storage are counted.
    pub telemetry: Telemetry,
    /// A directory in memory for the budget of requests, which is written for each of them; `None`: it is with the rest.
    pub runtime_directory: Option<PathBuf>,
}

impl Storage {
    /// Opens the directory at `root` for `purpose`, makes it (0700) if it is missing, and refuses one that another process
    /// serves from, that belongs to another purpose, or that a newer version of this program has written to. Blocks; must be
    /// called within a tokio runtime.
    pub fn open(root: &Path, purpose: Purpose, surroundings: Surroundings) -> Result<Self, OpenError> {
        let locks = directory::root::prepare(root, purpose)?;
        let storage = Self::at(root, purpose, locks, surroundings);
        if let Err(error) = storage.restore_plans() {
            tracing::warn!(
                error = error.with_cause(),
                "what was planned is not known; everything is asked for at once"
            );
        }
        Ok(storage)
    }

    /// Opens the directory of real people at `root` for a command that works beside a running exporter.
    pub fn join(root: &Path, surroundings: Surroundings) -> Result<Self, OpenError> {
        directory::root::prepare_to_join(root)?;
        Ok(Self::at(root, Purpose::Serve, Vec::new(), surroundings))
    }

    fn at(root: &Path, purpose: Purpose, locks: Vec<File>, surroundings: Surroundings) -> Self {
        let Surroundings { clock, telemetry, runtime_directory } = surroundings;
        Self(Arc::new(StorageInner {
            root: root.to_owned(),
            purpose,
            _locks: locks,
            disk: Disk::new(root, telemetry.clone()),
            clock,
            telemetry,
            queue: Queue::default(),
            logins: LoginTable::new(),
            budget: Arc::new(BudgetFile::new(root, runtime_directory.as_deref())),
            unsaved: Mutex::default(),
            waiting: Mutex::default(),
            rotations: Rotations::default(),
            plans_stored_at: Mutex::new(Instant::now()),
        }))
    }

    /// What the directory is used for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// The disk of the storage directory.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Waits for the next profile that is due: new logins first, then what Withings has news of, then by due time. Nothing is
    /// claimed for a call while the application is paused or data waits for a turn: all workers would hold a profile and wait
    /// for the same turn. A caller that gives up waiting loses nothing.
    pub async fn claim(&self) -> Claim {
        loop {
            let rest = self.known_pause().max(self.data_turn());
            let at = match self.0.queue.next(Instant::now(), rest.is_none()) {
                NextClaim::Claim(claim) => {
                    if !claim.calls.is_empty() && !claim.plan.is_new() {
                        self.expect_data_turn();
                    }
                    return *claim;
                }
                NextClaim::At(at) => at.into_iter().chain(rest).min(),
            };
            tokio::select! {
                () = self.0.queue.woken() => {}
                () = sleep_until_some(at) => {}
            }
        }
    }

    /// Notes the plan of a claim while it goes on: a call that has worked is not made again should the process end.
    pub fn note_progress(&self, claim: &Claim) {
        self.0.queue.note_progress(claim);
    }

    /// Gives a claim back with its plan.
    pub fn finish(&self, claim: Claim) {
        self.0.queue.finish(claim);
    }

    /// Whether the claim has not ended: asked before each page and before anything is shown, for a new login, a `forget` or a
    /// changed configuration ends it without waiting for its worker.
    #[must_use]
    pub fn is_current(&self, claim: &Claim) -> bool {
        self.0.queue.is_current(claim)
    }

    /// Makes `calls` of `profile` due, for Withings has news: at the earliest 30 s after the profile's latest refresh. A pause
    /// after a failure stays.
    pub fn mark(&self, profile: &str, calls: &[Call]) {
        self.0.queue.mark(profile, calls);
    }

    /// Plans the calls of exactly these profiles: `change` makes each plan from the present one.
    pub fn plan_all(&self, profiles: &BTreeSet<Arc<str>>, change: impl Fn(&str, Option<&Plan>) -> Replan) {
        let logins = self.logins();
        self.0.queue.plan_all(profiles, |profile| logins.contains_key(profile), change);
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
        let is_carried = self.0.queue.calls() <= self.0.budget.per_minute() as usize;
        self.0.queue.make_all_due(if is_carried { Duration::ZERO } else { interval });
    }

    /// Lets every profile be claimed once to be shown anew, whether a call is due or not.
    pub fn show_all(&self) {
        self.0.queue.show_all();
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
    pub fn send(&self, digest: u64) -> bool {
        self.0.queue.send(digest)
    }

    /// Saves what could not be saved before; returns whether everything is saved now.
    pub async fn save_unsaved(&self) -> bool {
        let (pairs, states, events) = {
            let unsaved = self.unsaved();
            let pairs: Vec<_> = unsaved.pairs.keys().cloned().collect();
            let events: Vec<_> = unsaved.events.keys().cloned().collect();
            (pairs, unsaved.due_states(), events)
        };
        let mut is_saved = true;
        for profile in pairs {
            is_saved &= self.save_pair(&profile).await.is_ok();
        }
        for (profile, state) in states {
            is_saved &= self.save_again(&profile, state).await;
        }
        for profile in events {
            is_saved &= self.save_events(&profile).await.is_ok();
        }
        is_saved
    }

    /// The work directory of a backfill that writes no file beside which it could be.
    #[must_use]
    pub fn backfill_directory(&self) -> PathBuf {
        self.0.root.join("backfill")
    }

    fn unsaved(&self) -> MutexGuard<'_, Unsaved> {
        self.0.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, directory::set_aside::WaitingConsents> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, folder: &str, profile: &str, extension: &str) -> PathBuf {
        self.0.root.join(folder).join(format!("{}.{extension}", directory::files::stem(profile)))
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
