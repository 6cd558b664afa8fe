//! A row as the cloud keeps it.

use chrono::NaiveDate;

use crate::zone::Zone;

/// A row with its id and the times at which the cloud has stored and changed it.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// The `grpid` of a measure group, the `id` of a night or a workout; no answer has the id of an activity.
    pub id: u64,
    /// When it was stored, Unix seconds; it is visible from then on.
    pub created: i64,
    /// When it was last changed, Unix seconds.
    pub modified: i64,
    /// Where the person was: the row's local day is taken there.
    pub zone: Zone,
    /// What was stored.
    pub row: T,
}

impl<T> Stored<T> {
    /// The day of this time, Unix seconds, where the person was.
    pub(super) fn date(&self, unix: i64) -> NaiveDate {
        self.zone.date(unix)
    }
}
