//! What goes on on a connection: one that has nothing to do is closed, or makes room for another one.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The requests in work on one connection.
#[derive(Clone)]
pub(super) struct Work(watch::Sender<State>);

/// A request in work, until this is dropped.
pub(super) struct Request(watch::Sender<State>);

struct State {
    requests: usize,
    /// When a request last began or ended.
    since: Instant,
    is_cut: bool,
}

impl Work {
    pub(super) fn none() -> Self {
        Self(watch::Sender::new(State { requests: 0, since: Instant::now(), is_cut: false }))
    }

    /// One request more.
    pub(super) fn begin(&self) -> Request {
        self.0.send_modify(|it| {
            it.requests += 1;
            it.since = Instant::now();
        });
        Request(self.0.clone())
    }

    /// Waits until there was none for so long.
    pub(super) async fn rested(&self, time: Duration) {
        let mut state = self.0.subscribe();
        loop {
            let changed = if state.borrow_and_update().requests > 0 {
                Ok(state.changed().await)
            } else {
                tokio::time::timeout(time, state.changed()).await
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Since when there is none; `None` where there is one, or where it was [cut](Self::cut).
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let state = self.0.borrow();
        (state.requests == 0 && !state.is_cut).then_some(state.since)
    }

    /// Asks for the end of the connection.
    pub(super) fn cut(&self) {
        self.0.send_modify(|it| it.is_cut = true);
    }

    /// Waits until somebody asked for the end.
    pub(super) async fn is_cut(&self) {
        // Fails when the sender is gone, and this is one.
        let _ = self.0.subscribe().wait_for(|it| it.is_cut).await;
    }

    /// Whether both are of one connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|it| {
            it.requests -= 1;
            it.since = Instant::now();
        });
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
                tokio::time::sleep(Duration::from_secs(15)).await;
                let _requests = (other.begin(), other.begin());
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
        });
        work.rested(Duration::from_secs(20)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3 * 75 + 20));
    }
}
