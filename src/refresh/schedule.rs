//! When a call is made: its period, and the stagger of the profiles over the interval. Pure functions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::catalogue::Call;
use crate::webhooks::CHECK_EVERY;

/// The period of calls for what changes slowly.
const HOUR: Duration = Duration::from_hours(1);

/// The longest pause after a failure: a login that Withings refuses is tried again after 6 hours.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// How long the call for devices waits after a new login. The page that ends the login asks for the devices within 10 s, to say
/// whose login it is, and Withings refuses the identical call for another 10 s.
const DEVICES_AFTER_LOGIN: Duration = Duration::from_secs(30);

/// How much too early replicas may be in what they take for the same moment: a due time is stored in whole seconds, and each
/// hears the database's clock from another distance.
const LEEWAY: Duration = Duration::from_secs(5);

/// How long after a new login a call is first made.
pub(super) fn after_login(call: Call) -> Duration {
    if call == Call::Getdevice { DEVICES_AFTER_LOGIN } else { Duration::ZERO }
}

/// The time between two calls: a watch sends and workouts appear a few times a day, electrocardiograms are recorded at most as often,
/// and devices and goals change a few times a year.
pub(super) fn period(call: Call, interval: Duration) -> Duration {
    let intervals = match call {
        Call::Getintradayactivity | Call::Getworkouts => 3,
        Call::Getdevice | Call::Getgoals | Call::HeartList => {
            let intervals = HOUR.as_nanos().div_ceil(interval.as_nanos().max(1));
            u32::try_from(intervals).unwrap_or(u32::MAX)
        }
        _ => 1,
    };
    interval.saturating_mul(intervals)
}

/// How many calls for data a profile needs in a minute by polling alone, for these calls.
pub(super) fn calls_per_minute(calls: impl Iterator<Item = Call>, interval: Duration) -> f64 {
    calls.map(|call| 60.0 / period(call, interval).as_secs_f64()).sum()
}

/// The longest time that a call may wait, after a failure or not.
pub(super) fn longest_wait(call: Call, interval: Duration, has_failed: bool) -> Duration {
    let longest = if call == Call::Notify { CHECK_EVERY } else { period(call, interval).max(interval * 3 / 2) };
    if has_failed { longest.max(LONGEST_PAUSE) } else { longest }
}

/// The times at which the calls of a profile are due. Each profile has a fixed stagger by the hash of its name: so the calls of
/// many profiles are spread over the interval, and a profile that comes or goes moves no other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule<'a> {
    pub(super) interval: Duration,
    /// The profile's name.
    pub(super) profile: &'a str,
    /// The moment from which the intervals are counted.
    pub(super) origin: Instant,
    /// How much earlier than the time of an interval a refresh may begin that is the one of that time.
    pub(super) leeway: Duration,
}

impl<'a> Schedule<'a> {
    /// The schedule of a process that counts its intervals itself, from `origin`.
    pub(super) fn of_process(interval: Duration, profile: &'a str, origin: Instant) -> Self {
        Self { interval, profile, origin, leeway: Duration::ZERO }
    }

    /// The schedule that many replicas have, of whom each may make the next call. All count the same intervals, of which one has
    /// begun at `origin`: by intervals of their own, a call of one replica would soon be followed by that of another.
    pub(super) fn of_replicas(interval: Duration, profile: &'a str, origin: Instant) -> Self {
        Self { interval, profile, origin, leeway: LEEWAY.min(interval / 10) }
    }

    /// When a call is next due that was due at `due` and made by a refresh that began at `began`: at the profile's last time
    /// before a period has passed. Where a call is late the budget does not carry all calls: then each follows a period after
    /// it was made, so that all wait alike.
    pub(super) fn next(self, call: Call, due: Instant, began: Instant) -> Instant {
        let period = period(call, self.interval);
        if began.saturating_duration_since(due) > self.interval / 10 {
            return began + period;
        }
        self.time_after(began + period.saturating_sub(self.interval) + self.leeway)
    }

