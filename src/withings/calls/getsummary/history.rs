//! The nights of a history: every night, chosen by the rules by which the last one is chosen.

use std::ops::Range;
use std::ptr;

use super::{DaySleeps, ShownSleep, SleepRow, Sleeps, nap_reading, newest_versions, night_readings, shown};
use crate::reading::Reading;

/// A night of a history.
pub struct PastNight<'a> {
    /// The night's row.
    pub night: &'a SleepRow,
    /// The readings at its end, and of the other sleep of its day and since, as it adds up.
    pub readings: Vec<Reading>,
    /// When the next night ends, and the readings of this one with it, Unix seconds; `None` for the last one.
    pub ends_at: Option<i64>,
}

impl Sleeps {
    /// All sleeps of a history, from rows in any order; of a row that is there twice, its newest version.
    #[must_use]
    pub fn all(rows: Vec<SleepRow>) -> Self {
        Self { rows: newest_versions(rows.into_iter()) }
    }

    /// The nights of all days, ascending by their ends. Sleeps that are not over at `now` (Unix seconds) are left out.
    pub fn history(&self, now: i64) -> impl Iterator<Item = PastNight<'_>> {
        let nights = nights(&self.days(now));
        let next_ends: Vec<_> = nights.iter().skip(1).map(|next| Some(next.night.ended_at)).collect();
        nights.into_iter().zip(next_ends.into_iter().chain([None])).map(|(ShownSleep { night, others }, ends_at)| {
            let naps = (1..=others.len()).filter_map(|count| nap_reading(night, &others[..count]));
            let readings = night_readings(night).chain(naps).map(|reading| reading.ending_at(ends_at));
            PastNight { night, readings: readings.collect(), ends_at }
        })
    }

    /// Spans that hold every sleep that ended within `ended_in`, all Unix seconds, as few as possible and not longer than
    /// `longest` seconds.
    #[must_use]
    pub fn spans(&self, ended_in: &Range<i64>, longest: i64) -> Vec<(i64, i64)> {
        let mut rows: Vec<_> = self.rows.iter().filter(|row| ended_in.contains(&row.ended_at)).collect();
        rows.sort_by_key(|row| row.started_at);
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for row in rows {
            match spans.last_mut() {
                Some((from, to)) if row.ended_at - *from <= longest => *to = row.ended_at.max(*to),
                _ => spans.push((row.started_at, row.ended_at.min(row.started_at + longest))),
            }
        }
        spans
    }
}

/// What was shown at the end of each day; of several days with one night, the last.
fn nights<'a>(days: &[DaySleeps<'a>]) -> Vec<ShownSleep<'a>> {
    let mut nights: Vec<ShownSleep<'a>> = Vec::new();
    for shown in (1..=days.len()).filter_map(|count| shown(&days[..count])) {
        nights.pop_if(|before| ptr::eq(before.night, shown.night));
        nights.push(shown);
    }
    nights
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
