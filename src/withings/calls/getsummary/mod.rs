//! `getsummary`: one row for each sleep. The last night and the naps since then are shown.

mod history;
mod row;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{Call, Measurement, NightFact, Source};
use crate::reading::{Labels, Reading};
use crate::withings::appli::Appli;
use crate::withings::prune;
use crate::withings::request::{Request, Rows, data_fields};
use crate::withings::wire::{AnswerPage, int, list, next_offset};

pub use row::{SleepRow, SummaryRow};

/// A row shorter than this may be a nap, seconds: 3 hours.
const NAP_SECONDS: i64 = 3 * 3600;

/// A nap has a longer row that ended within this time before its own end, seconds: 36 hours.
const NAP_AFTER_SECONDS: i64 = 36 * 3600;

/// How much of the time before the night stays in a history that is pruned, seconds: 10 days. The night may be the
/// older version of a row that comes later.
const SPARE_SECONDS: i64 = 10 * 24 * 3600;

/// A page of the answer to `getsummary`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getsummary {
    #[serde(deserialize_with = "list")]
    series: Vec<SummaryRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

impl AnswerPage for Getsummary {
    type Row = SummaryRow;

    fn into_rows(self) -> (Vec<SummaryRow>, Option<i64>) {
        (self.series, next_offset(self.more, self.offset))
    }
}

impl DataCall for Getsummary {
    const CALL: Call = Call::Getsummary;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Sleep];
    const BY_DAYS: bool = true;
    type Known = Sleeps;

    /// With every field that the catalogue knows.
    fn request(rows: Rows) -> Request {
        let fields = data_fields(|source| match source {
            Source::Summary { fields, .. } => fields,
            _ => &[],
        });
        Request::data(Call::Getsummary, "/v2/sleep", "getsummary", rows.by_days_after(fields))
    }

    /// Leaves out what is from long before the night that is shown.
    fn prune(rows: &mut Vec<SummaryRow>, server_now: i64) {
        let mut context = Context { server_now, unknown: &mut |_, _| () };
        let Some(night) = Sleeps::choose(rows, &mut context).night().map(|night| night.started_at) else { return };
        let since = night - SPARE_SECONDS;
        prune::but_for_the_latest_change(rows, |row| row.modified, |row| row.enddate.is_some_and(|at| at >= since));
    }

    fn note(
        known: &Sleeps,
        asked: Rows,
        rows: &[SummaryRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Sleeps> {
        match asked {
            Rows::ChangedSince(_) => known.merge(rows, context),
            _ => Some(Sleeps::choose(rows, context)),
        }
    }

    fn changed_at(row: &SummaryRow) -> Option<i64> {
        row.modified
    }

    fn readings(known: &Sleeps, _: &Moment<'_>) -> Vec<Reading> {
        known.readings()
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
        Self::recent(latest_versions(rows, context))
    }

    /// The last sleeps after an answer that holds what changed since; `None` if the night that was shown is none any more, and
    /// what is from before it is not known: everything must be read.
    fn merge(&self, changed: &[SummaryRow], context: &mut Context<'_>) -> Option<Self> {
        let changed = latest_versions(changed, context);
        let is_changed = |old: &SleepRow| changed.iter().any(|row| row.origin.id == old.origin.id);
        let unchanged = self.rows.iter().filter(|row| !is_changed(row)).cloned();
        let merged = Self::recent(unchanged.chain(changed.iter().cloned()).collect());
        let end = |sleeps: &Self| sleeps.night().map(|night| night.ended_at);
        (end(&merged) >= end(self)).then_some(merged)
    }

    /// The night that is shown: the newest sleep that is no nap.
    #[must_use]
    pub fn night(&self) -> Option<&SleepRow> {
        self.nights().pop().map(|(night, _)| night)
    }

    /// The night's readings, measured at its end, and the naps since then, measured at the end of the newest one; ascending
    /// by measurement.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        let Some((night, naps)) = self.nights().pop() else { return Vec::new() };
        let mut readings: Vec<_> = night_readings(night).chain(nap_reading(&naps)).collect();
        readings.sort_by_key(|reading| reading.measurement);
        readings
    }

    /// All nights, each with the naps after it, ascending.
    pub(super) fn nights(&self) -> Vec<(&SleepRow, Vec<&SleepRow>)> {
        let sleeps = one_for_each_time(&self.rows);
        let mut nights: Vec<(&SleepRow, Vec<&SleepRow>)> = Vec::new();
        for row in &sleeps {
            match nights.last_mut() {
                Some((_, naps)) if is_nap(row, &sleeps) => naps.push(row),
                _ => nights.push((row, Vec::new())),
            }
        }
        nights
    }

    /// Keeps what can still decide which row is the night: all since 36 hours before its begin, and what overlaps that.
    fn recent(rows: Vec<SleepRow>) -> Self {
        let mut all = Self { rows };
        if let Some(mut since) = all.night().map(|night| night.started_at - NAP_AFTER_SECONDS) {
            let begin = |since| all.rows.iter().filter(|row| row.ended_at >= since).map(|row| row.started_at).min();
            // A row that is left out no longer wins over one that overlaps it.
            while let Some(earlier) = begin(since).filter(|begin| *begin < since) {
                since = earlier;
            }
            all.rows.retain(|row| row.ended_at >= since);
        }
        // Rows come from a hash map: the stored file must not change when nothing did.
        all.rows.sort_by_key(|row| (row.ended_at, row.origin));
        all
    }
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

/// How long the `naps` after a night were together, measured at the end of the last one; `None` without one.
fn nap_reading(naps: &[&SleepRow]) -> Option<Reading> {
    let measurement = Measurement::all().find(|measurement| measurement.source == Source::Night(NightFact::Naps))?;
    let duration: i64 = naps.iter().map(|nap| nap.duration()).sum();
    naps.last().map(|newest| reading(measurement, duration as f64, newest.ended_at))
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

/// One row for each stretch of time, ascending. Rows that overlap are one sleep from several sources, of which the one with
/// stages is taken, then the longer, then the newest `modified`, then the highest id. Their values are never added up: sums
/// over rows gave wrong totals (home-assistant/core#103246).
fn one_for_each_time(rows: &[SleepRow]) -> Vec<&SleepRow> {
    let mut by_start: Vec<&SleepRow> = rows.iter().collect();
    by_start.sort_by_key(|row| row.started_at);
    let mut best: Vec<&SleepRow> = Vec::new();
    let mut covered_until = i64::MIN;
    for row in by_start {
        match best.last_mut() {
            Some(other) if row.started_at < covered_until => {
                if row.preference() > other.preference() {
                    *other = row;
                }
            }
            _ => best.push(row),
        }
        covered_until = covered_until.max(row.ended_at);
    }
    best
}

fn is_nap(row: &SleepRow, sleeps: &[&SleepRow]) -> bool {
    let makes_a_nap = |longer: &&SleepRow| {
        let before = row.ended_at - longer.ended_at;
        longer.duration() > row.duration() && (1..=NAP_AFTER_SECONDS).contains(&before)
    };
    row.duration() < NAP_SECONDS && sleeps.iter().any(makes_a_nap)
}

#[cfg(test)]
mod tests;
