//! Choosing the night and the sleep state: wire rows → the last night's readings; wire segments → the newest segment.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::is_future;
use super::measures::Context;
use super::wire::{Segment, SummaryRow};
use crate::catalogue::{Measurement, Source, Unit};
use crate::reading::{Labels, Origin, Reading, SleepSegment, SleepState};
use crate::telemetry::Unknown;

/// A row shorter than this may be a nap, seconds: 3 hours.
const NAP_SECONDS: i64 = 3 * 3600;

/// A nap has a longer row that ended within this time before its own end, seconds: 36 hours.
const NAP_AFTER_SECONDS: i64 = 36 * 3600;

/// Fields that only a row with sleep stages has.
const STAGES: [&str; 3] = ["lightsleepduration", "deepsleepduration", "remsleepduration"];

/// One sleep as Withings sums it up, from one source: a night or a nap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleepRow {
    /// Which row of Withings it is.
    pub origin: Origin,
    /// Its start, Unix seconds.
    pub started_at: i64,
    /// Its end, Unix seconds.
    pub ended_at: i64,
    /// Whether its source tells light, deep and REM sleep apart.
    pub has_stages: bool,
    /// Its values, ascending by measurement; absent ones are absent.
    pub values: Vec<(Measurement, f64)>,
}

/// The last sleeps: the night that is shown and the rows that could change which one it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sleeps {
    rows: Vec<SleepRow>,
}

/// The sleeps after an answer.
#[derive(Debug, PartialEq)]
pub enum Merged {
    /// These.
    Known(Sleeps),
    /// The night that was shown changed and is no longer the newest: everything must be read.
    ReadEverything,
}

impl Sleeps {
    /// The last sleeps of a whole history.
    pub fn choose(rows: &[SummaryRow], context: &mut Context<'_>) -> Self {
        let mut latest: HashMap<i64, SleepRow> = HashMap::new();
        for row in rows.iter().filter_map(|row| sleep_row(row, context)) {
            let is_beaten = latest.get(&row.origin.id).is_some_and(|it| it.origin.modified >= row.origin.modified);
            if !is_beaten {
                latest.insert(row.origin.id, row);
            }
        }
        Self::recent(latest.into_values().collect())
    }

    /// The last sleeps after an answer that holds what changed since.
    pub fn merge(&self, changed: &[SummaryRow], context: &mut Context<'_>) -> Merged {
        let changed: Vec<_> = changed.iter().filter_map(|row| sleep_row(row, context)).collect();
        let is_changed = |id| changed.iter().any(|row| row.origin.id == id);
        let night_changed = self.night().is_some_and(|night| is_changed(night.origin.id));
        let unchanged = self.rows.iter().filter(|row| !is_changed(row.origin.id)).cloned();
        let merged = Self::recent(unchanged.chain(changed.iter().cloned()).collect());
        let end = |sleeps: &Self| sleeps.night().map(|night| night.ended_at);
        if night_changed && end(&merged) < end(self) { Merged::ReadEverything } else { Merged::Known(merged) }
    }

    /// The night that is shown: the newest sleep that is no nap.
    #[must_use]
    pub fn night(&self) -> Option<&SleepRow> {
        let sleeps = one_for_each_time(&self.rows);
        let is_nap = |row: &SleepRow| sleeps.iter().any(|other| makes_a_nap_of(other, row));
        sleeps.iter().copied().filter(|row| !is_nap(row)).max_by_key(|row| (row.ended_at, row.origin))
    }

    /// The night's readings, ascending by measurement, measured at its end.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        let Some(night) = self.night() else { return Vec::new() };
        let reading = |(measurement, value): &(Measurement, f64)| Reading {
            measurement: *measurement,
            labels: Labels::default(),
            value: *value,
            measured_at: night.ended_at,
            until: None,
            origin: night.origin,
        };
        night.values.iter().map(reading).collect()
    }

    /// Keeps what can still decide which row is the night: all since 36 hours before its end, and what overlaps it.
    fn recent(rows: Vec<SleepRow>) -> Self {
        let mut all = Self { rows };
        if let Some(night) = all.night() {
            let since = night.ended_at.min(night.started_at) - NAP_AFTER_SECONDS;
            all.rows.retain(|row| row.ended_at >= since);
        }
        // Rows come from a hash map: the stored file must not change when nothing did.
        all.rows.sort_by_key(|row| (row.ended_at, row.origin));
        all
    }
}

