//! How far a call has read, and what it reads next. Pure functions.

use serde::{Deserialize, Serialize};

use crate::login::LoginError;
use crate::withings::calls::DataCall;
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
use crate::withings::request::RowSelection;

/// How far a read of changes reaches back before the newest change that was seen, seconds: Withings does not say whether
/// `lastupdate` is inclusive, and the clocks of its machines may differ.
const OVERLAP: i64 = 3600;

/// How old the last read of everything may be, seconds. Withings does not announce deletions: a deleted row is absent from
/// then on, and only a read of everything tells that.
const EVERYTHING_EVERY: i64 = 24 * 3600;

/// How long after a failed read of everything the next one is tried, seconds; until then changes are read.
const EVERYTHING_AGAIN: i64 = 3600;

/// How far a call has read; all in Unix seconds by Withings' clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    /// The newest change that was seen.
    changed_at: Option<i64>,
    /// When everything was read.
    everything_at: Option<i64>,
    /// When a read of everything last failed, if none has worked since.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<i64>,
    /// Whether the last read of everything had no rows where there were some before: it is believed the second time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_emptied: bool,
}

/// One read of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The rows that are asked for.
    pub(super) rows: RowSelection,
    /// The changes that are read instead, should a daily read of everything fail.
    otherwise: Option<RowSelection>,
}

impl Read {
    /// A read of everything, instead of which nothing else can be read.
    pub(super) fn everything() -> Self {
        Self { rows: RowSelection::All, otherwise: None }
    }

    /// The read after this one has failed; `None` if none would be of use. Withings sometimes refuses `lastupdate=0` with 503:
    /// then everything is asked for by days.
    pub(super) fn after_failure<C: DataCall>(self, error: &LoginError, server_now: i64) -> Option<Self> {
        let LoginError::Call(error) = error else { return None };
        match error.remedy() {
            Remedy::FullRead if C::BY_DAYS && self.rows == RowSelection::All => {
                Some(Self { rows: RowSelection::everything_by_days(server_now), ..self })
            }
            Remedy::FullRead | Remedy::Retry | Remedy::NextInterval if !matches!(error, CallError::NoTurn(_)) => {
                self.otherwise.map(|rows| Self { rows, otherwise: None })
            }
            _ => None,
        }
    }
}

impl Cursor {
    /// The next read: of everything at first, once a day and after a request that Withings found wrong, else of changes.
    pub(super) fn next_read(&self, server_now: i64) -> Read {
        let is_recent = |at: Option<i64>, age| at.is_some_and(|at| (0..age).contains(&(server_now - at)));
        // Withings refuses a `lastupdate` that its clock has not reached (Zn4rK/php-withings#23).
        let changes = self.changed_at.filter(|at| self.everything_at.is_some() && *at <= server_now);
        let changes = changes.map(|at| RowSelection::ChangedSince(at - OVERLAP));
        let is_everything_known =
            is_recent(self.everything_at, EVERYTHING_EVERY) || is_recent(self.failed_at, EVERYTHING_AGAIN);
        match changes.filter(|_| is_everything_known) {
            Some(rows) => Read { rows, otherwise: None },
            None => Read { rows: RowSelection::All, otherwise: changes },
        }
    }

    /// Notes that the rows `asked` for were read, which were changed at `changed_at`. A change that is dated ahead of the
    /// server's time moves nothing: the changes before it would be skipped. A first read of everything counts as made `sooner`,
    /// seconds.
    pub(super) fn note(
        &mut self,
        asked: RowSelection,
        changed_at: impl Iterator<Item = i64>,
        server_now: i64,
        sooner: i64,
    ) {
        let changed_at = changed_at.filter(|at| *at <= server_now).max();
        if asked.is_everything() {
            let read_at = if self.everything_at.is_none() { server_now - sooner } else { server_now };
            // Of a call without changes the time of a read is of no use, and storing it would write a file for each read.
            *self = Self { changed_at, everything_at: changed_at.map(|_| read_at), ..Self::default() };
        } else {
            self.changed_at = self.changed_at.max(changed_at);
        }
    }

    /// Notes that everything could not be read.
    pub(super) fn note_failure(&mut self, server_now: i64) {
        self.failed_at = Some(server_now);
    }

