//! When a call is made: its period, its place in the interval, and what a failure means for the next read. Pure functions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::catalogue::Call;
use crate::login::LoginError;
use crate::withings::envelope::Remedy;

/// How often what changes slowly is asked for.
const HOUR: Duration = Duration::from_hours(1);

/// The longest pause after a failure: a login that Withings refuses is tried again after 6 hours.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);

/// How long the devices of a new login wait: who connects it asks for them within 10 s, to say whose it is, and Withings
/// refuses the identical call for another 10 s.
const DEVICES_AFTER_LOGIN: Duration = Duration::from_secs(30);

/// How long after a new login a call is first made.
pub(super) fn after_login(call: Call) -> Duration {
    if call == Call::Getdevice { DEVICES_AFTER_LOGIN } else { Duration::ZERO }
}

/// The time between two calls: workouts appear some times a day, devices and goals change some times a year.
pub(super) fn period(call: Call, interval: Duration) -> Duration {
    let intervals = match call {
        Call::Getworkouts => 3,
        Call::Getdevice | Call::Getgoals => {
            let intervals = HOUR.as_nanos().div_ceil(interval.as_nanos().max(1));
            u32::try_from(intervals).unwrap_or(u32::MAX)
        }
        _ => 1,
    };
    interval.saturating_mul(intervals)
}

/// The longest time that a call may wait, after a failure or not.
pub(super) fn longest_wait(call: Call, interval: Duration, has_failed: bool) -> Duration {
    let longest = period(call, interval).max(interval * 3 / 2);
    if has_failed { longest.max(LONGEST_PAUSE) } else { longest }
}

/// What the next time of a call depends on beside the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm<'a> {
    pub(super) interval: Duration,
    /// The profile: its place in the interval is its own, so that all are spread over it, whoever comes or goes.
    pub(super) profile: &'a str,
    /// From when the intervals are counted.
    pub(super) origin: Instant,
}

impl Rhythm<'_> {
    /// When a call is next due that was due at `due` and made by a refresh that began at `began`: at the last place of the
    /// profile before a period has passed. Where calls are late the budget carries no more: then they follow one another in
    /// the order in which they are made, so that all wait alike.
    pub(super) fn next(self, call: Call, due: Instant, began: Instant) -> Instant {
        let period = period(call, self.interval);
        if began.saturating_duration_since(due) > self.interval / 10 {
            return began + period;
        }
        self.place_after(began + period.saturating_sub(self.interval))
    }

    /// The same after a start or a login, which wait for no place: the next one may be so near that there is nothing new.
    pub(super) fn second(self, call: Call, began: Instant) -> Instant {
        let period = period(call, self.interval);
        self.place_after(began + period.saturating_sub(self.interval).max(self.interval / 2))
    }

    /// The first place of the profile after a time.
    fn place_after(self, time: Instant) -> Instant {
        let first = self.origin + self.interval.mul_f64(place(self.profile));
        let Some(passed) = time.checked_duration_since(first) else { return first };
        let intervals = u32::try_from(passed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1) + 1;
        first + self.interval * intervals
    }
}

/// The place of a profile in the interval, from 0 to 1.
fn place(profile: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    profile.hash(&mut hasher);
    let [.., a, b, c, d] = hasher.finish().to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// Whether the call's next read must be of everything, because Withings found the last request wrong.
pub(super) fn drops_cursor(error: &LoginError) -> bool {
    matches!(error, LoginError::Call(error) if error.remedy() == Remedy::FullRead)
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

    #[test]
    fn a_profile_has_its_place_in_each_interval_and_all_calls_meet_in_it() {
        let origin = Instant::now();
        for profile in ["Alice", "Bob", "Zoë"] {
            let rhythm = Rhythm { interval: INTERVAL, profile, origin };
            let second = rhythm.second(Call::Getmeas, origin);
            assert!((origin + INTERVAL / 2..=origin + INTERVAL * 3 / 2).contains(&second));
            let third = rhythm.next(Call::Getmeas, second, second + Duration::from_secs(3));
            assert_eq!(third - second, INTERVAL);
            let hourly = rhythm.next(Call::Getdevice, second, second + Duration::from_secs(3));
            assert_eq!(hourly - second, INTERVAL * 12);
            let in_between = second + Duration::from_secs(100);
            assert_eq!(rhythm.next(Call::Getmeas, in_between, in_between), third, "never later than an interval");
        }
    }

    #[test]
    fn many_profiles_are_spread() {
        let places: Vec<_> = (0..1000).map(|n| place(&format!("Person {n}"))).collect();
        for tenth in (0..10).map(f64::from) {
            let of_tenth = places.iter().filter(|it| (tenth..tenth + 1.0).contains(&(**it * 10.0))).count();
            assert!((60..=140).contains(&of_tenth), "{of_tenth} of 1000 in a tenth");
        }
    }

    #[test]
    fn who_is_late_waits_like_all_others() {
        let origin = Instant::now();
        let began = origin + INTERVAL / 5;
        let rhythm = Rhythm { interval: INTERVAL, profile: "Alice", origin };
        assert_eq!(rhythm.next(Call::Getmeas, origin, began), began + INTERVAL);
    }
}
