//! The requests in flight on a connection: one that has none is closed after a while, or makes room for another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// The requests in flight on one connection. Nothing is woken when one begins or ends, for every scrape is one.
#[derive(Clone)]
pub(super) struct InFlight(Arc<Shared>);

/// A request in flight, until this is dropped.
pub(super) struct RequestInFlight(InFlight);

struct Shared {
    count: Mutex<Count>,
    cut: Notify,
}

struct Count {
    requests: usize,
    /// When a request last began or ended.
    since: Instant,
    is_cut: bool,
}

impl InFlight {
    pub(super) fn none() -> Self {
        let count = Count { requests: 0, since: Instant::now(), is_cut: false };
        Self(Arc::new(Shared { count: Mutex::new(count), cut: Notify::new() }))
    }

    /// One request more.
    pub(super) fn begin(&self) -> RequestInFlight {
        let mut count = self.count();
        count.requests += 1;
        count.since = Instant::now();
        RequestInFlight(self.clone())
    }

    /// Waits until there was none for this long.
    pub(super) async fn rested(&self, time: Duration) {
        loop {
            match self.rests_since() {
                Some(since) if since.elapsed() >= time => return,
                Some(since) => sleep_until(since + time).await,
                // It does not rest for that long sooner than this.
                None => sleep(time).await,
            }
        }
    }

    /// Since when there is none; `None` where there is one, or where the connection was [cut](Self::cut).
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.rests_since().filter(|_| !self.count().is_cut)
    }

    /// Asks for the end of the connection.
    pub(super) fn cut(&self) {
        self.count().is_cut = true;
        self.0.cut.notify_one();
    }

    /// Waits until the end of the connection was asked for. Only one task may wait.
    pub(super) async fn is_cut(&self) {
        self.0.cut.notified().await;
    }

    /// Whether both are of one connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn rests_since(&self) -> Option<Instant> {
        let count = self.count();
        (count.requests == 0).then_some(count.since)
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        let mut count = self.0.count();
        count.requests -= 1;
        count.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rest_begins_with_the_end_of_the_last_request() {
        let (in_flight, begun) = (InFlight::none(), Instant::now());
        let other = in_flight.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(15)).await;
                let _requests = (other.begin(), other.begin());
                sleep(Duration::from_mins(1)).await;
            }
        });
        in_flight.rested(Duration::from_secs(20)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3 * 75 + 20));
    }
}
