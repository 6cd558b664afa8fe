//! The pause before something that failed is tried again: one pure function.

use std::time::Duration;

/// The pause after the `failures`-th failure in a row, at least the first.
///
/// It begins with `first` and doubles up to `longest`. `jitter`, from 0 to 1, makes it up to half as long again, so that
/// profiles and replicas that failed together do not try again together.
#[must_use]
pub fn backoff(first: Duration, longest: Duration, failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    first.saturating_mul(2_u32.pow(doublings)).min(longest).mul_f64(1.0 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread() {
        let check = |failures, jitter, seconds| {
            let pause = backoff(Duration::from_secs(1), Duration::from_mins(1), failures, jitter);
            assert_eq!(pause, Duration::from_secs_f64(seconds), "{failures} failures, jitter {jitter}");
        };
        check(1, 0.0, 1.0);
        check(1, 1.0, 1.5);
        check(4, 0.0, 8.0);
        check(9, 0.5, 75.0);
        check(u32::MAX, 0.0, 60.0);
    }
}
