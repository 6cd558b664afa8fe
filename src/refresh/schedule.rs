//! How often a call is made, and what a failure means for the next read.

use std::time::Duration;

use crate::catalogue::Call;
use crate::session::SessionError;
use crate::withings::envelope::Remedy;

/// How often what changes slowly is asked for.
const HOUR: Duration = Duration::from_hours(1);

/// How long the devices of a new login wait: who connects it asks for them within 10 s, to say whose it is, and Withings
/// refuses the identical call for another 10 s.
const DEVICES_AFTER_LOGIN: Duration = Duration::from_secs(30);

/// How long after a new login a call is first made.
pub(super) fn after_login(call: Call) -> Duration {
    if call == Call::Getdevice { DEVICES_AFTER_LOGIN } else { Duration::ZERO }
}

/// At every how many intervals a call is made, at least 1: workouts appear some times a day, devices and goals change
/// some times a year.
pub(super) fn every(call: Call, interval: Duration) -> u32 {
    match call {
        Call::Getworkouts => 3,
        Call::Getdevice | Call::Getgoals => {
            let intervals = HOUR.as_nanos().div_ceil(interval.as_nanos().max(1));
            u32::try_from(intervals).unwrap_or(u32::MAX)
        }
        _ => 1,
    }
}

/// Whether the call's next read must be of everything, because Withings found the last request wrong.
pub(super) fn drops_cursor(error: &SessionError) -> bool {
    matches!(error, SessionError::Call(error) if error.remedy() == Remedy::FullRead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_slowly_is_asked_for_slowly() {
        let minutes = Duration::from_mins;
        let check = |call, interval, expected| assert_eq!(every(call, interval), expected, "{call} of {interval:?}");
        check(Call::Getmeas, minutes(5), 1);
        check(Call::Getactivity, minutes(5), 1);
        check(Call::Getworkouts, minutes(5), 3);
        check(Call::Getdevice, minutes(5), 12);
        check(Call::Getgoals, minutes(7), 9);
        check(Call::Getdevice, minutes(90), 1);
    }
}
