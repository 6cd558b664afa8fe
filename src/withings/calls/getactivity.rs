//! `getactivity`: one row for each day and source. The present day's row is shown, by the time zone of the row.
//!
//! Each source counts each day on its own: a device wins over a phone, then a worn tracker, then the row with the newest
//! `modified`, and values of several sources are never added up. A row says in which time zone its day is, so that for a person who travels two rows of
//! different dates may both be of today. The values end with the day: yesterday's steps never stand for today's.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize};

use super::context::{Context, is_future, means_something, number, zone};
use super::data_call::{DataCall, Moment, PastCall};
use crate::catalogue::{Call, LabelName, Measurement, Source, ZONES};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, RowSelection, data_fields, utc_day};
use crate::withings::wire::{AnswerPage, Float, elements, int, next_offset, object, words};

/// A length that no day has, seconds: clocks are set back by some hours at most.
const LONGEST_DAY: i64 = 48 * 3600;

/// The brand of rows that come from elsewhere, such as the phone's own counter.
const PHONE: i64 = 18;

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
    #[serde(deserialize_with = "words")]
    pub date: Option<String>,
    /// The IANA name of the zone that the day is in.
    #[serde(deserialize_with = "words")]
    pub timezone: Option<String>,
    /// 1 for a device that is worn, 0 for a phone and the like; 1 was seen on the rows of phones too.
    #[serde(deserialize_with = "int")]
    pub is_tracker: Option<i64>,
    /// Withings' id of the device.
    #[serde(deserialize_with = "words")]
    pub hash_deviceid: Option<String>,
    /// The same, in rows that have no other.
    #[serde(deserialize_with = "words")]
    pub deviceid: Option<String>,
    /// Who made the source; 18 is the phone's own counter.
    #[serde(deserialize_with = "int")]
    pub brand: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// All fields of the row that are numbers: here the values stand beside what describes them.
    #[serde(skip)]
    pub data: BTreeMap<String, Float>,
}

impl AnswerPage for Getactivity {
    type Row = ActivityRow;

    fn into_rows(self) -> (Vec<ActivityRow>, Option<i64>) {
        (self.activities, next_offset(self.more, self.offset))
    }
}

/// The rows of an answer. Each is parsed twice: once for the fields that describe it, once for its numbers.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ActivityRow>, D::Error> {
    let row = |json: &'de str| ActivityRow { data: object(json), ..object(json) };
    Ok(elements(deserializer)?.into_iter().map(|element| row(element.get())).collect())
}

impl DataCall for Getactivity {
    const CALL: Call = Call::Getactivity;
    const NOTIFICATIONS: &'static [Appli] = &[Appli::Activity];
    type Known = ActivityDays;

    /// The days that can be the present one anywhere: all of their rows, so that nothing needs to be merged and what was
    /// deleted is gone at once. Older days are never shown.
    fn asks(_: &ActivityDays, _: RowSelection, moment: &Moment<'_>) -> Vec<RowSelection> {
        vec![RowSelection::Days { from: utc_day(moment.server_now, -1), to: utc_day(moment.server_now, 1) }]
    }

    /// With every field that the catalogue knows.
    fn request(rows: RowSelection) -> Request {
        let fields = data_fields(|source| match source {
            Source::Activity { fields } => fields,
            _ => &[],
        });
        Request::data(Call::Getactivity, "/v2/measure", "getactivity", rows.by_days_after(fields))
    }

    fn note(
        _: &ActivityDays,
        _: RowSelection,
        rows: &[ActivityRow],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<ActivityDays> {
        Some(ActivityDays::choose(rows, context))
    }

    fn readings(known: &ActivityDays, moment: &Moment<'_>) -> Vec<Reading> {
        known.readings(moment.server_now).cloned().collect()
    }
}

impl PastCall for Getactivity {
    type Kept = ActivityDays;

    fn keep(rows: &[ActivityRow], context: &mut Context<'_>) -> Vec<ActivityDays> {
        vec![ActivityDays::choose(rows, context)]
    }

    fn values(kept: &[ActivityDays]) -> usize {
        kept.iter().flat_map(|days| &days.0).map(|day| day.readings.len()).sum()
    }
}

/// Fields of which one has a value if the source has a heart rate sensor. Without a sensor the zones are 0, which is no value.
const HEART_RATES: [&str; 3] = ["hr_average", "hr_min", "hr_max"];

/// The last days of all sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityDays(Vec<ActivityDay>);

/// What one source counted on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ActivityDay {
    begins_at: i64,
    /// When the next day begins, which is not always 24 hours later.
    ends_at: i64,
    /// What makes the source win over others of the day; absent in what 0.1.0 stored.
    #[serde(default)]
    has_device: bool,
    is_tracker: bool,
    origin: Origin,
    readings: Vec<Reading>,
}

impl ActivityDays {
    /// The days of an answer.
    fn choose(rows: &[ActivityRow], context: &mut Context<'_>) -> Self {
        let mut days: Vec<ActivityDay> = rows.iter().filter_map(|row| day(row, context)).collect();
        days.sort_by(ActivityDay::compare);
        Self(days)
    }

