//! What is asked of the history, and the periods in which Withings is asked for it.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Call, Measurement};
use crate::withings::request::{FIRST_DAY, RowSelection};
use crate::zone::Zone;

/// A history that is asked for whole ends so long before the present: Prometheus still writes to the hours after it, and
/// takes no blocks from elsewhere for them.
pub(super) const HEAD: i64 = 3 * 3600;

/// An interrupted question is gone on with for so long, seconds: a week. Older answers may have changed at Withings.
const LASTS: i64 = 7 * 86_400;

/// What is read minute by minute costs a call for each night or day: without a start, only that of so many days is read.
const DETAILED_DAYS: i64 = 90;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Whose history.
    pub people: Vec<AskedProfile>,
    /// What was measured.
    pub measurements: BTreeSet<Measurement>,
    /// Since when, Unix seconds; `None` is the whole history.
    pub start: Option<i64>,
    /// Until before when, Unix seconds; `None` is three hours ago.
    pub end: Option<i64>,
    /// Whether the stages of the nights are read: of the last 90 days, or since `start`.
    pub sleep_stages: bool,
    /// Whether what watches measured through the days is read: of the same days.
    #[serde(default)]
    pub intraday: bool,
    /// How often values are repeated until the next one, seconds, at least 1; `None` is never.
    pub fill: Option<u32>,
    /// Labels that every series has, ascending by their names.
    pub labels: Vec<(String, String)>,
}

/// A profile, and the person that it was connected with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedProfile {
    /// The profile's name.
    pub profile: String,
    /// Withings' id of the person.
    pub user_id: String,
}

/// A question since it was first asked: what it means does not change while it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What is asked for.
    pub question: Question,
    /// When it was first asked, Unix seconds.
    pub at: i64,
    /// The version of the program that asked.
    #[serde(default)]
    pub version: String,
}

/// Days in UTC, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

impl Question {
    /// The times of the samples if it is asked at `now`, Unix seconds.
    #[must_use]
    pub fn period(&self, now: i64) -> Range<i64> {
        let end = self.end.unwrap_or(now - HEAD).min(now);
        self.start.unwrap_or(0)..end
    }

    /// Whether anything that was measured has a history.
    #[must_use]
    pub fn has_history(&self) -> bool {
        Call::DATA.into_iter().any(|call| self.needs(call))
    }

    /// Whether a measurement needs `call`.
    pub(super) fn needs(&self, call: Call) -> bool {
        match call {
            Call::Getmeas | Call::Getactivity | Call::Getworkouts | Call::HeartList => self.has(call),
            Call::Getintradayactivity => self.intraday && self.has(call),
            // What makes a night of what was slept is not in the stages.
            Call::Getsummary => self.has(call) || self.needs(Call::SleepGet),
            Call::SleepGet => self.sleep_stages && self.has(call),
            // What people own and aim for has a present and no history; the others bring no measurements.
            Call::Getdevice | Call::Getgoals | Call::Requesttoken | Call::Revoke | Call::Notify => false,
        }
    }

    fn has(&self, call: Call) -> bool {
        self.measurements.iter().any(|measurement| measurement.source.calls().contains(&call))
    }
}

impl Asked {
    /// Whether `later`, which is asked now, may go on with what was fetched for this.
    pub(super) fn is_gone_on_with_by(&self, later: &Self) -> bool {
        let is_same = self.question == later.question && self.version == later.version;
        is_same && (0..LASTS).contains(&(later.at - self.at))
    }

    /// The times of the samples, Unix seconds.
    #[must_use]
    pub fn period(&self) -> Range<i64> {
        self.question.period(self.at)
    }

    /// The times of which is read what costs a call for each night or day, Unix seconds.
    pub(super) fn detailed(&self) -> Range<i64> {
        let Range { start, end } = self.period();
        let since = self.at - DETAILED_DAYS * SECONDS_OF_A_DAY;
        if self.question.start.is_some() { start..end } else { start.max(since)..end }
    }

    /// The same times, as spans of 24 hours; of the last one what is left.
    pub(super) fn days(&self) -> Vec<(i64, i64)> {
        let Range { start, end } = self.detailed();
        let days = usize::try_from(SECONDS_OF_A_DAY).unwrap_or(1);
        (start..end).step_by(days).map(|from| (from, end.min(from + SECONDS_OF_A_DAY))).collect()
    }

