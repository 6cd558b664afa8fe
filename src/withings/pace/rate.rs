//! How calls are spaced, so that no window of a minute has more than the budget allows.

use std::time::Duration;

use tokio::time::Instant;

/// How calls are spaced at a budget: as one call less would be, because an exchange may come one spacing too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spacing {
    /// The time between two calls.
    apart: Duration,
    /// Whether an exchange may be early: one call a minute has no other one to spare.
    has_spare: bool,
}

impl Spacing {
    /// The spacing of a budget of `per_minute` calls, at least 1.
    pub(super) fn of(per_minute: u32) -> Self {
        let has_spare = per_minute > 1;
        let regular = if has_spare { per_minute - 1 } else { 1 };
        // One millisecond more than the division says, so that a window of 60 s that begins and ends with a call does
        // not hold one too many.
        Self { apart: Duration::from_mins(1) / regular + Duration::from_millis(1), has_spare }
    }
}

/// When the next call may be made. What keeps to one spacing keeps to every smaller one, so that budgets that follow one
/// another never make more room than the highest of them.
pub(super) struct Meter {
    spacing: Spacing,
    /// When the last call was made.
    made: Instant,
    /// When it would have been made if none had been early: at most one spacing later.
    regular: Instant,
}

impl Meter {
    /// After a start: as if there had been an early call at this moment, for there may have been one just before.
    pub(super) fn start(spacing: Spacing, now: Instant) -> Self {
        Self { spacing, made: now, regular: now + spacing.apart }
    }

    /// Another spacing from now on, which waits no longer than after a start.
    pub(super) fn set_spacing(&mut self, spacing: Spacing, now: Instant) {
        self.spacing = spacing;
        self.regular = self.regular.min(now + spacing.apart);
    }

    /// When the next call may be made, if it is an exchange or if it is any other.
    pub(super) fn earliest(&self, is_exchange: bool) -> Instant {
        let Spacing { apart, has_spare } = self.spacing;
        match (has_spare, is_exchange) {
            (true, true) => self.regular,
            (true, false) => self.regular + apart,
            (false, _) => self.regular.max(self.made + apart),
        }
    }

    /// Notes a call that is made at `now`.
    pub(super) fn note(&mut self, now: Instant) {
        self.made = now;
        self.regular = now.max(self.regular + self.spacing.apart);
    }
}
