//! Withings' clock, by which every value ends: a host whose clock is hours off shows the same values as any other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::Clock;

/// How far the time of an answer may be from the believed time before a second answer must agree, seconds.
const JUMP: u64 = 3600;

/// The present time by Withings' clock: what the newest answer said, plus the monotonic time since. Before the first answer
/// it is the host's time. It is not stored: a restart hears it again with its first call. Cheap to clone; clones share one
/// time.
#[derive(Clone, Debug)]
pub struct ServerClock {
    host: Clock,
    told: Arc<Mutex<Told>>,
    jumps: watch::Sender<()>,
}

/// What answers have told about the time.
#[derive(Debug, Default)]
struct Told {
    believed: Option<ServerTime>,
    /// A time far from the believed one; it counts when the next answer agrees with it.
    doubted: Option<ServerTime>,
}

/// The time that an answer told, Unix seconds, and the moment at which it came.
#[derive(Clone, Copy, Debug)]
struct ServerTime {
    unix: i64,
    at: Instant,
}

impl ServerTime {
    fn now(self) -> i64 {
        self.unix.saturating_add(i64::try_from(self.at.elapsed().as_secs()).unwrap_or(i64::MAX))
    }

    fn is_near(self, unix: i64) -> bool {
        self.now().abs_diff(unix) <= JUMP
    }
}

impl ServerClock {
    /// A clock that follows `host` until the first answer is noted.
    #[must_use]
    pub fn new(host: Clock) -> Self {
        Self { host, told: Arc::default(), jumps: watch::channel(()).0 }
    }

    /// The present time, Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.believed(self.told().believed)
    }

    /// Takes the time of an answer with status 0, Unix seconds: at once if it is the first one or not far from the believed
    /// time, else when a second answer in a row agrees. One machine of Withings with a wrong clock then ends nobody's values.
    pub fn note(&self, unix: i64) {
        let answer = ServerTime { unix, at: Instant::now() };
        let mut told = self.told();
        let before = self.believed(told.believed);
        let is_believed =
            told.believed.is_none_or(|time| time.is_near(unix)) || told.doubted.is_some_and(|time| time.is_near(unix));
        *told = if is_believed {
            Told { believed: Some(answer), doubted: None }
        } else {
            Told { doubted: Some(answer), ..*told }
        };
        drop(told);
        if is_believed && before.abs_diff(unix) > JUMP {
            self.jumps.send_replace(());
        }
    }

    /// Tells of each jump by more than an hour: what is shown may have been judged by a wrong time.
    #[must_use]
    pub fn jumps(&self) -> watch::Receiver<()> {
        self.jumps.subscribe()
    }

    fn believed(&self, told: Option<ServerTime>) -> i64 {
        told.map_or_else(|| self.host.unix(), ServerTime::now)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use tokio::time::advance;

    use super::*;

    fn server_clock() -> (ServerClock, Clock) {
        let host = Clock::frozen(DateTime::from_timestamp(1_000_000, 0).unwrap());
        (ServerClock::new(host.clone()), host)
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_the_hosts_until_an_answer_says_otherwise_and_then_goes_on_by_itself() {
        let (time, host) = server_clock();
        assert_eq!(time.now(), 1_000_000);
        time.note(1_500_000);
        host.advance(Duration::from_hours(8));
        advance(Duration::from_secs(10)).await;
        assert_eq!(time.now(), 1_500_010);
        time.note(1_500_005);
        assert_eq!(time.now(), 1_500_005, "the newest answer counts");
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_counts_when_a_second_answer_agrees() {
        let (time, _host) = server_clock();
        let jumps = time.jumps();
        time.note(1_000_000);
        assert!(!jumps.has_changed().unwrap());
        for wrong in [9_000_000, 1_000_060, 9_000_000, 5_000_000] {
            time.note(wrong);
            assert!(time.now() < 1_001_000, "{wrong}");
        }
        assert!(!jumps.has_changed().unwrap());
        advance(Duration::from_mins(1)).await;
        time.note(5_000_060);
        assert_eq!(time.now(), 5_000_060);
        assert!(jumps.has_changed().unwrap());
    }
}
