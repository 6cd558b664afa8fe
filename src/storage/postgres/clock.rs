//! The database's clock, by which everything that many hosts share is timed: theirs may be wrong.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::storage::plan::Now;

/// The database's clock, as it was last heard of.
#[derive(Debug, Default)]
pub(super) struct DatabaseClock(Mutex<Option<Now>>);

impl DatabaseClock {
    /// Notes what the database says of the time, Unix milliseconds, when it was `asked`. A time on the monotonic clock that is
    /// made of it is too early by the way of the question, and never too late: what is due there is due here.
    pub(super) fn note(&self, unix_ms: i64, asked: Instant) -> Now {
        let now = Now { monotonic: asked, unix_ms };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        now
    }

    /// The present time by the database's clock; `None` before it was heard.
    pub(super) fn now(&self) -> Option<Now> {
        let heard = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let monotonic = Instant::now();
        Some(Now { monotonic, unix_ms: heard.unix_ms(monotonic) })
    }
}
