//! `getactivity`: one row for each day and source. Those of the day that it is now where the person is are shown.
//!
//! Each source counts each day on its own: a worn tracker wins, else the row with the newest `modified`, and nothing is
//! ever added up. A row says in which time zone its day is, so two rows of different dates may both be of today for
//! somebody who travels. The values end with the day: yesterday's steps never stand for today's.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::context::{Context, is_future, means_something, number};
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{Call, LabelName, Measurement, Source, ZONES};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, Rows, data_fields, utc_day};
use crate::withings::wire::{Float, Page, int, list, next_offset, text};
use crate::zone::Zone;

/// No day is as long, seconds: clocks are set back by some hours at most.
const LONGEST_DAY: i64 = 48 * 3600;

/// A page of the answer to `getactivity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getactivity {
    #[serde(deserialize_with = "days")]
    activities: Vec<ActivityRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// What one source counted on one day.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActivityRow {
    /// The day where the person was, `YYYY-MM-DD`.
    #[serde(deserialize_with = "text")]
    pub date: Option<String>,
    /// The IANA name of the zone that the day is in.
    #[serde(deserialize_with = "text")]
    pub timezone: Option<String>,
    /// 1 for a device that is worn, 0 for a phone and the like.
    #[serde(deserialize_with = "int")]
    pub is_tracker: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// All of its fields that are numbers: the values stand beside the others here.
    #[serde(skip)]
    pub data: BTreeMap<String, Float>,
}

impl Page for Getactivity {
    type Row = ActivityRow;

    fn into_rows(self) -> (Vec<ActivityRow>, Option<i64>) {
        (self.activities, next_offset(self.more, self.offset))
    }
}

/// Rows that are read twice: once for what describes them, once for their numbers.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ActivityRow>, D::Error> {
    let rows: Vec<&'de RawValue> = list(deserializer)?;
    let row = |json: &str| {
        let row: ActivityRow = serde_json::from_str(json).ok()?;
        Some(ActivityRow { data: serde_json::from_str(json).ok()?, ..row })
    };
    Ok(rows.into_iter().filter_map(|it| row(it.get())).collect())
}

impl DataCall for Getactivity {
    const CALL: Call = Call::Getactivity;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Activity];
    type Known = Days;

    /// The days that can be the present one anywhere: all of their rows, so that nothing needs to be merged and what was
    /// deleted is gone at once. Older days are never shown.
    fn asks(_: &Days, _: Rows, moment: &Moment<'_>) -> Vec<Rows> {
        vec![Rows::Days { from: utc_day(moment.server_now, -1), to: utc_day(moment.server_now, 1) }]
    }

    /// With every field that the catalogue knows.
    fn request(rows: Rows) -> Request {
        let fields = data_fields(|source| match source {
            Source::Activity { fields } => fields,
            _ => &[],
        });
        Request::data(Call::Getactivity, "/v2/measure", "getactivity", rows.by_days_after(fields))
    }

    fn note(_: &Days, _: Rows, rows: &[ActivityRow], _: &Moment<'_>, context: &mut Context<'_>) -> Option<Days> {
        Some(Days::choose(rows, context))
    }

    fn readings(known: &Days, moment: &Moment<'_>) -> Vec<Reading> {
        known.readings(moment.server_now).cloned().collect()
    }
}

impl PastCall for Getactivity {
    type Kept = Days;

    fn keep(rows: &[ActivityRow], context: &mut Context<'_>) -> Vec<Days> {
        vec![Days::choose(rows, context)]
    }

    fn values(kept: &[Days]) -> usize {
        kept.iter().flat_map(|days| &days.0).map(|day| day.readings.len()).sum()
    }
}

/// Fields of which one has a value if the source has a sensor for the heart. Without it the zones are zero.
const HEART_RATES: [&str; 3] = ["hr_average", "hr_min", "hr_max"];

/// The last days of all sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(Vec<Day>);

/// What one source counted on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Day {
    begins_at: i64,
    /// When the next one begins, which is not always 24 hours later.
    ends_at: i64,
    is_tracker: bool,
    origin: Origin,
    readings: Vec<Reading>,
}

impl Days {
    /// The days of an answer.
    fn choose(rows: &[ActivityRow], context: &mut Context<'_>) -> Self {
        let mut days: Vec<Day> = rows.iter().filter_map(|row| day(row, context)).collect();
        days.sort_by(Day::compare);
        Self(days)
    }

    /// The days of several answers.
    #[must_use]
    pub fn joined(answers: Vec<Self>) -> Self {
        let mut days: Vec<Day> = answers.into_iter().flat_map(|it| it.0).collect();
        days.sort_by(Day::compare);
        Self(days)
    }

    /// How many values are in them.
    #[must_use]
    pub fn values(&self) -> usize {
        self.0.iter().map(|it| it.readings.len()).sum()
    }

