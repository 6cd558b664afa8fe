//! How far apart the refreshes of the profiles are, and whether the budget of requests carries what is configured.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::Telemetry;

/// The budget does not carry the refreshes when they are so much further apart than wanted, and carries them again when
/// they are no more than the second. In between nothing is said anew.
const SLOW: [f64; 2] = [1.05, 1.01];

/// What all profiles achieve.
pub struct Cadence {
    telemetry: Telemetry,
    beats: Mutex<Beats>,
}

struct Beats {
    /// The configured interval.
    wanted: Duration,
    /// Of those whose last refresh worked: who fails is not slowed by the budget.
    of: BTreeMap<Arc<str>, Beat>,
    is_slow: bool,
}

impl Cadence {
    /// Nothing was refreshed yet, and shall be at intervals of `wanted`.
    #[must_use]
    pub fn new(telemetry: Telemetry, wanted: Duration) -> Self {
        telemetry.refresh_interval(wanted, None);
        Self { telemetry, beats: Mutex::new(Beats { wanted, of: BTreeMap::new(), is_slow: false }) }
    }

    /// Another interval is wanted from now on.
    pub fn want(&self, wanted: Duration) {
        let mut beats = self.beats();
        if mem::replace(&mut beats.wanted, wanted) != wanted {
            beats.of.clear();
            self.telemetry.refresh_interval(wanted, None);
        }
    }

    /// Notes that a refresh of `profile` began at `began`, which was due at that time.
    pub(super) fn note(&self, profile: &Arc<str>, began: Instant) {
        let mut beats = self.beats();
        let (former, wanted) = (beats.of.get(profile), beats.wanted);
        let latest = former.and_then(|it| it.telling(Some(began - it.began), wanted));
        let beat = Beat { began, is_first: former.is_none(), latest };
        beats.of.insert(Arc::clone(profile), beat);
    }

    /// Forgets the refreshes of `profile`: it fails, or another reason than the budget has kept it.
    pub(super) fn forget(&self, profile: &str) {
        self.beats().of.remove(profile);
    }

    /// Shows what is achieved, and says once when it is less often than wanted, and once when it no longer is.
    pub(super) fn judge(&self) {
        let mut beats = self.beats();
        let (wanted, achieved) = (beats.wanted, beats.achieved());
        self.telemetry.refresh_interval(wanted, achieved);
        let Some(achieved) = achieved else { return };
        let [begins, ends] = SLOW.map(|it| wanted.mul_f64(it));
        let (wanted, seconds) = (wanted.as_secs_f64(), achieved.as_secs_f64().round());
        if !beats.is_slow && achieved > begins {
            beats.is_slow = true;
            tracing::warn!(
                wanted,
                achieved = seconds,
                "more is to be asked for than `requests_per_minute` allows; all profiles are refreshed less often, in turn"
            );
        } else if beats.is_slow && achieved <= ends {
            beats.is_slow = false;
            tracing::info!(wanted, "all profiles are refreshed as often as configured again");
        }
    }

    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refreshes of one profile.
struct Beat {
    began: Instant,
    /// Whether it was the first one, with which all calls are made.
    is_first: bool,
    /// The time between the last two.
    latest: Option<Duration>,
}

impl Beat {
    /// The interval at present: one that has not ended counts from the time when it is longer than it should be.
    fn interval(&self, wanted: Duration) -> Option<Duration> {
        let lasts = Some(self.began.elapsed()).filter(|it| *it > wanted);
        self.latest.max(self.telling(lasts, wanted))
    }

    /// The interval that began with this refresh, if it tells what the budget carries: the first one is often longer than
    /// those after it, which have less to ask for.
    fn telling(&self, interval: Option<Duration>, wanted: Duration) -> Option<Duration> {
        interval.filter(|it| !self.is_first || *it <= wanted || *it > wanted * 2)
    }
}

impl Beats {
    /// The median of all profiles, for one with a long history slows nobody else; `None` as long as nothing is known.
    fn achieved(&self) -> Option<Duration> {
        let mut intervals: Vec<_> = self.of.values().filter_map(|it| it.interval(self.wanted)).collect();
        intervals.sort_unstable();
        intervals.get(intervals.len().saturating_sub(1) / 2).copied()
    }
}