    /// When a call is due for the second time after a start or a login. The first was made at once, so that the profile's time
    /// may follow very soon: it is left out if it is nearer than half an interval.
    pub(super) fn second(self, call: Call, began: Instant) -> Instant {
        let period = period(call, self.interval);
        self.time_after(began + period.saturating_sub(self.interval).max(self.interval / 2))
    }

    /// The profile's first time after `time`.
    fn time_after(self, time: Instant) -> Instant {
        let first = self.origin + self.interval.mul_f64(stagger(self.profile));
        let Some(passed) = time.checked_duration_since(first) else { return first };
        let intervals = u32::try_from(passed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1) + 1;
        first + self.interval * intervals
    }
}

/// The stagger of a profile as a share of the interval, from 0 to 1.
fn stagger(profile: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    profile.hash(&mut hasher);
    let [.., a, b, c, d] = hasher.finish().to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    #[test]
    fn what_changes_slowly_is_asked_for_slowly() {
        let minutes = Duration::from_mins;
        let check = |call, interval, expected| assert_eq!(period(call, interval), expected, "{call} of {interval:?}");
        check(Call::Getmeas, minutes(5), minutes(5));
        check(Call::Getactivity, minutes(5), minutes(5));
        check(Call::Getworkouts, minutes(5), minutes(15));
        check(Call::Getdevice, minutes(5), minutes(60));
        check(Call::Getgoals, minutes(7), minutes(63));
        check(Call::Getdevice, minutes(90), minutes(90));
    }

    /// Each hears the clock from another distance, and due times are stored in whole seconds.
    #[test]
    fn a_call_that_replicas_make_in_turn_is_made_once_in_each_interval() {
        let origin = Instant::now();
        let replica = |late| Schedule::of_replicas(INTERVAL, "Alice", origin + Duration::from_millis(late));
        for (late, other, stored_early) in [(0, 0, 0), (0, 50, 999), (50, 0, 0), (3, 2, 500), (0, 900, 999)] {
            let early = Duration::from_millis(stored_early);
            let due = replica(late).next(Call::Getmeas, origin, origin).checked_sub(early).unwrap();
            let wait = replica(other).next(Call::Getmeas, due, due) - due;
            assert!(
                (INTERVAL..=INTERVAL + Duration::from_secs(2)).contains(&(wait + Duration::from_millis(50))),
                "{wait:?}"
            );
        }
    }

    #[test]
    fn a_profile_has_its_place_in_each_interval_and_all_calls_meet_in_it() {
        let origin = Instant::now();
        for profile in ["Alice", "Bob", "Zoë"] {
            let schedule = Schedule::of_process(INTERVAL, profile, origin);
            let second = schedule.second(Call::Getmeas, origin);
            assert!((origin + INTERVAL / 2..=origin + INTERVAL * 3 / 2).contains(&second));
            let third = schedule.next(Call::Getmeas, second, second + Duration::from_secs(3));
            assert_eq!(third - second, INTERVAL);
            let hourly = schedule.next(Call::Getdevice, second, second + Duration::from_secs(3));
            assert_eq!(hourly - second, INTERVAL * 12);
            let in_between = second + Duration::from_secs(100);
            assert_eq!(schedule.next(Call::Getmeas, in_between, in_between), third, "never later than an interval");
        }
    }

    #[test]
    fn many_profiles_are_spread() {
        let staggers: Vec<_> = (0..1000).map(|n| stagger(&format!("Person {n}"))).collect();
        for tenth in (0..10).map(f64::from) {
            let of_tenth = staggers.iter().filter(|share| (tenth..tenth + 1.0).contains(&(**share * 10.0))).count();
            assert!((60..=140).contains(&of_tenth), "{of_tenth} of 1000 in a tenth");
        }
    }

    #[test]
    fn who_is_late_waits_like_all_others() {
        let origin = Instant::now();
        let began = origin + INTERVAL / 5;
        let schedule = Schedule::of_process(INTERVAL, "Alice", origin);
        assert_eq!(schedule.next(Call::Getmeas, origin, began), began + INTERVAL);
    }
}
