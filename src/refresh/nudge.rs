//! What notifications ask of a refresher. However many come, what waits is small: calls to make sooner, and the bed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::bed::Bed;
use crate::catalogue::Call;
use crate::withings::notify::BedEvent;

/// How long notifications are gathered: one weigh-in makes several, and a flood makes one refresher's work.
const GATHER: Duration = Duration::from_secs(2);

/// Where notifications about one profile are left for its refresher. Cheap to clone; clones share what waits.
#[derive(Clone, Debug, Default)]
pub struct Nudges(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Nudge>,
    left: Notify,
}

/// Everything that was asked for since the refresher last looked.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    /// The calls that have news.
    pub(super) calls: BTreeSet<Call>,
    /// What happened in bed.
    pub(super) bed: Bed,
}

impl Nudge {
    fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.bed.is_empty()
    }
}

impl Nudges {
    /// Asks for `calls` to be made soon.
    pub fn ask(&self, calls: &[Call]) {
        self.waiting().calls.extend(calls);
        self.0.left.notify_one();
    }

    /// Says that somebody got into bed or out of it.
    pub fn tell(&self, event: BedEvent) {
        self.waiting().bed.note(event);
        self.0.left.notify_one();
    }

    /// Waits until there is something, gathers what else comes, and takes all of it. Giving up loses nothing.
    pub(super) async fn take(&self) -> Nudge {
        while self.waiting().is_empty() {
            self.0.left.notified().await;
        }
        sleep(GATHER).await;
        std::mem::take(&mut *self.waiting())
    }

    /// Forgets what waits: it is about another person.
    pub(super) fn clear(&self) {
        *self.waiting() = Nudge::default();
    }

    fn waiting(&self) -> MutexGuard<'_, Nudge> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
