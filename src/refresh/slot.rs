//! When profiles are refreshed: spread evenly over the interval, however many they are and whoever comes or goes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::schedule;
use crate::catalogue::Call;

/// The golden ratio without its one. Its multiples without their whole parts are spread evenly over 0 to 1, however many
/// there are; so a new profile moves nobody else.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Gives each profile a slot of its own.
#[derive(Debug)]
pub struct Slots {
    began: Instant,
    given: AtomicU32,
}

impl Slots {
    /// Intervals are counted from now.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), given: AtomicU32::new(0) }
    }

    /// A slot for one more profile.
    pub(super) fn take(&self) -> Slot {
        Slot { began: self.began, number: self.given.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}

/// When one profile is refreshed within each interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    began: Instant,
    number: u32,
}

impl Slot {
    /// The first time after `after` when `call` is made. Calls that are not made at each interval are spread over their
    /// longer ones as well.
    pub(super) fn next(self, call: Call, interval: Duration, after: Instant) -> Instant {
        let every = schedule::every(call, interval);
        let within = interval.mul_f64((f64::from(self.number) * GOLDEN).fract());
        let first = self.began + within + interval * (self.number % every);
        let Some(passed) = after.checked_duration_since(first) else { return first };
        let period = interval * every;
        let periods = u32::try_from(passed.as_nanos() / period.as_nanos().max(1)).unwrap_or(u32::MAX - 1) + 1;
        first + period * periods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    /// The times of a call within its period, in seconds and ascending, of so many profiles.
    fn spread(profiles: usize, call: Call) -> Vec<f64> {
        let slots = Slots::new();
        let times = (0..profiles).map(|_| slots.take().next(call, INTERVAL, slots.began) - slots.began);
        let mut times: Vec<_> = times.map(|it| it.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    #[test]
    fn any_number_of_profiles_is_spread_evenly() {
        for profiles in [2, 3, 10, 50, 137, 500] {
            for (call, period) in [(Call::Getmeas, 300.0), (Call::Getworkouts, 900.0), (Call::Getdevice, 3600.0)] {
                let times = spread(profiles, call);
                let fair = period / f64::from(u32::try_from(profiles).unwrap());
                let most = times.iter().map(|at| times.iter().filter(|it| (*at..at + 60.0).contains(it)).count()).max();
                let allowed = (60.0 / fair * 1.5).ceil() + 2.0;
                assert!(f64::from(u32::try_from(most.unwrap()).unwrap()) <= allowed, "{profiles} of {call}: {most:?}");
            }
        }
    }

    #[test]
    fn a_slot_comes_once_in_each_interval_and_all_calls_meet_in_it() {
        let slots = Slots::new();
        for slot in (0..20).map(|_| slots.take()) {
            let first = slot.next(Call::Getmeas, INTERVAL, slots.began);
            assert!(first > slots.began && first <= slots.began + INTERVAL);
            let second = slot.next(Call::Getmeas, INTERVAL, first);
            assert_eq!(second - first, INTERVAL);
            let hourly = slot.next(Call::Getdevice, INTERVAL, slots.began);
            assert_eq!(slot.next(Call::Getmeas, INTERVAL, hourly - INTERVAL), hourly);
        }
    }
}
