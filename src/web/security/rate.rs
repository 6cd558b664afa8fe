//! The rate limit: a token bucket for the requests of all clients together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::web::RateLimit;

/// A bucket, full at first. What it lacks is kept as the time at which it is full again.
pub(super) struct Limiter {
    limit: RateLimit,
    full_at: Mutex<Instant>,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Mutex::new(Instant::now()) }
    }

    /// Takes a token, if there is one.
    pub(super) fn admit(&self) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let lacking = full_at.saturating_duration_since(now);
        let capacity = self.limit.interval.saturating_mul(self.limit.burst - 1);
        if lacking > capacity {
            return false;
        }
        // An interval beyond the clock's reach never ends.
        *full_at = now.checked_add(lacking + self.limit.interval).unwrap_or(now + Duration::from_hours(24 * 365));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_in_and_then_one_for_each_interval() {
        let limiter = Limiter::new(RateLimit { interval: Duration::from_secs(1), burst: 3 });
        let admitted = || (0..10).filter(|_| limiter.admit()).count();
        assert_eq!(admitted(), 3);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(admitted(), 1);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(admitted(), 1);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(admitted(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_interval_is_no_trouble() {
        let limiter = Limiter::new(RateLimit { interval: Duration::MAX, burst: 1 });
        assert!(limiter.admit());
        assert!(!limiter.admit());
    }
}
