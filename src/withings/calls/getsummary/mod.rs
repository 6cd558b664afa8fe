//! `getsummary`: one row for each sleep and source. The last night is shown, and how much else was slept on its day and since.

mod history;
mod row;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ptr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{Call, Measurement, NightFact, Source};
use crate::reading::{Labels, Reading};
use crate::withings::appli::Appli;
use crate::withings::prune;
use crate::withings::request::{Request, RowSelection, data_fields};
use crate::withings::wire::SeriesPage;

pub use history::PastNight;
use row::LONGEST_SECONDS;
pub use row::{SleepRow, SummaryRow};

/// A day has a night if it has a sleep of so long, seconds: 3 hours.
const NIGHT_SECONDS: i64 = 3 * 3600;

/// The night ended within this time before the newest sleep did, seconds: 36 hours.
const NIGHT_WITHIN_SECONDS: i64 = 36 * 3600;

/// How much of the time before the night stays, seconds: 4 days. Rows of the night's day can be the same sleep as rows of the
/// day before, and those as others.
const KEPT_SECONDS: i64 = 4 * 24 * 3600;

/// How much of the time before the night stays in a history that is pruned, seconds: 10 days. The night may be the
/// older version of a row that comes later.
const SPARE_SECONDS: i64 = 10 * 24 * 3600;

/// A page of the answer to `getsummary`.
pub type Getsummary = SeriesPage<SummaryRow>;

impl DataCall for Getsummary {
    const CALL: Call = Call::Getsummary;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Sleep];
    const BY_DAYS: bool = true;
    const SOONER_SECONDS: i64 = 2 * 3600;
    // 2: rows know the day of their end, their kinds of stages and whether they are over.
    const REVISION: u32 = 2;
    type Known = Sleeps;

    /// With every field that the catalogue knows.
    fn request(rows: RowSelection) -> Request {
        let fields = data_fields(|source| match source {
            Source::Summary { fields, .. } => fields,
            _ => &[],
        });
        Request::data(Call::Getsummary, "/v2/sleep", "getsummary", rows.by_days_after(fields))
    }

    /// Leaves out what is from long before the night that is shown.
    fn prune(rows: &mut Vec<SummaryRow>, server_now: i64) {
        let mut context = Context::silent(server_now);
        let Some(night) = Sleeps::choose(rows, &mut context).night(server_now).map(|night| night.started_at) else {
            return;
        };
        let since = night - SPARE_SECONDS;
        // A row that is not believed stays: it is counted when the night is chosen.
        let mut is_needed = |row: &SummaryRow| SleepRow::new(row, &mut context).is_none_or(|row| row.ended_at >= since);
        prune::but_for_the_latest_change(rows, |row| row.modified, &mut is_needed);
    }

    fn note(
        known: &Sleeps,
        asked: RowSelection,
        rows: &[SummaryRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Sleeps> {
        match asked {
            RowSelection::ChangedSince(_) => known.merge(rows, context),
            _ => Some(Sleeps::choose(rows, context)),
        }
    }

    fn changed_at(row: &SummaryRow) -> Option<i64> {
        row.modified
    }

    fn readings(known: &Sleeps, moment: &Moment<'_>) -> Vec<Reading> {
        known.readings(moment.server_now)
    }
}

impl PastCall for Getsummary {
    type Kept = SleepRow;

    fn keep(rows: &[SummaryRow], context: &mut Context<'_>) -> Vec<SleepRow> {
        latest_versions(rows, context)
    }

    fn values(kept: &[SleepRow]) -> usize {
        kept.iter().map(|row| row.values.len()).sum()
    }
}

/// The last sleeps: the night that is shown and the rows that could change which one it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sleeps {
    rows: Vec<SleepRow>,
}

impl Sleeps {
    /// The last sleeps of a whole history.
    fn choose(rows: &[SummaryRow], context: &mut Context<'_>) -> Self {
        Self::recent(latest_versions(rows, context), context.server_now)
    }

    /// The last sleeps after an answer that holds what changed since; `None` if the night that was shown is none any more, and
    /// what is from before it is not known: everything must be read.
    fn merge(&self, changed: &[SummaryRow], context: &mut Context<'_>) -> Option<Self> {
        let changed = latest_versions(changed, context);
        let is_changed = |old: &SleepRow| changed.iter().any(|row| row.origin.id == old.origin.id);
        let unchanged = self.rows.iter().filter(|row| !is_changed(row)).cloned();
        let now = context.server_now;
        let merged = Self::recent(unchanged.chain(changed.iter().cloned()).collect(), now);
        let end = |sleeps: &Self| sleeps.night(now).map(|night| night.ended_at);
        (end(&merged) >= end(self)).then_some(merged)
    }

    /// The night that is shown at `now`, Unix seconds by the server's clock.
    #[must_use]
    pub fn night(&self, now: i64) -> Option<&SleepRow> {
        shown(&self.days(now)).map(|shown| shown.night)
    }

    /// The night's readings, measured at its end, and the other sleep of its day and since, measured at the end of the
    /// newest; ascending by measurement.
    #[must_use]
    pub fn readings(&self, now: i64) -> Vec<Reading> {
        let Some(ShownSleep { night, others }) = shown(&self.days(now)) else { return Vec::new() };
        let mut readings: Vec<_> = night_readings(night).chain(nap_reading(night, &others)).collect();
        readings.sort_by_key(|reading| reading.measurement);
        readings
    }

