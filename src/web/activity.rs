//! What a connection is doing: working for its client, or waiting for it, and for what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// What one connection is doing. Cheap to clone; nothing is woken when a request begins or ends, for every scrape is one.
#[derive(Clone)]
pub(super) struct Activity(Arc<Shared>);

/// A request in work, until this is dropped.
pub(super) struct RequestInWork(Activity);

/// A body that is waited for, until this is dropped.
pub(super) struct BodyAwaited(Activity);

/// What a connection waits for that does nothing but wait for its client. The first makes room first: who has sent half a request
/// has no answer to lose, and a client between two requests does no harm and will come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WaitsFor {
    /// The rest of a request, or of the beginning of a connection.
    RestOfRequest,
    /// That the client takes its response.
    TakingOfResponse,
    /// The next request.
    NextRequest,
}

struct Shared {
    state: Mutex<State>,
    cut: Notify,
}

struct State {
    requests: usize,
    /// How many of the requests wait for their bodies.
    bodies: usize,
    /// When a request began or ended last.
    since: Instant,
    /// Since when there is a part of a request.
    half_sent_since: Option<Instant>,
    /// Since when the client takes nothing that it is sent.
    blocked_since: Option<Instant>,
    is_cut: bool,
}

impl Activity {
    /// The activity of a connection that begins.
    pub(super) fn beginning() -> Self {
        let now = Instant::now();
        let state = State {
            requests: 0,
            bodies: 0,
            since: now,
            half_sent_since: Some(now),
            blocked_since: None,
            is_cut: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), cut: Notify::new() }))
    }

    /// One request more that came whole, but for its body.
    pub(super) fn begin_request(&self) -> RequestInWork {
        let mut state = self.state();
        state.requests += 1;
        (state.since, state.half_sent_since) = (Instant::now(), None);
        RequestInWork(self.clone())
    }

    /// A request in work waits for its body.
    pub(super) fn await_body(&self) -> BodyAwaited {
        self.state().bodies += 1;
        BodyAwaited(self.clone())
    }

    /// Notes that bytes have come: those of a request, where there is none in work.
    pub(super) fn note_bytes(&self) {
        let mut state = self.state();
        if state.requests == 0 {
            state.half_sent_since.get_or_insert_with(Instant::now);
        }
    }

    /// Notes that the client has begun or ended to take nothing.
    pub(super) fn note_blocked(&self, is_blocked: bool) {
        self.state().blocked_since = is_blocked.then(Instant::now);
    }

    /// What it waits for, and since when; `None` where the program works for the client, and where its end was asked for.
    pub(super) fn waits_for(&self) -> Option<(WaitsFor, Instant)> {
        let state = self.state();
        if state.is_cut {
            None
        } else if let Some(since) = state.blocked_since {
            Some((WaitsFor::TakingOfResponse, since))
        } else if state.requests > state.bodies {
            None
        } else if state.requests > 0 {
            Some((WaitsFor::RestOfRequest, state.since))
        } else if let Some(since) = state.half_sent_since {
            Some((WaitsFor::RestOfRequest, since))
        } else {
            Some((WaitsFor::NextRequest, state.since))
        }
    }

    /// Waits until there was no request for this long.
    pub(super) async fn rested(&self, time: Duration) {
        loop {
            let rests_since = {
                let state = self.state();
                (state.requests == 0).then_some(state.since)
            };
            match rests_since {
                Some(since) if since.elapsed() >= time => return,
                Some(since) => sleep_until(since + time).await,
                // It does not rest for that long sooner than this.
                None => sleep(time).await,
            }
        }
    }

    /// Asks for the end of the connection.
    pub(super) fn cut(&self) {
        self.state().is_cut = true;
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestInWork {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.since = Instant::now();
    }
}

impl Drop for BodyAwaited {
    fn drop(&mut self) {
        self.0.state().bodies -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rest_begins_with_the_end_of_the_last_request() {
        let (activity, begun) = (Activity::beginning(), Instant::now());
        let other = activity.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(15)).await;
                let _requests = (other.begin_request(), other.begin_request());
                sleep(Duration::from_mins(1)).await;
            }
        });
        activity.rested(Duration::from_secs(20)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3 * 75 + 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_waits_for_its_client_or_works_for_it() {
        let activity = Activity::beginning();
        let check = |expected: Option<WaitsFor>| assert_eq!(activity.waits_for().map(|(what, _)| what), expected);
        check(Some(WaitsFor::RestOfRequest));
        let request = activity.begin_request();
        check(None);
        let body = activity.await_body();
        check(Some(WaitsFor::RestOfRequest));
        drop(body);
        activity.note_bytes();
        check(None);
        activity.note_blocked(true);
        check(Some(WaitsFor::TakingOfResponse));
        activity.note_blocked(false);
        drop(request);
        check(Some(WaitsFor::NextRequest));
        activity.note_bytes();
        check(Some(WaitsFor::RestOfRequest));
        activity.cut();
        check(None);
    }
}