    /// The days of several answers.
    #[must_use]
    pub fn joined(answers: Vec<Self>) -> Self {
        let mut days: Vec<ActivityDay> = answers.into_iter().flat_map(|days| days.0).collect();
        days.sort_by(ActivityDay::compare);
        Self(days)
    }

    /// The readings of the present day at `now`, Unix seconds.
    pub fn readings(&self, now: i64) -> impl Iterator<Item = &Reading> {
        self.winner(now).into_iter().flat_map(|day| &day.readings)
    }

    /// The readings of every day, each at the last moment at which its row was changed within its day: those of the rows that
    /// won over all others at that moment.
    pub fn history(&self) -> impl Iterator<Item = Reading> {
        // A place that changes sides of the date line skips a day, which ends where it begins.
        let lasting = self.0.iter().filter(|day| day.begins_at < day.ends_at);
        let moments = lasting.map(|day| (day, day.changed_at().clamp(day.begins_at, day.ends_at - 1)));
        let winners = moments.filter(|(day, at)| self.winner(*at).is_some_and(|winner| std::ptr::eq(winner, *day)));
        winners.flat_map(|(day, measured_at)| {
            day.readings.iter().map(move |reading| Reading { measured_at, ..reading.clone() })
        })
    }

    /// The row that counts at `now`, Unix seconds.
    fn winner(&self, now: i64) -> Option<&ActivityDay> {
        let begun = &self.0[..self.0.partition_point(|day| day.begins_at <= now)];
        let recent = &begun[begun.partition_point(|day| day.begins_at + LONGEST_DAY < now)..];
        let present = recent.iter().filter(|day| now < day.ends_at);
        present.max_by_key(|day| day.preference())
    }
}

impl ActivityDay {
    /// When Withings last changed the row, Unix seconds; the end of all times where the row does not say.
    fn changed_at(&self) -> i64 {
        if self.origin.modified == 0 { i64::MAX } else { self.origin.modified }
    }

    /// A device wins over a phone's own counter, whatever that says of itself; then what is worn, then the newest change.
    fn preference(&self) -> (bool, bool, Origin) {
        (self.has_device, self.is_tracker, self.origin)
    }

    /// Orders days by time, then by winning. Rows that Withings changed at one time are told apart by their values, for the
    /// order of the list means nothing.
    fn compare(&self, other: &Self) -> Ordering {
        let place = |day: &Self| (day.begins_at, day.preference());
        let values = |day: &Self| day.readings.iter().map(|reading| reading.value).collect::<Vec<_>>();
        let by_values = || values(self).partial_cmp(&values(other)).unwrap_or(Ordering::Equal);
        place(self).cmp(&place(other)).then_with(by_values)
    }
}

fn day(row: &ActivityRow, context: &mut Context<'_>) -> Option<ActivityDay> {
    context.begin_row((&row.date, &row.hash_deviceid, row.brand));
    let date = row.date.as_ref().and_then(|date| date.parse::<NaiveDate>().ok());
    let Some((date, next)) = date.and_then(|date| Some((date, date.succ_opt()?))) else {
        context.note(Unknown::Row, &"a day of activity without a date");
        return None;
    };
    let zone = zone(row.timezone.as_deref(), context);
    let (begins_at, ends_at) = (zone.midnight(date), zone.midnight(next));
    if is_future(begins_at, context.server_now) {
        context.note(Unknown::FutureDate, &date);
        return None;
    }
    let origin = Origin { modified: row.modified.unwrap_or(0), id: 0 };
    let measured_at = origin.modified.clamp(begins_at, ends_at);
    let reading = |(measurement, labels, value)| {
        Reading { measurement, labels, value, measured_at, until: None }.ending_at(Some(ends_at))
    };
    let readings = values(row, begins_at, context).into_iter().map(reading).collect();
    let has_device = row.hash_deviceid.is_some() || row.deviceid.is_some();
    let has_device = has_device && row.brand != Some(PHONE);
    Some(ActivityDay { begins_at, ends_at, has_device, is_tracker: row.is_tracker == Some(1), origin, readings })
}

/// The values of a day, in the catalogue's order.
fn values(row: &ActivityRow, begins_at: i64, context: &mut Context<'_>) -> Vec<(Measurement, Labels, f64)> {
    let has_heart_rate = HEART_RATES.iter().any(|field| row.data.get(*field).is_some_and(|rate| rate.0 > Some(0.0)));
    let mut values = Vec::new();
    for measurement in Measurement::all() {
        match measurement.source {
            Source::ActivityDay => values.push((measurement, Labels::default(), begins_at as f64)),
            Source::Activity { fields } => {
                let is_zones = measurement.labels == [LabelName::Zone];
                for (field, zone) in fields.iter().zip(ZONES).filter(|_| has_heart_rate || !is_zones) {
                    let value =
                        number(&row.data, field, context).filter(|value| means_something(*value, measurement.unit));
                    let labels = if is_zones { Labels::new([(LabelName::Zone, zone)]) } else { Labels::default() };
                    values.extend(value.map(|value| (measurement, labels, value)));
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
