//! A time on a page: in UTC, and how long that is ago or ahead in words, for nobody computes with UTC.

use chrono::{DateTime, Utc};

/// The lengths that have a word, the longest first: seconds, from how many on it is used, and the word. "36 hours ago" says more
/// than "1 day ago" would.
const UNITS: [(i64, i64, &str); 3] = [(86_400, 2, "day"), (3600, 2, "hour"), (60, 1, "minute")];

/// A time as a page shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// To the second, for programs: `2026-11-22T17:04:09Z`.
    pub(super) machine: String,
    /// To the minute, for people: `2026-11-22 17:04 UTC`.
    pub(super) utc: String,
    /// How long ago, or in how long.
    pub(super) age: String,
}

impl Moment {
    /// The time `unix`, in Unix seconds, seen from `now`; `None` if no calendar has it.
    pub(super) fn of(unix: i64, now: DateTime<Utc>) -> Option<Self> {
        let time = DateTime::from_timestamp(unix, 0)?;
        Some(Self {
            machine: time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            utc: minute(time),
            age: age(now.timestamp() - unix),
        })
    }
}

/// A time to the minute.
pub(super) fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// So many seconds ago, or ahead if they are negative.
fn age(seconds: i64) -> String {
    let length = seconds.abs();
    let unit = UNITS.into_iter().find(|(unit, from, _)| length >= from * unit);
    let Some((unit, _, word)) = unit else { return if seconds < 0 { "in a moment" } else { "just now" }.to_owned() };
    let number = length / unit;
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 { format!("in {number} {word}{plural}") } else { format!("{number} {word}{plural} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, words) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7199, "119 minutes ago"),
            (7200, "2 hours ago"),
            (172_799, "47 hours ago"),
            (172_800, "2 days ago"),
            (-1, "in a moment"),
            (-299, "in 4 minutes"),
            (-86_400, "in 24 hours"),
        ] {
            assert_eq!(age(seconds), words, "{seconds}");
        }
    }
}
