//! What goes on on a connection: one that has nothing to do is closed, or makes room for another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// The requests in work on one connection. Nobody is woken by them: every scrape begins and ends one.
#[derive(Clone)]
pub(super) struct Work(Arc<Inner>);

/// A request in work, until this is dropped.
pub(super) struct Request(Work);

struct Inner {
    state: Mutex<State>,
    cut: Notify,
}

struct State {
    requests: usize,
    /// When a request last began or ended.
    since: Instant,
    is_cut: bool,
}

impl Work {
    pub(super) fn none() -> Self {
        let state = State { requests: 0, since: Instant::now(), is_cut: false };
        Self(Arc::new(Inner { state: Mutex::new(state), cut: Notify::new() }))
    }

    /// One request more.
    pub(super) fn begin(&self) -> Request {
        let mut state = self.state();
        state.requests += 1;
        state.since = Instant::now();
        Request(self.clone())
    }

    /// Waits until there was none for so long.
    pub(super) async fn rested(&self, time: Duration) {
        loop {
            match self.rests_since() {
                Some(since) if since.elapsed() >= time => return,
                Some(since) => sleep_until(since + time).await,
                // It does not rest for so long sooner than this.
                None => sleep(time).await,
            }
        }
    }

    /// Since when there is none; `None` where there is one, or where it was [cut](Self::cut).
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.rests_since().filter(|_| !self.state().is_cut)
    }

    /// Asks for the end of the connection.
    pub(super) fn cut(&self) {
        self.state().is_cut = true;
        self.0.cut.notify_one();
    }

    /// Waits until somebody asked for the end. For one who waits.
    pub(super) async fn is_cut(&self) {
        self.0.cut.notified().await;
    }

    /// Whether both are of one connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn rests_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.requests == 0).then_some(state.since)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rest_begins_with_the_end_of_the_last_request() {
        let (work, begun) = (Work::none(), Instant::now());
        let other = work.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(15)).await;
                let _requests = (other.begin(), other.begin());
                sleep(Duration::from_mins(1)).await;
            }
        });
        work.rested(Duration::from_secs(20)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3 * 75 + 20));
    }
}
