//! The limit of connections. When it is reached, the client that has asked nothing for the longest time makes room, so that
//! many that only connect do not keep the others out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::in_flight::InFlight;

/// How long a client that was told to make room may take, and how soon is looked again where none could.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A limited number of connections at one time.
pub(super) struct ConnectionLimit {
    free: Arc<Semaphore>,
    open: OpenConnections,
}

/// The right to one connection, given back when this is dropped.
pub(super) struct ConnectionPermit {
    /// The requests in flight on the connection.
    pub(super) in_flight: InFlight,
    open: OpenConnections,
    _permit: OwnedSemaphorePermit,
}

/// The requests in flight on each open connection.
#[derive(Clone, Default)]
struct OpenConnections(Arc<Mutex<Vec<InFlight>>>);

impl ConnectionLimit {
    pub(super) fn new(connections: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(connections)), open: OpenConnections::default() }
    }

    /// The right to a connection, as soon as there is one. Cancel safe.
    pub(super) async fn acquire(&self) -> ConnectionPermit {
        // One wait for the permit through all looks: a new one each time would lose its place in the line.
        let mut permit = std::pin::pin!(Arc::clone(&self.free).acquire_owned());
        let mut wait = Duration::ZERO;
        let permit = loop {
            match timeout(wait, &mut permit).await {
                Ok(permit) => break permit.expect("nobody closes this semaphore"),
                Err(_) => self.open.make_room(),
            }
            wait = LOOK_AGAIN;
        };
        let permit = ConnectionPermit { in_flight: InFlight::none(), open: self.open.clone(), _permit: permit };
        permit.open.lock().push(permit.in_flight.clone());
        permit
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.open.lock().retain(|in_flight| !in_flight.is(&self.in_flight));
    }
}

impl OpenConnections {
    fn make_room(&self) {
        let open = self.lock();
        let silent = open.iter().filter_map(|in_flight| Some((in_flight.silent_since()?, in_flight)));
        if let Some((_, longest)) = silent.min_by_key(|(since, _)| *since) {
            longest.cut();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InFlight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_silent_makes_room_and_one_that_is_served_does_not() {
        let limit = ConnectionLimit::new(3);
        let (served, silent, newest) = (limit.acquire().await, limit.acquire().await, limit.acquire().await);
        let request = served.in_flight.begin();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(newest.in_flight.begin());
        let (cut, next) = tokio::join!(
            async {
                silent.in_flight.is_cut().await;
                drop(silent);
            },
            limit.acquire()
        );
        let ((), _served) = (cut, next.in_flight.begin());
        let waits = limit.acquire();
        tokio::pin!(waits);
        assert!(timeout(Duration::from_millis(50), &mut waits).await.is_err(), "the connection is still open");
        newest.in_flight.is_cut().await;
        drop(newest);
        drop((waits.await, request));
    }
}