    /// The sleeps that are over at `now`, each once, by the days of their ends.
    fn days(&self, now: i64) -> Vec<DaySleeps<'_>> {
        let mut days: BTreeMap<NaiveDate, DaySleeps<'_>> = BTreeMap::new();
        for row in distinct(self.rows.iter().filter(|row| row.is_over(now))) {
            days.entry(row.day()).or_default().push(row);
        }
        days.into_values().collect()
    }

    /// Keeps what can still decide which row is the night.
    fn recent(rows: Vec<SleepRow>, now: i64) -> Self {
        let mut all = Self { rows };
        if let Some(since) = all.night(now).map(|night| night.started_at - KEPT_SECONDS) {
            all.rows.retain(|row| row.ended_at >= since);
        }
        // Rows come from a hash map: the stored file must not change when nothing did.
        all.rows.sort_by_key(|row| (row.ended_at, row.origin));
        all
    }
}

/// The sleeps that ended on one local day, ascending by their ends; at least one.
type DaySleeps<'a> = Vec<&'a SleepRow>;

/// What is shown of some days.
struct ShownSleep<'a> {
    night: &'a SleepRow,
    /// The other sleeps of the night's day and since, ascending by their ends.
    others: Vec<&'a SleepRow>,
}

/// The night of the newest day that has a long sleep within 36 hours before the end of the newest sleep; without one the newest
/// sleep alone, for it may be a night of which more is to come.
fn shown<'a>(days: &[DaySleeps<'a>]) -> Option<ShownSleep<'a>> {
    // Zones differ by a day at most.
    let last_days = &days[days.len().saturating_sub(2)..];
    let newest = *last_days.iter().flatten().max_by_key(|row| row.ended_at)?;
    let since = newest.ended_at - NIGHT_WITHIN_SECONDS;
    let is_long = |row: &&SleepRow| row.duration() >= NIGHT_SECONDS && row.ended_at >= since;
    let Some(place) = days.iter().rposition(|day| day.iter().any(is_long)) else {
        return Some(ShownSleep { night: newest, others: Vec::new() });
    };
    let night = *days[place].iter().max_by_key(|row| (row.duration(), row.preference()))?;
    let mut others: Vec<_> = days[place..].iter().flatten().copied().filter(|row| !ptr::eq(*row, night)).collect();
    others.sort_by_key(|row| row.ended_at);
    Some(ShownSleep { night, others })
}

/// One row of each sleep, ascending by their ends. Values of several rows of a sleep are never added up: sums over rows gave
/// wrong totals (home-assistant/core#103246).
fn distinct<'a>(rows: impl Iterator<Item = &'a SleepRow>) -> Vec<&'a SleepRow> {
    let mut by_preference: Vec<_> = rows.collect();
    by_preference.sort_by_key(|row| Reverse(row.preference()));
    let mut taken: BTreeMap<(i64, i64), &SleepRow> = BTreeMap::new();
    for row in by_preference {
        // No sleep is longer than a day, so that those that begin earlier are over.
        let near = taken.range((row.started_at - LONGEST_SECONDS, i64::MIN)..(row.ended_at, i64::MAX));
        if !near.map(|(_, other)| other).any(|other| row.is_same_sleep(other)) {
            taken.insert((row.started_at, row.origin.id), row);
        }
    }
    let mut distinct: Vec<_> = taken.into_values().collect();
    distinct.sort_by_key(|row| (row.ended_at, row.origin));
    distinct
}

/// The readings of a night's row, measured at its end.
fn night_readings(night: &SleepRow) -> impl Iterator<Item = Reading> {
    let fact = |measurement: Measurement| match measurement.source {
        Source::Night(NightFact::Start) => Some((measurement, night.started_at as f64)),
        Source::Night(NightFact::End) => Some((measurement, night.ended_at as f64)),
        _ => None,
    };
    let values = night.values.iter().copied().chain(Measurement::all().filter_map(fact));
    values.map(|(measurement, value)| reading(measurement, value, night.ended_at))
}

/// How long the `others` beside a night were together, known at the end of the last of all; `None` without one.
fn nap_reading(night: &SleepRow, others: &[&SleepRow]) -> Option<Reading> {
    let measurement = Measurement::all().find(|measurement| measurement.source == Source::Night(NightFact::Naps))?;
    let duration: i64 = others.iter().map(|row| row.duration()).sum();
    others.last().map(|newest| reading(measurement, duration as f64, newest.ended_at.max(night.ended_at)))
}

fn reading(measurement: Measurement, value: f64, measured_at: i64) -> Reading {
    Reading { measurement, labels: Labels::default(), value, measured_at, until: None }
}

/// The rows of an answer that are believed, without the older versions of one that was changed while its pages were read.
fn latest_versions(rows: &[SummaryRow], context: &mut Context<'_>) -> Vec<SleepRow> {
    newest_versions(rows.iter().filter_map(|row| SleepRow::new(row, context)))
}

fn newest_versions(rows: impl Iterator<Item = SleepRow>) -> Vec<SleepRow> {
    let mut latest: HashMap<i64, SleepRow> = HashMap::new();
    for row in rows {
        let is_beaten = latest.get(&row.origin.id).is_some_and(|known| known.origin.modified >= row.origin.modified);
        if !is_beaten {
            latest.insert(row.origin.id, row);
        }
    }
    latest.into_values().collect()
}

#[cfg(test)]
mod tests;