/// The highest `modified` of an answer, Unix seconds: where the next one begins.
#[must_use]
pub fn highest_modified(rows: &[SummaryRow]) -> Option<i64> {
    rows.iter().filter_map(|row| row.modified).max()
}

/// The newest segment of an answer, by its end.
pub fn newest_segment(segments: &[Segment], context: &mut Context<'_>) -> Option<SleepSegment> {
    let timed = segments.iter().filter_map(|it| Some((it.enddate?, it.state)));
    let newest = timed.filter(|(ended_at, _)| {
        let is_believed = !is_future(*ended_at, context.server_now);
        if !is_believed {
            (context.unknown)(Unknown::FutureDate, ended_at);
        }
        is_believed
    });
    let (ended_at, code) = newest.max_by_key(|(ended_at, _)| *ended_at)?;
    Some(SleepSegment { state: state(code, context), ended_at })
}

/// Codes beside 0 to 3 that are in the documents (manual, unspecified, out of bed) are unknown states but no surprise.
fn state(code: Option<i64>, context: &mut Context<'_>) -> SleepState {
    match code {
        Some(0) => SleepState::Awake,
        Some(1) => SleepState::Light,
        Some(2) => SleepState::Deep,
        Some(3) => SleepState::Rem,
        None | Some(4 | 5 | 15) => SleepState::Unknown,
        Some(code) => {
            (context.unknown)(Unknown::SleepState, &code);
            SleepState::Unknown
        }
    }
}

fn sleep_row(row: &SummaryRow, context: &mut Context<'_>) -> Option<SleepRow> {
    let (id, started_at, ended_at) = (row.id?, row.startdate?, row.enddate?);
    if is_future(ended_at, context.server_now) {
        (context.unknown)(Unknown::FutureDate, &id);
        return None;
    }
    let values = Measurement::all().filter_map(|it| Some((it, summary_value(it, row)?))).collect();
    let has_stages = STAGES.iter().any(|stage| field(row, stage).is_some_and(|it| it > 0.0));
    let origin = Origin { modified: row.modified.unwrap_or(0), id };
    Some(SleepRow { origin, started_at, ended_at, has_stages, values })
}

fn summary_value(measurement: Measurement, row: &SummaryRow) -> Option<f64> {
    let Source::Summary { fields, .. } = measurement.source else { return None };
    fields.iter().find_map(|name| field(row, name).filter(|value| means_something(*value, measurement.unit)))
}

fn field(row: &SummaryRow, name: &str) -> Option<f64> {
    row.data.get(name).and_then(|it| it.0)
}

/// −1 means that there is no value, negative durations were seen, and nobody sleeps with a heart or breathing rate of 0.
pub(super) fn means_something(value: f64, unit: Unit) -> bool {
    match unit {
        Unit::BeatsPerMinute | Unit::BreathsPerMinute => value > 0.0 && value.is_finite(),
        _ => value >= 0.0 && value.is_finite(),
    }
}

/// One row for each stretch of time: rows that overlap are one sleep from several sources, of which the one with stages
/// is taken, then the longer, then the newest `modified`, then the highest id.
fn one_for_each_time(rows: &[SleepRow]) -> Vec<&SleepRow> {
    let mut by_start: Vec<&SleepRow> = rows.iter().collect();
    by_start.sort_by_key(|row| row.started_at);
    let mut best: Vec<&SleepRow> = Vec::new();
    let mut covered_until = i64::MIN;
    for row in by_start {
        match best.last_mut() {
            Some(other) if row.started_at < covered_until => {
                if preference(row) > preference(other) {
                    *other = row;
                }
            }
            _ => best.push(row),
        }
        covered_until = covered_until.max(row.ended_at);
    }
    best
}

fn preference(row: &SleepRow) -> (bool, i64, Origin) {
    (row.has_stages, duration(row), row.origin)
}

fn makes_a_nap_of(other: &SleepRow, row: &SleepRow) -> bool {
    let before = row.ended_at - other.ended_at;
    duration(row) < NAP_SECONDS && duration(other) > duration(row) && (1..=NAP_AFTER_SECONDS).contains(&before)
}

fn duration(row: &SleepRow) -> i64 {
    row.ended_at - row.started_at
}

#[cfg(test)]
#[path = "sleep_tests.rs"]
mod tests;
