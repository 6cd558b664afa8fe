//! The wall clock, given everywhere as a value, so that a test can set it.

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use server::ServerClock;

/// A source of the present time, in UTC. Cheap to clone; clones share one time.
///
/// Durations (time-outs, pauses, spacing) are measured with `tokio::time` and not with this clock, which may be set.
#[derive(Clone, Debug)]
pub struct Clock(TimeSource);

#[derive(Clone, Debug)]
enum TimeSource {
    System,
    Set(Arc<AtomicI64>),
    Running { origin: tokio::time::Instant, at: DateTime<Utc>, shift_ms: Arc<AtomicI64> },
}

impl Clock {
    /// The host's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(TimeSource::System)
    }

    /// A clock that stands at `at` (whole milliseconds) until [`Clock::advance`] moves it.
    #[must_use]
    pub fn frozen(at: DateTime<Utc>) -> Self {
        Self(TimeSource::Set(Arc::new(AtomicI64::new(at.timestamp_millis()))))
    }

    /// A clock that reads `at` now and follows tokio's time from here, which a paused runtime moves by itself.
    #[must_use]
    pub fn following_tokio(at: DateTime<Utc>) -> Self {
        Self(TimeSource::Running { origin: tokio::time::Instant::now(), at, shift_ms: Arc::default() })
    }

    /// The present time, UTC.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[allow(clippy::disallowed_methods, reason = "the one place that reads the host's clock")]
            TimeSource::System => Utc::now(),
            TimeSource::Set(ms) => from_millis(ms.load(Ordering::SeqCst)),
            TimeSource::Running { origin, at, shift_ms } => {
                *at + origin.elapsed() + TimeDelta::milliseconds(shift_ms.load(Ordering::SeqCst))
            }
        }
    }

    /// The present time in whole seconds since the Unix epoch.
    #[must_use]
    pub fn unix(&self) -> i64 {
        self.now().timestamp()
    }

    /// The present time in whole milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        self.now().timestamp_millis()
    }

    /// Moves the clock and all its clones forward by `by`. The host's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        self.shift(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Sets the clock and all its clones back by `by`, as NTP does with a clock that was ahead. The host's clock stays as it is.
    pub fn set_back(&self, by: Duration) {
        self.shift(-i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    fn shift(&self, ms: i64) {
        match &self.0 {
            TimeSource::System => {}
            TimeSource::Set(shift) | TimeSource::Running { shift_ms: shift, .. } => {
                shift.fetch_add(ms, Ordering::SeqCst);
            }
        }
    }
}

fn from_millis(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told_and_clones_agree() {
        let clock = Clock::frozen(DateTime::UNIX_EPOCH);
        let twin = clock.clone();
        assert_eq!(clock.unix(), 0);
        clock.advance(Duration::from_secs(90));
        assert_eq!(twin.unix(), 90);
    }

    #[tokio::test(start_paused = true)]
    async fn a_following_clock_moves_with_paused_time() {
        let clock = Clock::following_tokio(DateTime::UNIX_EPOCH);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(clock.unix(), 3600);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.unix(), 3605);
    }
}
