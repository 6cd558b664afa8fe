//! The plan of a profile: when each of its calls is due, and how they went.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::catalogue::Call;
use crate::clock::Clock;
use crate::reading::Attempt;

/// The plan of one profile. In the process all times to wait for are of the monotonic clock: setting the wall clock neither
/// shortens nor prolongs a pause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The calls that the configuration needs.
    pub calls: BTreeMap<Call, CallPlan>,
    /// When the latest refresh ended, whichever calls it made.
    pub refreshed_at: Option<Instant>,
    /// How long the latest refresh took.
    pub refresh_took: Option<Duration>,
    /// A digest of the subscriptions that Withings was last found to have; `None`: not all that are wanted.
    pub subscribed: Option<u64>,
}

/// When one call is next made, and how it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallPlan {
    /// When the call is due; `None`: not before the login changes.
    pub due: Option<Instant>,
    /// How often in a row the call has failed.
    pub failures: u32,
    /// When the first of these failures was, Unix seconds.
    pub failing_since: Option<i64>,
    /// When the call last worked, Unix seconds.
    pub last_success: Option<i64>,
    /// The latest attempt since the start.
    pub latest: Attempt,
    /// Whether Withings refused the call with a new access token too: then it does not accept the login, and
    /// `withings_authorized` is 0.
    pub is_refused: bool,
}

impl Plan {
    /// The earliest time at which a call is due.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.calls.values().filter_map(|call| call.due).min()
    }

    /// The calls that are due at `now`, the longest overdue first: where the budget carries few of them, each is made in time.
    #[must_use]
    pub fn due_calls(&self, now: Instant) -> Vec<Call> {
        let due = self.calls.iter().filter(|(_, plan)| plan.is_due(now));
        let mut calls: Vec<_> = due.map(|(call, plan)| (plan.due, *call)).collect();
        calls.sort_unstable();
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// Makes these calls due at `at`, unless they are due before, or wait for a login.
    pub fn make_due(&mut self, calls: &[Call], at: Instant) {
        let planned = self.calls.iter_mut().filter(|(call, _)| calls.contains(call));
        planned.for_each(|(_, plan)| plan.due = plan.due.map(|due| due.min(at)));
    }

    /// Makes all calls that wait for the next interval due at `at`, unless they are due before.
    pub(super) fn make_all_due(&mut self, at: Instant) {
        let waiting = self.calls.values_mut().filter(|plan| plan.failures == 0);
        waiting.for_each(|plan| plan.due = plan.due.map(|due| due.min(at)));
    }

    /// Whether news of Withings may make the call due: not during its pause after a failure, nor while it waits for a login.
    pub(super) fn may_be_marked(&self, call: Call) -> bool {
        self.calls.get(&call).is_some_and(|plan| plan.failures == 0 && plan.due.is_some())
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
    /// Whether the call is due at `now`.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|at| at <= now)
    }

    /// The plan of a call that is first made at `due`.
    #[must_use]
    pub fn at(due: Instant) -> Self {
        Self { due: Some(due), ..Self::default() }
    }
}

/// The plans of all profiles as they are stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredPlans {
    /// Whether the process ended in good order: only then `sent` has everything that it sent.
    pub(super) orderly: bool,
    pub(super) profiles: BTreeMap<String, StoredPlan>,
    /// The calls that were sent of late: a digest of person, call and arguments, and the time in Unix milliseconds.
    pub(super) sent: Vec<(u64, i64)>,
}

/// The plan of one profile as it is stored. What `of_many_hosts` adds is missing in a directory: after a restart there was no
/// attempt yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredPlan {
    pub(super) calls: BTreeMap<Call, StoredCall>,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refreshed_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_took: Option<Duration>,
    /// Earlier versions neither read nor write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscribed: Option<u64>,
}

/// The plan of one call as it is stored; times in Unix seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredCall {
    due: Option<i64>,
    failures: u32,
    failing_since: Option<i64>,
    last_success: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<StoredAttempt>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_refused: bool,
}

/// An attempt, as every host shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredAttempt {
    Worked,
    Failed(String),
    /// For the scope of the call.
    SwitchedOff,
}

/// The present time on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) monotonic: Instant,
    /// Unix milliseconds.
    pub(super) unix_ms: i64,
}

