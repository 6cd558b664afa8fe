//! The nights of a history: every night, chosen by the rules by which the last one is chosen.

use std::ops::Range;
use std::ptr;

use super::{DaySleeps, ShownSleep, SleepRow, Sleeps, nap_reading, newest_versions, night_readings, shown};
use crate::reading::Reading;

impl Sleeps {
    /// All sleeps of a history, from rows in any order; of a row that is there twice, its newest version.
    #[must_use]
    pub fn all(rows: Vec<SleepRow>) -> Self {
        Self { rows: newest_versions(rows.into_iter()) }
    }

    /// The readings of the nights of all days at their ends, each with its `course` and with the other sleep of its day and
    /// since, as it adds up. They end with the next night. Sleeps that are not over at `now` (Unix seconds) are left out.
    pub fn history(&self, now: i64, course: impl Fn(&SleepRow) -> Vec<Reading>) -> impl Iterator<Item = Reading> {
        let nights = nights(&self.days(now));
        let next_ends: Vec<_> = nights.iter().skip(1).map(|next| Some(next.night.ended_at)).collect();
        nights.into_iter().zip(next_ends.into_iter().chain([None])).flat_map(
            move |(ShownSleep { night, others }, end)| {
                let course = course(night);
                let naps = (1..=others.len()).filter_map(move |count| nap_reading(night, &others[..count]));
                night_readings(night).chain(course).chain(naps).map(move |reading| reading.ending_at(end))
            },
        )
    }

    /// The nights of all days, ascending by their ends. Sleeps that are not over at `now` (Unix seconds) are left out.
    #[must_use]
    pub fn nights(&self, now: i64) -> Vec<SleepRow> {
        nights(&self.days(now)).into_iter().map(|shown| shown.night.clone()).collect()
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
