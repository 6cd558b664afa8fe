//! Calls per minute for the whole application: evenly spaced, without a burst, the urgent ones first.
//!
//! Withings counts 120 requests a minute for an application, all people together. Spacing starts with the program, so
//! that a loop of restarts cannot exceed the budget either. An own 200 lines rather than a rate-limiting crate, because
//! those have clocks of their own that a paused tokio clock does not move.

mod queue;
mod rate;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use queue::Queue;
use rate::{Meter, Spacing};

/// Hands out permits to call. Cheap to clone; clones share the budget.
#[derive(Clone, Debug)]
pub struct Pace {
    asks: mpsc::UnboundedSender<Ask>,
    paused_until: watch::Sender<Instant>,
    spacing: watch::Sender<Spacing>,
}

/// How urgent a call is, the most urgent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// A code exchange: the code lives 30 seconds.
    Exchange,
    /// A token refresh: other calls wait for it.
    Refresh,
    /// A page of data for this profile, which somebody has just logged in and waits for: as long as there are any, they
    /// are every second page of data.
    First(Arc<str>),
    /// A page of data for this profile: profiles take turns.
    Data(Arc<str>),
}

#[derive(Debug)]
struct Ask {
    class: Class,
    grant: oneshot::Sender<()>,
}

impl Pace {
    /// A budget of `per_minute` calls in any 60 seconds, at least 1. From 2 on, a code exchange need not wait, unless the
    /// program has just started or there was another one in the last minute. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let (asks, waiting) = mpsc::unbounded_channel();
        let (paused_until, paused) = watch::channel(Instant::now());
        let (spacing, spaced) = watch::channel(Spacing::of(per_minute));
        tokio::spawn(dispatch(waiting, paused, spaced));
        Self { asks, paused_until, spacing }
    }

    /// Changes the budget to `per_minute` calls, at least 1, from the next call on.
    pub fn set_rate(&self, per_minute: u32) {
        let new = Spacing::of(per_minute);
        self.spacing.send_if_modified(|it| std::mem::replace(it, new) != new);
    }

    /// Waits for the right to make one call. Giving up waiting costs nothing.
    pub async fn permit(&self, class: Class) {
        let (grant, granted) = oneshot::channel();
        // The dispatcher ends only with the runtime; then nothing is called any more.
        if self.asks.send(Ask { class, grant }).is_ok() {
            granted.await.ok();
        }
    }

    /// Lets nothing pass for `duration` from now, or longer if a longer pause is on.
    pub fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        self.paused_until.send_if_modified(|at| {
            let later = until > *at;
            *at = until.max(*at);
            later
        });
    }

    /// How much longer the pause lasts; `None` if there is none.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        let left = self.paused_until.borrow().saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

async fn dispatch(
    mut asks: mpsc::UnboundedReceiver<Ask>,
    mut paused: watch::Receiver<Instant>,
    mut spacing: watch::Receiver<Spacing>,
) {
    let mut queue = Queue::default();
    let mut meter = Meter::start(*spacing.borrow_and_update(), Instant::now());
    loop {
        if queue.is_empty() {
            let Some(ask) = asks.recv().await else { return };
            queue.push(ask);
        }
        meter.set_spacing(*spacing.borrow_and_update(), Instant::now());
        let at = meter.earliest(queue.has_exchange()).max(*paused.borrow_and_update());
        tokio::select! {
            biased;
            Some(ask) = asks.recv() => queue.push(ask),
            Ok(()) = paused.changed() => {}
            Ok(()) = spacing.changed() => {}
            () = sleep_until(at) => {
                let now = Instant::now();
                // Who asked for an exchange may have gone: its time is nobody else's.
                if queue.grant(now < meter.earliest(false)) {
                    meter.note(now);
                }
            }
        }
    }
}