impl Now {
    /// The present time, by this wall clock.
    pub(super) fn of(clock: &Clock) -> Self {
        Self { monotonic: Instant::now(), unix_ms: clock.unix_ms() }
    }

    /// A wall time, Unix milliseconds, on the monotonic clock; one that has passed is now.
    pub(super) fn instant(self, unix_ms: i64) -> Instant {
        self.monotonic + Duration::from_millis(u64::try_from(unix_ms - self.unix_ms).unwrap_or(0))
    }

    /// A wall time that has passed, Unix milliseconds, on the monotonic clock; one that is to come is now.
    pub(super) fn past(self, unix_ms: i64) -> Instant {
        let ago = Duration::from_millis(u64::try_from(self.unix_ms - unix_ms).unwrap_or(0));
        self.monotonic.checked_sub(ago).unwrap_or(self.monotonic)
    }

    /// When the present interval began, of those that are counted from the Unix epoch; its end where the monotonic clock does not
    /// reach back so far.
    pub(super) fn interval_begun(self, interval: Duration) -> Instant {
        let length = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        let passed = self.unix_ms.rem_euclid(length);
        self.monotonic.checked_sub(ms(passed)).unwrap_or_else(|| self.monotonic + ms(length - passed))
    }

    /// A monotonic time on the wall clock, Unix milliseconds.
    pub(super) fn unix_ms(self, at: Instant) -> i64 {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let (ahead, behind) =
            (at.saturating_duration_since(self.monotonic), self.monotonic.saturating_duration_since(at));
        self.unix_ms.saturating_add(ms(ahead)).saturating_sub(ms(behind))
    }
}

impl StoredPlan {
    /// The plan as a directory stores it.
    pub(super) fn of(plan: &Plan, now: Now) -> Self {
        let stored = |call: &CallPlan| StoredCall {
            due: call.due.map(|at| now.unix_ms(at) / 1000),
            failures: call.failures,
            failing_since: call.failing_since,
            last_success: call.last_success,
            latest: None,
            is_refused: false,
        };
        let calls = plan.calls.iter().map(|(call, plan)| (*call, stored(plan))).collect();
        Self { calls, refreshed_at: None, refresh_took: None, subscribed: plan.subscribed }
    }

    /// The plan with what other hosts show of it.
    #[cfg(feature = "postgres")]
    pub(super) fn of_many_hosts(plan: &Plan, now: Now) -> Self {
        let mut stored = Self::of(plan, now);
        stored.refreshed_at = plan.refreshed_at.map(|at| now.unix_ms(at));
        stored.refresh_took = plan.refresh_took;
        for (call, stored) in &mut stored.calls {
            let CallPlan { latest, is_refused, .. } = &plan.calls[call];
            (stored.latest, stored.is_refused) = (StoredAttempt::of(latest), *is_refused);
        }
        stored
    }

    pub(super) fn restored(self, now: Now) -> Plan {
        let restored = |call: Call, stored: StoredCall| CallPlan {
            due: stored.due.map(|at| now.instant(at.saturating_mul(1000))),
            failures: stored.failures,
            failing_since: stored.failing_since,
            last_success: stored.last_success,
            latest: stored.latest.map_or(Attempt::None, |attempt| attempt.restored(call)),
            is_refused: stored.is_refused,
        };
        Plan {
            calls: self.calls.into_iter().map(|(call, plan)| (call, restored(call, plan))).collect(),
            refreshed_at: self.refreshed_at.map(|at| now.past(at)),
            refresh_took: self.refresh_took,
            subscribed: self.subscribed,
        }
    }
}

impl StoredAttempt {
    #[cfg(feature = "postgres")]
    fn of(attempt: &Attempt) -> Option<Self> {
        match attempt {
            Attempt::None => None,
            Attempt::Worked => Some(Self::Worked),
            Attempt::Failed(why) => Some(Self::Failed(why.clone())),
            Attempt::SwitchedOff { .. } => Some(Self::SwitchedOff),
        }
    }

    fn restored(self, call: Call) -> Attempt {
        match (self, call.scope()) {
            (Self::Worked, _) => Attempt::Worked,
            (Self::Failed(why), _) => Attempt::Failed(why),
            (Self::SwitchedOff, Some(scope)) => Attempt::SwitchedOff { scope },
            (Self::SwitchedOff, None) => Attempt::None,
        }
    }
}
