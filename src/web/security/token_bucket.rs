//! The rate limit: a token bucket for the requests of all clients together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::web::RateLimit;

/// A token bucket, full at first. The tokens that it lacks are kept as the time at which it is full again, so that nothing
/// has to fill it.
pub(super) struct TokenBucket {
    limit: RateLimit,
    full_at: Mutex<Instant>,
}

impl TokenBucket {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Mutex::new(Instant::now()) }
    }

    /// Takes a token; false if there is none.
    pub(super) fn take(&self) -> bool {
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
        let bucket = TokenBucket::new(RateLimit { interval: Duration::from_secs(1), burst: 3 });
        let taken = || (0..10).filter(|_| bucket.take()).count();
        assert_eq!(taken(), 3);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(taken(), 1);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(taken(), 1);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(taken(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_interval_is_no_trouble() {
        let bucket = TokenBucket::new(RateLimit { interval: Duration::MAX, burst: 1 });
        assert!(bucket.take());
        assert!(!bucket.take());
    }
}