    /// The windows to ask for: years, so that an answer is small and an interruption costs little. A sleep before the
    /// period decides whether the first one in it is a nap, and local days are not those of UTC: some days more.
    pub(super) fn windows(&self) -> Vec<Window> {
        let Range { start, end } = self.period();
        let first = Zone::UTC.date(start).checked_sub_days(Days::new(3)).unwrap_or(NaiveDate::MIN);
        let first = if self.question.start.is_some() { first } else { FIRST_DAY };
        let last = Zone::UTC.date(end).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        let year = |year| {
            let begin = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(first).max(first);
            let end = NaiveDate::from_ymd_opt(year, 12, 31).unwrap_or(last).min(last);
            Window { from: begin, to: end }
        };
        (first.year()..=last.year()).map(year).collect()
    }

    /// The rows of `call` to ask for in a window. In the first one of a whole history are all body measures before it: they
    /// were typed in, or came from elsewhere.
    pub(super) fn rows(&self, call: Call, Window { from, to }: Window) -> RowSelection {
        let has_all_before = call == Call::Getmeas && self.question.start.is_none() && from == FIRST_DAY;
        let from = if has_all_before { Zone::UTC.date(self.period().start) } else { from };
        RowSelection::Days { from, to }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn asked(start: Option<&str>, end: Option<&str>) -> Asked {
        let time = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp();
        let question = Question {
            people: Vec::new(),
            measurements: Measurement::all().collect(),
            start: start.map(time),
            end: end.map(time),
            sleep_stages: false,
            intraday: false,
            fill: None,
            labels: Vec::new(),
        };
        Asked { question, at: time("2026-11-22T12:00:00Z"), version: String::new() }
    }

    fn windows(asked: &Asked) -> Vec<String> {
        asked.windows().iter().map(|window| format!("{} {}", window.from, window.to)).collect()
    }

    #[test]
    fn a_period_is_asked_for_by_years_and_some_days_around_it() {
        let some = asked(Some("2024-02-01T00:00:00Z"), Some("2025-12-31T00:00:00Z"));
        assert_eq!(windows(&some), ["2024-01-29 2024-12-31", "2025-01-01 2025-12-31", "2026-01-01 2026-01-01"]);
        let old = windows(&asked(Some("1999-12-31T00:00:00Z"), Some("2000-05-01T00:00:00Z")));
        assert_eq!(old, ["1999-12-28 1999-12-31", "2000-01-01 2000-05-02"]);
        let all = windows(&asked(None, None));
        assert_eq!((all.len(), &*all[0], &*all[17]), (18, "2009-01-01 2009-12-31", "2026-01-01 2026-11-23"));
    }

    #[test]
    fn the_hours_that_prometheus_writes_to_are_left_out() {
        let all = asked(None, None);
        assert_eq!(all.period().end, all.at - 3 * 3600);
        let now = asked(None, Some("2026-11-22T12:00:00Z"));
        assert_eq!(now.period().end, now.at);
    }

    #[test]
    fn what_costs_a_call_for_each_day_is_read_since_the_start_or_of_ninety_days() {
        let all = asked(None, None);
        assert_eq!(all.detailed(), all.at - 90 * 86_400..all.at - 3 * 3600);
        assert_eq!(all.days().len(), 90);
        let some = asked(Some("2016-01-01T00:00:00Z"), Some("2016-01-02T06:00:00Z"));
        assert_eq!(some.detailed(), some.period());
        let lengths: Vec<_> = some.days().iter().map(|(from, to)| to - from).collect();
        assert_eq!(lengths, [86_400, 6 * 3600]);
    }

    #[test]
    fn only_calls_whose_measurements_are_wanted_are_made() {
        let needs = |keys: &[&str], sleep_stages| {
            let measurements = keys.iter().map(|key| Measurement::by_key(key).unwrap()).collect();
            let question = Question { measurements, sleep_stages, ..asked(None, None).question };
            Call::all().filter(|call| question.needs(*call)).collect::<Vec<_>>()
        };
        assert_eq!(needs(&["weight_kg", "goal_steps", "device_info", "in_bed"], true), [Call::Getmeas]);
        assert_eq!(needs(&["sleep_state"], false), []);
        assert_eq!(needs(&["sleep_state"], true), [Call::Getsummary, Call::SleepGet]);
        assert_eq!(
            needs(&["activity_steps", "workout_distance_meters"], false),
            [Call::Getactivity, Call::Getworkouts]
        );
    }
}
