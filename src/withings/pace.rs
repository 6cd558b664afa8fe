//! Calls per minute for the whole application: evenly spaced, without a burst, the urgent ones first.
//!
//! Withings counts 120 requests a minute for an application, all people together. Spacing starts with the program, so
//! that a loop of restarts cannot exceed the budget either. An own 150 lines rather than a rate-limiting crate, because
//! those have clocks of their own that a paused tokio clock does not move.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// Hands out permits to call. Cheap to clone; clones share the budget.
#[derive(Clone, Debug)]
pub struct Pace {
    asks: mpsc::UnboundedSender<Ask>,
    paused_until: watch::Sender<Instant>,
    spacing: watch::Sender<Duration>,
}

/// How urgent a call is, the most urgent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// A code exchange: the code lives 30 seconds.
    Exchange,
    /// A token refresh: other calls wait for it.
    Refresh,
    /// A page of data for this profile: profiles take turns.
    Data(Arc<str>),
}

#[derive(Debug)]
struct Ask {
    class: Class,
    grant: oneshot::Sender<()>,
}

impl Pace {
    /// A budget of `per_minute` calls in any 60 seconds, at least 1. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let (asks, waiting) = mpsc::unbounded_channel();
        let (paused_until, paused) = watch::channel(Instant::now());
        let (spacing, spaced) = watch::channel(spacing_of(per_minute));
        tokio::spawn(dispatch(waiting, paused, spaced));
        Self { asks, paused_until, spacing }
    }

    /// Changes the budget to `per_minute` calls, at least 1, from the next call on.
    pub fn set_rate(&self, per_minute: u32) {
        let new = spacing_of(per_minute);
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

/// The time between two calls. One millisecond more than the division says, so that a window of 60 s that begins and
/// ends with a call does not hold one too many.
fn spacing_of(per_minute: u32) -> Duration {
    Duration::from_mins(1) / per_minute.max(1) + Duration::from_millis(1)
}

async fn dispatch(
    mut asks: mpsc::UnboundedReceiver<Ask>,
    mut paused: watch::Receiver<Instant>,
    mut spacing: watch::Receiver<Duration>,
) {
    let mut queue = Queue::default();
    let mut granted_at = Instant::now();
    loop {
        if queue.is_empty() {
            let Some(ask) = asks.recv().await else { return };
            queue.push(ask);
        }
        let at = (granted_at + *spacing.borrow_and_update()).max(*paused.borrow_and_update());
        tokio::select! {
            biased;
            Some(ask) = asks.recv() => queue.push(ask),
            Ok(()) = paused.changed() => {}
            Ok(()) = spacing.changed() => {}
            () = sleep_until(at) => if queue.grant() {
                granted_at = Instant::now();
            }
        }
    }
}

/// Who waits.
#[derive(Default)]
struct Queue {
    urgent: VecDeque<Ask>,
    refreshes: VecDeque<Ask>,
    data: VecDeque<Ask>,
    /// When each profile was last served, as a count of grants.
    served: HashMap<Arc<str>, u64>,
    grants: u64,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.refreshes.is_empty() && self.data.is_empty()
    }

    fn push(&mut self, ask: Ask) {
        match ask.class {
            Class::Exchange => self.urgent.push_back(ask),
            Class::Refresh => self.refreshes.push_back(ask),
            Class::Data(_) => self.data.push_back(ask),
        }
    }

    /// Lets the next one pass; false if all who waited have given up.
    fn grant(&mut self) -> bool {
        while let Some(ask) = self.pop() {
            if ask.grant.send(()).is_ok() {
                self.grants += 1;
                if let Class::Data(profile) = ask.class {
                    self.served.insert(profile, self.grants);
                }
                return true;
            }
        }
        false
    }

    fn pop(&mut self) -> Option<Ask> {
        self.urgent.pop_front().or_else(|| self.refreshes.pop_front()).or_else(|| self.pop_data())
    }

    /// Round robin: the profile that has waited longest since it was served, then the order of asking.
    fn pop_data(&mut self) -> Option<Ask> {
        let served = |ask: &Ask| match &ask.class {
            Class::Data(profile) => self.served.get(profile).copied().unwrap_or(0),
            Class::Exchange | Class::Refresh => 0,
        };
        let (index, _) = self.data.iter().enumerate().min_by_key(|(_, ask)| served(ask))?;
        self.data.remove(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The milliseconds after the start at which `calls`, asked for all at once, are let pass, with their names.
    async fn order(pace: &Pace, calls: Vec<(&'static str, Class)>) -> Vec<(u128, &'static str)> {
        let start = Instant::now();
        let (done, mut passed) = mpsc::unbounded_channel();
        for (name, class) in calls {
            let (pace, done) = (pace.clone(), done.clone());
            tokio::spawn(async move {
                pace.permit(class).await;
                done.send((start.elapsed().as_millis(), name)).unwrap();
            });
        }
        drop(done);
        let mut all = Vec::new();
        while let Some(it) = passed.recv().await {
            all.push(it);
        }
        all
    }

    fn data(profile: &str) -> Class {
        Class::Data(profile.into())
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_of_a_minute_has_more_calls_than_allowed() {
        let pace = Pace::new(100);
        let passed = order(&pace, (0..500).map(|_| ("x", data("Alice"))).collect()).await;
        let times: Vec<_> = passed.into_iter().map(|(at, _)| at).collect();
        for (first, at) in times.iter().enumerate() {
            let window = times[first..].iter().filter(|it| **it <= at + 60_000).count();
            assert!(window <= 100, "{window} calls in the minute from {at} ms");
        }
        assert!(times[0] >= 600, "a restart must not grant a call at once");
        assert!(times[499] <= 500 * 602, "the budget is not used: {} ms", times[499]);
    }

    #[tokio::test(start_paused = true)]
    async fn exchanges_go_first_then_refreshes_then_profiles_take_turns() {
        let pace = Pace::new(60);
        let calls = vec![
            ("alice 1", data("Alice")),
            ("alice 2", data("Alice")),
            ("alice 3", data("Alice")),
            ("bob 1", data("Bob")),
            ("refresh", Class::Refresh),
            ("exchange", Class::Exchange),
        ];
        let names: Vec<_> = order(&pace, calls).await.into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["exchange", "refresh", "alice 1", "bob 1", "alice 2", "alice 3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_stops_everything_and_a_shorter_one_does_not_end_it() {
        let pace = Pace::new(60);
        pace.pause(Duration::from_secs(68));
        pace.pause(Duration::from_secs(10));
        assert_eq!(pace.paused_for(), Some(Duration::from_secs(68)));
        let passed = order(&pace, vec![("call", Class::Exchange)]).await;
        assert!(passed[0].0 >= 68_000, "{passed:?}");
        assert_eq!(pace.paused_for(), None);
    }

    /// The milliseconds at which calls pass while the rate changes and the program restarts at random.
    async fn calls_through(changes: &mut fastrand::Rng, rates: &[u32]) -> Vec<u128> {
        let (start, mut passed) = (Instant::now(), Vec::new());
        let mut pace = Pace::new(rates[0]);
        for _ in 0..40 {
            let rate = rates[changes.usize(..rates.len())];
            if changes.bool() {
                pace = Pace::new(rate);
            } else {
                pace.set_rate(rate);
            }
            let until = Instant::now() + Duration::from_millis(changes.u64(..90_000));
            while tokio::time::timeout_at(until, pace.permit(data("Alice"))).await.is_ok() {
                passed.push(start.elapsed().as_millis());
            }
        }
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn neither_reloads_nor_restarts_make_room_for_more_calls() {
        for seed in 0..20 {
            let times = calls_through(&mut fastrand::Rng::with_seed(seed), &[1, 7, 60, 100]).await;
            for (first, at) in times.iter().enumerate() {
                let window = times[first..].iter().filter(|it| **it <= at + 60_000).count();
                assert!(window <= 100, "{window} calls in the minute from {at} ms, seed {seed}");
            }
            assert!(times.len() > 100, "{} calls, seed {seed}", times.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_rate_holds_from_its_first_call_on() {
        let pace = Pace::new(100);
        order(&pace, vec![("before", data("Alice"))]).await;
        pace.set_rate(6);
        let passed = order(&pace, vec![("slow", data("Alice")), ("slow", data("Alice"))]).await;
        assert_eq!(passed, [(10_001, "slow"), (20_002, "slow")]);
        pace.set_rate(60);
        let passed = order(&pace, vec![("fast", data("Alice"))]).await;
        assert_eq!(passed, [(1001, "fast")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_rate_counts_from_the_next_call_on() {
        let pace = Pace::new(60);
        order(&pace, vec![("before", data("Alice"))]).await;
        pace.set_rate(30);
        let passed = order(&pace, vec![("slow", data("Alice")), ("slow", data("Alice"))]).await;
        assert_eq!(passed, [(2001, "slow"), (4002, "slow")]);
        let hurried = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            pace.set_rate(60);
        };
        let (passed, ()) = tokio::join!(order(&pace, vec![("fast", data("Alice"))]), hurried);
        assert_eq!(passed, [(1001, "fast")], "who waits already is let pass sooner");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_costs_no_turn() {
        let pace = Pace::new(60);
        let given_up = tokio::time::timeout(Duration::from_millis(1), pace.permit(data("Alice"))).await;
        assert!(given_up.is_err());
        let passed = order(&pace, vec![("call", data("Bob"))]).await;
        assert!(passed[0].0 <= 1002, "{passed:?}");
    }
}