    /// Notes an answer that takes everything away, and returns whether it is doubted: the first one is, and the next read is of
    /// everything. An empty list may be a fault of the service, and believing it at once would blank a dashboard.
    pub(super) fn doubts_emptiness(&mut self) -> bool {
        let is_first = !std::mem::replace(&mut self.is_emptied, true);
        if is_first {
            self.everything_at = None;
        }
        is_first
    }

    /// Whether the last read of everything took everything away and is not believed yet.
    pub(super) fn is_doubting(&self) -> bool {
        self.is_emptied
    }

    /// The cursor of readings whose rows are not known any more: everything is read next, and what remains is whether the last
    /// answer is doubted.
    pub(super) fn of_former(self) -> Self {
        Self { is_emptied: self.is_emptied, ..Self::default() }
    }

    /// Makes the next read one of everything.
    pub(super) fn forget(&mut self) {
        self.everything_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    /// The cursor after a read of everything whose newest change is this one.
    fn cursor(changed_at: i64) -> Cursor {
        let mut cursor = Cursor::default();
        cursor.note(RowSelection::All, [changed_at].into_iter(), NOW, 0);
        cursor
    }

    fn read(cursor: &Cursor, server_now: i64) -> RowSelection {
        cursor.next_read(server_now).rows
    }

    #[test]
    fn the_first_read_is_of_everything_then_of_changes_and_daily_of_everything() {
        assert_eq!(read(&Cursor::default(), NOW), RowSelection::All);
        let mut cursor = cursor(NOW - 5000);
        assert_eq!(read(&cursor, NOW + 300), RowSelection::ChangedSince(NOW - 5000 - OVERLAP));
        cursor.note(RowSelection::ChangedSince(0), [NOW + 200].into_iter(), NOW + 300, 0);
        assert_eq!(read(&cursor, NOW + 600), RowSelection::ChangedSince(NOW + 200 - OVERLAP));
        assert_eq!(read(&cursor, NOW + EVERYTHING_EVERY), RowSelection::All);
    }

    #[test]
    fn the_calls_read_everything_in_hours_of_their_own() {
        let mut cursor = Cursor::default();
        let everything = |cursor: &mut Cursor, at| cursor.note(RowSelection::All, [NOW].into_iter(), at, 7200);
        everything(&mut cursor, NOW);
        let second = NOW + EVERYTHING_EVERY - 7200;
        assert_eq!(read(&cursor, second), RowSelection::All);
        assert_ne!(read(&cursor, second - 1), RowSelection::All);
        everything(&mut cursor, second);
        assert_ne!(read(&cursor, second + EVERYTHING_EVERY - 1), RowSelection::All);
        assert_eq!(read(&cursor, second + EVERYTHING_EVERY), RowSelection::All);
    }

    #[test]
    fn a_change_of_the_future_moves_no_cursor() {
        let mut cursor = cursor(NOW - 5000);
        cursor.note(RowSelection::ChangedSince(0), [NOW - 4000, NOW + 7000].into_iter(), NOW, 0);
        assert_eq!(read(&cursor, NOW + 10_000), RowSelection::ChangedSince(NOW - 4000 - OVERLAP));
        assert_eq!(read(&cursor, NOW - 10), RowSelection::All, "a clock that jumped back");
    }

    #[test]
    fn while_everything_cannot_be_read_changes_are_and_everything_is_tried_hourly() {
        let mut cursor = cursor(NOW);
        let late = NOW + EVERYTHING_EVERY;
        let changes = Some(RowSelection::ChangedSince(NOW - OVERLAP));
        assert_eq!(cursor.next_read(late), Read { rows: RowSelection::All, otherwise: changes });
        cursor.note_failure(late);
        assert_eq!(Some(read(&cursor, late + 300)), changes);
        assert_eq!(read(&cursor, late + EVERYTHING_AGAIN), RowSelection::All);
    }

    #[test]
    fn of_a_call_without_changes_nothing_is_stored() {
        let mut cursor = Cursor::default();
        cursor.note(RowSelection::All, std::iter::empty(), NOW, 0);
        assert_eq!(cursor, Cursor::default());
    }

    #[test]
    fn nothing_is_believed_the_second_time() {
        let mut cursor = cursor(NOW);
        assert!(cursor.doubts_emptiness());
        assert_eq!(cursor.next_read(NOW + 300), Read::everything());
        assert!(!cursor.doubts_emptiness());
        cursor.note(RowSelection::All, std::iter::empty(), NOW + 300, 0);
        assert!(cursor.doubts_emptiness(), "another time");
    }
}
