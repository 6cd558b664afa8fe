//! The one way to the files: each operation is bounded in time and their number is bounded, so that a disk that hangs takes
//! neither the async thread nor all blocking ones. Storage can fail; a scrape cannot.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::StorageError;
use crate::telemetry::Telemetry;

/// How long one operation may take before its caller goes on without it. A sync of a busy SD card takes seconds.
const WITHIN: Duration = Duration::from_secs(10);

/// How many operations may be under way: the other blocking threads of the runtime are left to what else needs them.
const AT_ONCE: usize = 6;

/// The disk of a storage directory. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Disk {
    root: PathBuf,
    places: Arc<Semaphore>,
    hangs: watch::Sender<bool>,
    health: Arc<Health>,
    telemetry: Telemetry,
}

/// An operation. In a box, for the bar of the program's size: what bounds it is compiled once for each kind of result, and not for
/// each operation.
type Work<T> = Box<dyn FnOnce() -> Result<T, StorageError> + Send>;

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

/// How the latest read and the latest write went: on a full disk reads still work.
#[derive(Debug, Default)]
struct Health {
    read_failed: AtomicBool,
    write_failed: AtomicBool,
}

impl Health {
    fn note(&self, access: Access, worked: bool) {
        let failed = match access {
            Access::Read => &self.read_failed,
            Access::Write => &self.write_failed,
        };
        failed.store(!worked, Ordering::Relaxed);
    }

    fn is_up(&self) -> bool {
        !self.read_failed.load(Ordering::Relaxed) && !self.write_failed.load(Ordering::Relaxed)
    }
}

impl Disk {
    pub(in crate::storage) fn new(root: &Path, telemetry: Telemetry) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { root: root.to_owned(), places, hangs: watch::channel(false).0, health: Arc::default(), telemetry }
    }

    /// Makes every operation that begins from now on hang, or go on again, as a network file system does whose server is away:
    /// for tests.
    pub(in crate::storage) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Does `work`, which reads, off the async threads. Fails after 10 s; the operation goes on then until it ends by itself,
    /// and keeps its place as long, so that a disk that hangs takes no more than its places.
    pub(super) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StorageError>> {
        self.noted(Access::Read, Box::new(work))
    }

    /// Does `work` that writes, like [`read`](Self::read).
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StorageError>> {
        self.noted(Access::Write, Box::new(work))
    }

    /// Does `work` with files that belong to no person, like [`read`](Self::read): whether it succeeds does not tell whether
    /// logins and readings can be stored, so it does not count for `withings_exporter_storage_up`.
    pub(super) fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StorageError>> {
        self.bounded(Box::new(work))
    }

    /// Does `work`, which reads, with each of `items` in one operation, like [`read`](Self::read). One that fails leaves the others
    /// alone.
    pub(super) async fn read_each<I: Send + 'static, T: Send + 'static>(
        &self,
        items: Vec<I>,
        work: impl Fn(I) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<Vec<Result<T, StorageError>>, StorageError> {
        let each = move || Ok(items.into_iter().map(work).collect::<Vec<_>>());
        let outcome = self.bounded(Box::new(each)).await;
        self.note(Access::Read, outcome.as_ref().is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok)));
        outcome
    }

    async fn noted<T: Send + 'static>(&self, access: Access, work: Work<T>) -> Result<T, StorageError> {
        let outcome = self.bounded(work).await;
        self.note(access, outcome.is_ok());
        outcome
    }

    fn note(&self, access: Access, worked: bool) {
        self.health.note(access, worked);
        self.telemetry.storage_up(self.health.is_up());
    }

    async fn bounded<T: Send + 'static>(&self, work: Work<T>) -> Result<T, StorageError> {
        let timed_out = StorageError::file("use the disk", &self.root);
        timeout(WITHIN, self.in_place(work)).await.unwrap_or_else(|_| Err(timed_out(io::ErrorKind::TimedOut.into())))
    }

    async fn in_place<T: Send + 'static>(&self, work: Work<T>) -> Result<T, StorageError> {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        // The wait ends with `true` or never: the sender lives as long as this disk.
        drop(self.hangs.subscribe().wait_for(|hangs| !hangs).await);
        let work = move || {
            let _place = place;
            work()
        };
        spawn_blocking(work).await.expect("file operations do not panic")
    }
}
