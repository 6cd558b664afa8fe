//! Choosing the present day: wire rows → the last days → the readings of the day that it is now where the person is.
//!
//! Each source counts each day on its own: a worn tracker wins, else the row with the newest `modified`, and nothing is
//! ever added up. A row says in which time zone its day is, so two rows of different dates may both be of today for
//! somebody who travels. The values end with the day: yesterday's steps never stand for today's.

use std::cmp::Ordering;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::measures::Context;
use super::sleep::means_something;
use super::wire::ActivityRow;
use super::{is_future, number};
use crate::catalogue::{LabelName, Measurement, Source, ZONES};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::zone::Zone;

/// Fields of which one has a value if the source has a sensor for the heart. Without it the zones are zero.
const HEART_RATES: [&str; 3] = ["hr_average", "hr_min", "hr_max"];

/// No day is as long, seconds: clocks are set back by some hours at most.
const LONGEST_DAY: i64 = 48 * 3600;

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
    pub fn choose(rows: &[ActivityRow], context: &mut Context<'_>) -> Self {
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
        origin,
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
#[path = "activity_tests.rs"]
mod tests;
