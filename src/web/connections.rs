//! The places for connections, over all listeners. When all are taken, a client that only waits makes room: many that connect and
//! send little, or take nothing, do not keep the others out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::activity::Activity;

/// Connections at one time where the process may open enough files.
const MOST: usize = 512;

/// How many files are left to storage, to Withings and to the program itself: six operations of storage with two files each,
/// requests of eight workers and of logins, listeners, timers.
const RESERVED_FILES: u64 = 64;

/// How long a client that was told to make room may take, and how soon is looked again where none could.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The places. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Connections(Arc<Places>);

struct Places {
    free: Arc<Semaphore>,
    /// What each open connection is doing.
    open: Mutex<Vec<Activity>>,
}

/// The place of one connection, given back when this is dropped.
pub(super) struct Place {
    pub(super) activity: Activity,
    connections: Connections,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// So many places.
    #[must_use]
    pub fn at_most(connections: usize) -> Self {
        Self(Arc::new(Places { free: Arc::new(Semaphore::new(connections)), open: Mutex::default() }))
    }

    /// 512 places, or as many as leave 64 of the files that the process may open to everything else; half of these where there
    /// are few.
    #[must_use]
    pub fn of_process_with(open_files: u64) -> Self {
        let left = open_files.saturating_sub(RESERVED_FILES).max(open_files / 2);
        Self::at_most(usize::try_from(left).unwrap_or(MOST).min(MOST))
    }

    /// A place, as soon as there is one. Cancel safe.
    pub(super) async fn place(&self) -> Place {
        // One wait for the permit through all looks: a new one each time would lose its place in the line.
        let mut permit = std::pin::pin!(Arc::clone(&self.0.free).acquire_owned());
        let mut wait = Duration::ZERO;
        let permit = loop {
            match timeout(wait, &mut permit).await {
                Ok(permit) => break permit.expect("nobody closes this semaphore"),
                Err(_) => self.make_room(),
            }
            wait = LOOK_AGAIN;
        };
        let activity = Activity::beginning();
        self.open().push(activity.clone());
        Place { activity, connections: self.clone(), _permit: permit }
    }

    /// Cuts the connection that can best be done without: by what it waits for, then by how long.
    fn make_room(&self) {
        let open = self.open();
        let waiting = open.iter().filter_map(|activity| Some((activity.waits_for()?, activity)));
        if let Some((_, first)) = waiting.min_by_key(|(waits_for, _)| *waits_for) {
            first.cut();
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<Activity>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().retain(|activity| !activity.is(&self.activity));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// A place of a connection that has had its first request answered.
    async fn used(connections: &Connections) -> Place {
        let place = connections.place().await;
        drop(place.activity.begin_request());
        place
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_request_goes_first_then_who_takes_nothing_and_an_idle_client_last() {
        let connections = Connections::at_most(4);
        let idle = used(&connections).await;
        let stalled = used(&connections).await;
        stalled.activity.note_blocked(true);
        let served = used(&connections).await;
        let _request = served.activity.begin_request();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let half_sent = used(&connections).await;
        half_sent.activity.note_bytes();
        for (expected, place) in [("half-sent", half_sent), ("stalled", stalled), ("idle", idle)] {
            let (next, ()) = tokio::join!(connections.place(), async {
                let cut = timeout(Duration::from_mins(1), place.activity.is_cut()).await;
                assert!(cut.is_ok(), "{expected} has not made room");
                drop(place);
            });
            // Who has come is served from now on.
            std::mem::forget(next.activity.begin_request());
            std::mem::forget(next);
        }
        assert!(timeout(Duration::from_mins(1), connections.place()).await.is_err(), "everybody is served");
        assert!(served.activity.is_cut().now_or_never().is_none());
    }

    #[test]
    fn files_are_left_to_everything_else() {
        let places = |files| Connections::of_process_with(files).0.free.available_permits();
        assert_eq!([u64::MAX, 1024, 256, 100, 1].map(places), [512, 512, 192, 50, 0]);
    }
}
