//! When a call that failed is made again: one pure function, tested as a table.

use std::time::Duration;

use super::LoginError;
use crate::backoff::backoff;
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;

/// The first pause after a failure; longer than the 10 s in which Withings refuses an identical call.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// The longest pause between tries of a call that may work again at any time.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// The first pause after a request that Withings found wrong: a service that is away for a moment answers 503 too.
const BEFORE_FULL_READ: Duration = Duration::from_secs(30);

/// After so many failures in a row the request itself is taken to be wrong.
const MANY: u32 = 5;

/// The pause where only time or a person can help.
const HOUR: Duration = Duration::from_hours(1);

/// When to make a call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After this pause.
    After(Duration),
    /// At the next interval.
    Interval,
    /// When somebody logs in.
    NewLogin,
}

/// What to do after the `failures`-th failure in a row, at least the first. `jitter`, 0 to 1, spreads the tries of
/// many profiles.
#[must_use]
pub fn after_failure(error: &LoginError, failures: u32, jitter: f64) -> Next {
    match error {
        LoginError::NoLogin | LoginError::Superseded | LoginError::SamePerson { .. } => Next::NewLogin,
        LoginError::LoginRefused { retry_in } => Next::After(*retry_in),
        LoginError::RefreshRests { retry_in } => Next::After(*retry_in + growing(failures, jitter)),
        LoginError::Storage(_) => Next::After(growing(failures, jitter)),
        // The token endpoint's words are about the token, not about this call: a wrong request is not made less wrong
        // by reading everything.
        LoginError::Refresh(error) => match error.remedy() {
            Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait) => Next::After(wait + FIRST_PAUSE),
            _ => Next::After(growing(failures, jitter)),
        },
        LoginError::Call(error) => after_failed_call(error, failures, jitter),
    }
}

fn after_failed_call(error: &CallError, failures: u32, jitter: f64) -> Next {
    match error.remedy() {
        Remedy::SwitchOff => Next::NewLogin,
        Remedy::WaitThisCall(wait) => Next::After(wait + Duration::from_secs(1)),
        Remedy::PauseAll(wait) => Next::After(wait),
        Remedy::FullRead if failures < MANY => Next::After(backoff(BEFORE_FULL_READ, LONGEST_PAUSE, failures, jitter)),
        // The caller has refreshed the token and repeated the call already.
        Remedy::FullRead | Remedy::RefreshToken => Next::After(HOUR),
        Remedy::NextInterval => Next::Interval,
        Remedy::Retry => Next::After(growing(failures, jitter)),
    }
}

/// The pause after the `failures`-th failure in a row of what may work again at any time: 15 s, 30 s, 1 min … 15 min, each up to
/// half as long again with `jitter`, 0 to 1.
#[must_use]
pub fn growing(failures: u32, jitter: f64) -> Duration {
    backoff(FIRST_PAUSE, LONGEST_PAUSE, failures, jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::envelope;

    fn refused(json: &str) -> LoginError {
        LoginError::Call(envelope::open(json.as_bytes()).unwrap().unwrap_err().into())
    }

    fn after(seconds: u64) -> Next {
        Next::After(Duration::from_secs(seconds))
    }

    #[test]
    fn each_error_has_its_pause() {
        let table = [
            (refused(r#"{"status":401}"#), [after(3600), after(3600)]),
            (refused(r#"{"status":403}"#), [Next::NewLogin, Next::NewLogin]),
            (refused(r#"{"status":503}"#), [after(30), after(60)]),
            (refused(r#"{"status":524}"#), [Next::Interval, Next::Interval]),
            (refused(r#"{"status":601,"body":{"wait_seconds":68}}"#), [after(68), after(68)]),
            (
                refused(
                    r#"{"status":601,"body":{"wait_seconds":188},"error":"Same arguments in less than 10 seconds"}"#,
                ),
                [after(189), after(189)],
            ),
            (refused(r#"{"status":2555}"#), [after(15), after(30)]),
            (LoginError::Call(CallError::HttpStatus(502)), [after(15), after(30)]),
            (LoginError::Refresh(CallError::HttpStatus(502)), [after(15), after(30)]),
            (LoginError::LoginRefused { retry_in: Duration::from_mins(10) }, [after(600), after(600)]),
            (LoginError::RefreshRests { retry_in: Duration::from_secs(68) }, [after(83), after(98)]),
            (LoginError::NoLogin, [Next::NewLogin, Next::NewLogin]),
        ];
        for (error, expected) in table {
            assert_eq!([after_failure(&error, 1, 0.0), after_failure(&error, 2, 0.0)], expected, "{error}");
        }
    }

    #[test]
    fn a_request_that_stays_wrong_rests_an_hour() {
        let error = refused(r#"{"status":503}"#);
        assert_eq!(
            [4, 5, 6].map(|failures| after_failure(&error, failures, 0.0)),
            [after(240), after(3600), after(3600)]
        );
    }

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour_and_are_spread() {
        let error = LoginError::Call(CallError::HttpStatus(502));
        assert_eq!(after_failure(&error, 7, 0.0), after(900));
        assert_eq!(after_failure(&error, u32::MAX, 0.0), after(900));
        assert_eq!(after_failure(&error, 2, 1.0), after(45));
    }
}
