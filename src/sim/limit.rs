//! How often an application may call.

use std::collections::{BTreeMap, VecDeque};

use super::UserId;
use super::call::Call;
use super::reply::Refusal;

/// Milliseconds.
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

/// The limits of the service; each can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one application in any 60 s, all its users and token calls together. Default 120, as documented;
    /// `None`: no limit.
    pub per_minute: Option<usize>,
    /// Within so many seconds the identical call of one user is refused. Default 10, as seen
    /// (kodymallory/MMM-withings#15; it had 188 `wait_seconds`, which a fault can say); `None`: never.
    pub same_call_seconds: Option<i64>,
}

impl Limits {
    /// No limit at all, for tests that call faster than a program should.
    pub const OFF: Self = Self { per_minute: None, same_call_seconds: None };
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_minute: Some(120), same_call_seconds: Some(10) }
    }
}

/// The application and the user of a call, as far as its secrets tell: a dead token still has a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) client_id: Option<String>,
    pub(super) user: Option<UserId>,
}

/// The admitted calls, which count against the limits. A refused call does not.
#[derive(Default)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    recent: VecDeque<Admitted>,
}

struct Admitted {
    /// Unix milliseconds.
    at: i64,
    caller: Caller,
    path: String,
    params: BTreeMap<String, String>,
}

impl Limiter {
    /// Counts the call against the limits, or refuses it; `now` is in milliseconds.
    pub(super) fn admit(&mut self, caller: &Caller, call: &Call, now: i64) -> Result<(), Refusal> {
        let remembered = MINUTE.max(self.limits.same_call_seconds.unwrap_or(0) * SECOND);
        self.recent.retain(|call| now - call.at < remembered);
        let params = identity(call);
        self.refuse_repetition(caller, call, &params, now)?;
        self.refuse_excess(caller, now)?;
        self.recent.push_back(Admitted { at: now, caller: caller.clone(), path: call.path.clone(), params });
        Ok(())
    }

    fn refuse_repetition(
        &self,
        caller: &Caller,
        call: &Call,
        params: &BTreeMap<String, String>,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(seconds) = self.limits.same_call_seconds else { return Ok(()) };
        let same =
            |earlier: &&Admitted| earlier.caller == *caller && earlier.path == call.path && earlier.params == *params;
        match self.recent.iter().rfind(same) {
            Some(earlier) if now - earlier.at < seconds * SECOND => {
                Err(Refusal::same_arguments(seconds, whole_seconds(earlier.at + seconds * SECOND - now)))
            }
            _ => Ok(()),
        }
    }

    fn refuse_excess(&self, caller: &Caller, now: i64) -> Result<(), Refusal> {
        let Some(per_minute) = self.limits.per_minute else { return Ok(()) };
        let in_window = |earlier: &&Admitted| earlier.caller.client_id == caller.client_id && now - earlier.at < MINUTE;
        let calls: Vec<_> = self.recent.iter().filter(in_window).map(|call| call.at).collect();
        if calls.len() < per_minute {
            return Ok(());
        }
        let oldest = calls.first().copied().unwrap_or(now);
        Err(Refusal::too_many(Some(whole_seconds(oldest + MINUTE - now))))
    }
}

/// So many milliseconds in seconds, rounded up.
fn whole_seconds(milliseconds: i64) -> i64 {
    (milliseconds + SECOND - 1) / SECOND
}

/// The parameters that make two calls of a user identical: all but the token, in whatever place it is.
fn identity(call: &Call) -> BTreeMap<String, String> {
    let mut params = call.params.0.clone();
    params.remove("access_token");
    params
}
