//! How often an application may call.

use std::collections::{BTreeMap, VecDeque};

use super::UserId;
use super::call::Call;
use super::reply::Refusal;

const MINUTE: i64 = 60;

/// The limits of the service; each can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one application in any 60 s, all its users and token calls together. Default 120; `None`: no limit.
    pub per_minute: Option<usize>,
    /// Within so many seconds the identical call of one user is refused. Default 10; `None`: never.
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

/// Who calls, as far as the call tells: a dead token still names its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) client_id: Option<String>,
    pub(super) user: Option<UserId>,
}

/// The calls that count. A refused call does not.
#[derive(Default)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    recent: VecDeque<Admitted>,
}

struct Admitted {
    at: i64,
    caller: Caller,
    path: String,
    params: BTreeMap<String, String>,
}

impl Limiter {
    /// Counts the call, or refuses it.
    pub(super) fn admit(&mut self, caller: &Caller, call: &Call, now: i64) -> Result<(), Refusal> {
        let remembered = MINUTE.max(self.limits.same_call_seconds.unwrap_or(0));
        self.recent.retain(|it| now - it.at < remembered);
        let params = identity(call);
        self.refuse_twin(caller, call, &params, now)?;
        self.refuse_crowd(caller, now)?;
        self.recent.push_back(Admitted { at: now, caller: caller.clone(), path: call.path.clone(), params });
        Ok(())
    }

    fn refuse_twin(
        &self,
        who: &Caller,
        call: &Call,
        params: &BTreeMap<String, String>,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(seconds) = self.limits.same_call_seconds else { return Ok(()) };
        let twin = |it: &&Admitted| it.caller == *who && it.path == call.path && it.params == *params;
        match self.recent.iter().rfind(twin) {
            Some(twin) if now - twin.at < seconds => Err(Refusal::same_arguments(seconds, twin.at + seconds - now)),
            _ => Ok(()),
        }
    }

    fn refuse_crowd(&self, who: &Caller, now: i64) -> Result<(), Refusal> {
        let Some(per_minute) = self.limits.per_minute else { return Ok(()) };
        let in_window = |it: &&Admitted| it.caller.client_id == who.client_id && now - it.at < MINUTE;
        let calls: Vec<_> = self.recent.iter().filter(in_window).map(|it| it.at).collect();
        if calls.len() < per_minute {
            return Ok(());
        }
        let oldest = calls.first().copied().unwrap_or(now);
        Err(Refusal::too_many(Some(oldest + MINUTE - now)))
    }
}

/// What makes two calls of a user identical: all but the token they carry.
fn identity(call: &Call) -> BTreeMap<String, String> {
    let mut params = call.params.0.clone();
    params.remove("access_token");
    params
}
