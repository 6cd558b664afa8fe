//! Every night of a history instead of the last one: the same rows, chosen by the same rules.

use super::{Hypnogram, SleepRow, Sleeps, nap_reading, newest_versions, night_readings, segments};
use crate::reading::{Reading, SleepState};
use crate::withings::wire::Segment;

/// `sleep get` answers 24 hours at most, seconds.
pub const LONGEST_SPAN: i64 = 24 * 3600;

impl Sleeps {
    /// All sleeps of a history, from rows in any order; of a row that is there twice, its newest version.
    #[must_use]
    pub fn all(rows: Vec<SleepRow>) -> Self {
        Self { rows: newest_versions(rows.into_iter()) }
    }

    /// The readings of every night at its end, and of every nap at its end: its length and that of those before it since
    /// the night. They end with the next night. Courses come from `segments`, ascending by their begin, if there are any.
    pub fn history(&self, segments: &[Segment]) -> impl Iterator<Item = Reading> {
        let nights = self.nights();
        let next_ends: Vec<_> = nights.iter().skip(1).map(|(next, _)| Some(next.ended_at)).collect();
        nights.into_iter().zip(next_ends.into_iter().chain([None])).flat_map(move |((night, naps), until)| {
            let course = Hypnogram::new(night, around(night, segments)).readings(night);
            let naps = (1..=naps.len()).filter_map(move |count| nap_reading(night, &naps[..count]));
            night_readings(night).chain(course).chain(naps).map(move |it| Reading { until, ..it })
        })
    }

    /// Spans of at most 24 hours, Unix seconds, that hold every sleep that ended within `ended_in`, as few as possible.
    #[must_use]
    pub fn spans(&self, ended_in: &std::ops::Range<i64>) -> Vec<(i64, i64)> {
        let mut rows: Vec<_> = self.rows.iter().filter(|it| ended_in.contains(&it.ended_at)).collect();
        rows.sort_by_key(|it| it.started_at);
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for row in rows {
            match spans.last_mut() {
                Some((from, to)) if row.ended_at - *from <= LONGEST_SPAN => *to = row.ended_at.max(*to),
                _ => spans.push((row.started_at, row.ended_at.min(row.started_at + LONGEST_SPAN))),
            }
        }
        spans
    }
}

/// The state from the end of each segment on, Unix seconds, as far as anybody knew then: it is the segment's own. Ascending.
pub fn ended_states(segments: &[Segment]) -> impl Iterator<Item = (i64, SleepState)> {
    let ended = segments.iter().filter_map(|it| Some((it.enddate?, segments::state(it))));
    ended.collect::<std::collections::BTreeMap<_, _>>().into_iter()
}

/// The segments that may be of the night.
fn around<'a>(night: &SleepRow, segments: &'a [Segment]) -> &'a [Segment] {
    let place = |at: i64| segments.partition_point(|it| it.startdate.unwrap_or_default() < at);
    &segments[place(night.started_at - LONGEST_SPAN)..place(night.ended_at)]
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
