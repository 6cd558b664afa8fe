//! The nights of a history: every night, chosen by the rules by which the last one is chosen.

use std::ops::Range;

use super::{SleepRow, Sleeps, nap_reading, newest_versions, night_readings};
use crate::reading::Reading;

impl Sleeps {
    /// All sleeps of a history, from rows in any order; of a row that is there twice, its newest version.
    #[must_use]
    pub fn all(rows: Vec<SleepRow>) -> Self {
        Self { rows: newest_versions(rows.into_iter()) }
    }

    /// The readings of every night at its end, and of every nap at its end: its length and that of those before it since
    /// the night, and the `course` of every night. They end with the next night.
    pub fn history(&self, course: impl Fn(&SleepRow) -> Vec<Reading>) -> impl Iterator<Item = Reading> {
        let nights = self.nights();
        let next_ends: Vec<_> = nights.iter().skip(1).map(|(next, _)| Some(next.ended_at)).collect();
        nights.into_iter().zip(next_ends.into_iter().chain([None])).flat_map(move |((night, naps), until)| {
            let course = course(night);
            let naps = (1..=naps.len()).filter_map(move |count| nap_reading(&naps[..count]));
            night_readings(night).chain(course).chain(naps).map(move |reading| Reading { until, ..reading })
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

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
