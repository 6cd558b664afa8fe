//! When a call that failed is made again: one pure function, tested as a table.

use std::time::Duration;

use crate::catalogue::Call;
use crate::session::SessionError;
use crate::withings::client::CallError;
use crate::withings::envelope::Remedy;

/// The first pause after a failure; longer than the 10 s in which Withings refuses an identical call.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// The longest pause between tries of a call that may work again at any time.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// The pause before the one full read after a request that Withings found wrong.
const BEFORE_FULL_READ: Duration = Duration::from_mins(1);

/// The pause where only time or a person can help.
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

/// When to make a call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// After this pause.
    After(Duration),
    /// At the next interval.
    Interval,
    /// When somebody logs in.
    NewLogin,
}

/// What to do after the `failures`-th failure in a row, at least the first. `jitter`, 0 to 1, spreads the tries of
/// many profiles.
pub(super) fn after_failure(error: &SessionError, failures: u32, jitter: f64) -> Next {
    match error {
        SessionError::NoLogin | SessionError::NewLogin | SessionError::SamePerson { .. } => Next::NewLogin,
        SessionError::LoginRefused { retry_in } => Next::After(*retry_in),
        SessionError::RefreshRests { retry_in } => Next::After(*retry_in + growing(failures, jitter)),
        SessionError::Storage(_) => Next::After(growing(failures, jitter)),
        // The token endpoint's words are about the token, not about this call: a wrong request is not made less wrong
        // by reading everything.
        SessionError::Refresh(error) => match error.remedy() {
            Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait) => Next::After(wait + FIRST_PAUSE),
            _ => Next::After(growing(failures, jitter)),
        },
        SessionError::Call(error) => after_failed_call(error, failures, jitter),
    }
}

fn after_failed_call(error: &CallError, failures: u32, jitter: f64) -> Next {
    match error.remedy() {
        Remedy::SwitchOff => Next::NewLogin,
        Remedy::WaitThisCall(wait) => Next::After(wait + Duration::from_secs(1)),
        Remedy::PauseAll(wait) => Next::After(wait),
        Remedy::FullRead if failures <= 1 => Next::After(BEFORE_FULL_READ),
        // The session has refreshed the token and repeated the call already.
        Remedy::FullRead | Remedy::RefreshToken => Next::After(HOUR),
        Remedy::NextInterval => Next::Interval,
        Remedy::Retry => Next::After(growing(failures, jitter)),
    }
}

/// Whether the call's next read must be of everything, because Withings found the last request wrong.
pub(super) fn drops_cursor(error: &SessionError) -> bool {
    matches!(error, SessionError::Call(error) if error.remedy() == Remedy::FullRead)
}

/// 15 s, 30 s, 1 min … 15 min, each up to half as long again.
fn growing(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    let pause = (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
    pause.mul_f64(1.0 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::envelope;

    fn refused(json: &str) -> SessionError {
        SessionError::Call(envelope::open(json.as_bytes()).unwrap().unwrap_err().into())
    }

    fn after(seconds: u64) -> Next {
        Next::After(Duration::from_secs(seconds))
    }

    #[test]
    fn each_error_has_its_pause() {
        let table = [
            (refused(r#"{"status":401}"#), [after(3600), after(3600)]),
            (refused(r#"{"status":403}"#), [Next::NewLogin, Next::NewLogin]),
            (refused(r#"{"status":503}"#), [after(60), after(3600)]),
            (refused(r#"{"status":524}"#), [Next::Interval, Next::Interval]),
            (refused(r#"{"status":601,"body":{"wait_seconds":68}}"#), [after(68), after(68)]),
            (
                refused(
                    r#"{"status":601,"body":{"wait_seconds":188},"error":"Same arguments in less than 10 seconds"}"#,
                ),
                [after(189), after(189)],
            ),
            (refused(r#"{"status":2555}"#), [after(15), after(30)]),
            (SessionError::Call(CallError::HttpStatus(502)), [after(15), after(30)]),
            (SessionError::Refresh(CallError::HttpStatus(502)), [after(15), after(30)]),
            (SessionError::LoginRefused { retry_in: Duration::from_mins(10) }, [after(600), after(600)]),
            (SessionError::RefreshRests { retry_in: Duration::from_secs(68) }, [after(83), after(98)]),
            (SessionError::NoLogin, [Next::NewLogin, Next::NewLogin]),
        ];
        for (error, expected) in table {
            assert_eq!([after_failure(&error, 1, 0.0), after_failure(&error, 2, 0.0)], expected, "{error}");
        }
    }

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

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour_and_are_spread() {
        let error = SessionError::Call(CallError::HttpStatus(502));
        assert_eq!(after_failure(&error, 7, 0.0), after(900));
        assert_eq!(after_failure(&error, u32::MAX, 0.0), after(900));
        assert_eq!(after_failure(&error, 2, 1.0), after(45));
    }
}