    /// The readings of the day that it is at `now`, Unix seconds: until its end.
    pub fn readings(&self, now: i64) -> impl Iterator<Item = &Reading> {
        self.winner(now).into_iter().flat_map(|it| &it.readings)
    }

    /// The readings of every day, at the last moment at which it was measured and was the present day: those of the rows
    /// that won over all others then.
    pub fn history(&self) -> impl Iterator<Item = Reading> {
        // A place that changes sides of the date line leaves a day out.
        let lasting = self.0.iter().filter(|day| day.begins_at < day.ends_at);
        let moments = lasting.map(|day| (day, day.origin.modified.clamp(day.begins_at, day.ends_at - 1)));
        let winners = moments.filter(|(day, at)| self.winner(*at).is_some_and(|it| std::ptr::eq(it, *day)));
        winners.flat_map(|(day, measured_at)| day.readings.iter().map(move |it| Reading { measured_at, ..it.clone() }))
    }

    /// The row that counts at `now`, Unix seconds.
    fn winner(&self, now: i64) -> Option<&Day> {
        let begun = &self.0[..self.0.partition_point(|it| it.begins_at <= now)];
        let recent = &begun[begun.partition_point(|it| it.begins_at + LONGEST_DAY < now)..];
        let present = recent.iter().filter(|it| now < it.ends_at);
        present.max_by_key(|it| (it.is_tracker, it.origin))
    }
}

impl Day {
    /// In the order of time, then of winning. Rows that Withings changed at one time are told apart by what they say, for
    /// the order of the list means nothing.
    fn compare(&self, other: &Self) -> Ordering {
        let place = |it: &Self| (it.begins_at, it.is_tracker, it.origin);
        let values = |it: &Self| it.readings.iter().map(|it| it.value).collect::<Vec<_>>();
        let by_values = || values(self).partial_cmp(&values(other)).unwrap_or(Ordering::Equal);
        place(self).cmp(&place(other)).then_with(by_values)
    }
}

fn day(row: &ActivityRow, context: &mut Context<'_>) -> Option<Day> {
    let date: NaiveDate = row.date.as_ref()?.parse().ok()?;
    let zone = zone(row, context);
    let (begins_at, ends_at) = (begin(date, &zone)?, begin(date.succ_opt()?, &zone)?);
    if is_future(begins_at, context.server_now) {
        (context.unknown)(Unknown::FutureDate, &date);
        return None;
    }
    let origin = Origin { modified: row.modified.unwrap_or(0), id: 0 };
    let reading = |(measurement, labels, value)| Reading {
        measurement,
        labels,
        value,
        measured_at: origin.modified.clamp(begins_at, ends_at),
        until: Some(ends_at),
    };
    let readings = values(row, begins_at, context).into_iter().map(reading).collect();
    Some(Day { begins_at, ends_at, is_tracker: row.is_tracker == Some(1), origin, readings })
}

/// The zone that a row's day is in. One that is not known is UTC, and so is an absent one, which is no surprise.
fn zone(row: &ActivityRow, context: &mut Context<'_>) -> Zone {
    let Some(name) = &row.timezone else { return Zone::UTC };
    Zone::named(name).unwrap_or_else(|| {
        (context.unknown)(Unknown::TimeZone, name);
        Zone::UTC
    })
}

/// When a day begins, Unix seconds: at its first valid minute, for where the clock jumps over midnight there is none. A
/// day that a place left out, to change sides of the date line, begins when the next one does.
fn begin(date: NaiveDate, zone: &Zone) -> Option<i64> {
    let midnight = date.and_time(NaiveTime::MIN);
    let mut minutes = (0..=24 * 60).filter_map(|it| midnight.checked_add_signed(TimeDelta::minutes(it)));
    minutes.find_map(|it| zone.earliest(it))
}

/// The values of a day, in the catalogue's order.
fn values(row: &ActivityRow, begins_at: i64, context: &mut Context<'_>) -> Vec<(Measurement, Labels, f64)> {
    let has_heart_rate = HEART_RATES.iter().any(|it| row.data.get(*it).is_some_and(|it| it.0 > Some(0.0)));
    let mut values = Vec::new();
    for measurement in Measurement::all() {
        match measurement.source {
            Source::ActivityDay => values.push((measurement, Labels::default(), begins_at as f64)),
            Source::Activity { fields } => {
                let is_zones = measurement.labels == [LabelName::Zone];
                for (field, zone) in fields.iter().zip(ZONES).filter(|_| has_heart_rate || !is_zones) {
                    let value = number(&row.data, field, context).filter(|it| means_something(*it, measurement.unit));
                    let labels = if is_zones { Labels::new([(LabelName::Zone, zone)]) } else { Labels::default() };
                    values.extend(value.map(|it| (measurement, labels, it)));
                }
            }
            _ => {}
        }
    }
    values
}

#[cfg(test)]
#[path = "getactivity_tests.rs"]
mod tests;
