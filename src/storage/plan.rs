//! What is planned of a profile: when each call is due, and how the calls went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::catalogue::Call;
use crate::reading::Attempt;

/// The calls of one profile. In the process all times to wait for are of the monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The calls that the configuration needs.
    pub calls: BTreeMap<Call, CallPlan>,
    /// When the latest refresh ended, of whichever calls.
    pub refreshed_at: Option<Instant>,
}

/// When one call is next made, and how it went.
#[derive(Clone, Debug, Default)]
pub struct CallPlan {
    /// When it is made; `None`: not before the login changes.
    pub due: Option<Instant>,
    /// How often in a row it has failed.
    pub failures: u32,
    /// When the first of these failures was, Unix seconds.
    pub failing_since: Option<i64>,
    /// When it last worked, Unix seconds.
    pub last_success: Option<i64>,
    /// The latest attempt since the start.
    pub latest: Attempt,
    /// Whether Withings refused the call with a new access token too: then it does not accept the login.
    pub is_refused: bool,
}

impl Plan {
    /// The earliest time at which a call is due.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.calls.values().filter_map(|call| call.due).min()
    }

    /// The calls that are due at `now`, the longest overdue first: where the budget carries few, each has its turn.
    #[must_use]
    pub fn due_calls(&self, now: Instant) -> Vec<Call> {
        let due = self.calls.iter().filter(|(_, plan)| plan.is_due(now));
        let mut calls: Vec<_> = due.map(|(call, plan)| (plan.due, *call)).collect();
        calls.sort_unstable();
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Whether no call has ever worked: the whole history is read first.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.calls.values().all(|call| call.last_success.is_none())
    }

    /// Whether Withings refuses a call that is still made, whatever token it carries.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.calls.values().any(|call| call.is_refused)
    }
}

impl CallPlan {
    /// Whether it is time for it at `now`.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|at| at <= now)
    }

    /// For a call that is made at `due`.
    #[must_use]
    pub fn at(due: Instant) -> Self {
        Self { due: Some(due), ..Self::default() }
    }
}

/// The plans of all profiles as they are stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredPlans {
    /// Whether the process has ended in good order: what it has sent is known then.
    pub(super) orderly: bool,
    pub(super) profiles: BTreeMap<String, StoredPlan>,
    /// What was sent of late: a digest of person, call and arguments, and the time in Unix milliseconds.
    pub(super) sent: Vec<(u64, i64)>,
}

/// The plan of one profile as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredPlan {
    pub(super) calls: BTreeMap<Call, StoredCall>,
}

/// The plan of one call as it is stored; times in Unix seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredCall {
    due: Option<i64>,
    failures: u32,
    failing_since: Option<i64>,
    last_success: Option<i64>,
}

/// The present time on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) steady: Instant,
    /// Unix milliseconds.
    pub(super) unix_ms: i64,
}

impl Now {
    /// The time on the monotonic clock; one that has passed is now.
    pub(super) fn instant(self, unix_ms: i64) -> Instant {
        self.steady + std::time::Duration::from_millis(u64::try_from(unix_ms - self.unix_ms).unwrap_or(0))
    }

    /// The time on the wall, Unix milliseconds.
    pub(super) fn unix_ms(self, at: Instant) -> i64 {
        let ms = |it: std::time::Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
        let (ahead, behind) = (at.saturating_duration_since(self.steady), self.steady.saturating_duration_since(at));
        self.unix_ms.saturating_add(ms(ahead)).saturating_sub(ms(behind))
    }
}

impl StoredPlan {
    pub(super) fn of(plan: &Plan, now: Now) -> Self {
        let stored = |it: &CallPlan| StoredCall {
            due: it.due.map(|at| now.unix_ms(at) / 1000),
            failures: it.failures,
            failing_since: it.failing_since,
            last_success: it.last_success,
        };
        Self { calls: plan.calls.iter().map(|(call, plan)| (*call, stored(plan))).collect() }
    }

    pub(super) fn restored(self, now: Now) -> Plan {
        let restored = |it: StoredCall| CallPlan {
            due: it.due.map(|at| now.instant(at.saturating_mul(1000))),
            failures: it.failures,
            failing_since: it.failing_since,
            last_success: it.last_success,
            ..CallPlan::default()
        };
        Plan { calls: self.calls.into_iter().map(|(call, it)| (call, restored(it))).collect(), refreshed_at: None }
    }
}
