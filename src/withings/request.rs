//! A request: a call, the rows of it that are asked for, and the parameters that say so.

use chrono::{DateTime, NaiveDate, TimeDelta};
use url::form_urlencoded::Serializer;

use crate::catalogue::{Call, Measurement, Source};
use crate::zone::Zone;

/// The first day of any history: the first Withings scale is of 2009.
pub const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2009, 1, 1).expect("it is a day");

const SECONDS_OF_A_DAY: i64 = 86_400;

/// A request: a call and its parameters, without token and offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The call.
    pub call: Call,
    pub(super) path: &'static str,
    parameters: Vec<Parameter>,
}

/// Which rows of a call are asked for: selected in one way at a time. `lastupdate` beside dates once gave the rows of the
/// present day, and no error (`vangorra/python_withings_api#73`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSelection {
    /// The whole history.
    All,
    /// The rows that were created or changed since this time, Unix seconds.
    ChangedSince(i64),
    /// The rows of these days, both included; of body measures, those that were measured on them in UTC.
    Days {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// The rows of a span of time, both ends Unix seconds.
    Between {
        /// The begin.
        from: i64,
        /// The end.
        to: i64,
    },
}

impl RowSelection {
    /// Whether these are all rows that there are.
    #[must_use]
    pub fn is_everything(self) -> bool {
        match self {
            Self::All => true,
            Self::Days { from, .. } => from == FIRST_DAY,
            Self::ChangedSince(_) | Self::Between { .. } => false,
        }
    }

    /// All rows, selected by days until tomorrow.
    #[must_use]
    pub fn everything_by_days(server_now: i64) -> Self {
        Self::Days { from: FIRST_DAY, to: utc_day(server_now, 1) }
    }

    /// The parameters that select the rows by Unix seconds.
    pub(super) fn by_times(self) -> Vec<Parameter> {
        match self {
            Self::Days { from, to } => {
                let (from, to) = (Zone::UTC.midnight(from), Zone::UTC.midnight(to) + SECONDS_OF_A_DAY - 1);
                Self::Between { from, to }.by_times()
            }
            Self::Between { from, to } => vec![("startdate", from.to_string()), ("enddate", to.to_string())],
            Self::All => Self::ChangedSince(0).by_times(),
            Self::ChangedSince(at) => vec![("lastupdate", at.to_string())],
        }
    }

    /// The parameters that select the rows of a call by days, after `others`. Such a call needs a selection: all rows are those
    /// that changed since 0.
    pub(super) fn by_days_after(self, others: Parameter) -> Vec<Parameter> {
        let mut parameters = vec![others];
        match self {
            Self::Days { from, to } => {
                parameters.extend([("startdateymd", from.to_string()), ("enddateymd", to.to_string())]);
            }
            _ => parameters.extend(self.by_times()),
        }
        parameters
    }
}

impl Request {
    /// A call that brings data.
    pub(super) fn data(call: Call, path: &'static str, action: &'static str, mut parameters: Vec<Parameter>) -> Self {
        parameters.insert(0, ("action", action.to_owned()));
        Self { call, path, parameters }
    }

    /// A request about notifications.
    pub(super) fn notify(action: &'static str, parameters: Vec<Parameter>) -> Self {
        Self::data(Call::Notify, "/notify", action, parameters)
    }

    /// Whether an answer without a body is an error. Where changes are asked for, it tells that there are none.
    pub(super) fn needs_body(&self) -> bool {
        let is_of_changes = self.parameters.iter().any(|(name, since)| *name == "lastupdate" && since != "0");
        Call::DATA.contains(&self.call) && !is_of_changes
    }

    /// The form that is sent.
    #[must_use]
    pub fn form(&self, offset: Option<i64>) -> String {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(&self.parameters);
        if let Some(offset) = offset {
            form.append_pair("offset", &offset.to_string());
        }
        form.finish()
    }
}

pub(super) type Parameter = (&'static str, String);

/// The day in UTC that is so many days after the present one by the server's time.
#[must_use]
pub fn utc_day(server_now: i64, days: i64) -> NaiveDate {
    let present = DateTime::from_timestamp(server_now, 0).unwrap_or_default();
    present.checked_add_signed(TimeDelta::days(days)).unwrap_or(present).date_naive()
}

/// The parameter with the fields that `of` takes from the catalogue's sources. Withings leaves out fields that are not named:
/// without it a night has no heart rate and a workout no data.
pub(super) fn data_fields(of: impl Fn(Source) -> &'static [&'static str]) -> Parameter {
    let fields: Vec<_> = Measurement::all().flat_map(|measurement| of(measurement.source)).copied().collect();
    ("data_fields", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::calls::{
        DataCall, Getactivity, Getdevice, Getgoals, Getintradayactivity, Getmeas, Getsummary, Getworkouts, HeartList,
        SleepGet,
    };

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_request_selects_in_one_way_only() {
        let check = |request: Request, expected: &str| assert_eq!(request.form(None), expected);
        check(Getmeas::request(RowSelection::All), "action=getmeas");
        check(Getmeas::request(RowSelection::ChangedSince(7)), "action=getmeas&lastupdate=7");
        check(
            SleepGet::request(RowSelection::Between { from: 1, to: 2 }),
            "action=get&data_fields=hr%2Crr%2Crmssd&startdate=1&enddate=2",
        );
        check(Getdevice::request(RowSelection::All), "action=getdevice");
        check(Getgoals::request(RowSelection::All), "action=getgoals");
        check(HeartList::request(RowSelection::All), "action=list");
        check(HeartList::request(RowSelection::Between { from: 1, to: 2 }), "action=list&startdate=1&enddate=2");
        let days = RowSelection::Days { from: date("2026-11-21"), to: date("2026-11-23") };
        check(Getmeas::request(days), "action=getmeas&startdate=1795219200&enddate=1795478399");
        for request in [Getsummary::request, Getworkouts::request, Getactivity::request] {
            let ends = |rows, expected| {
                let form = request(rows).form(None);
                let (_, selection) =
                    form.split_once("&data_fields=").and_then(|(_, rest)| rest.split_once('&')).unwrap();
                assert_eq!(selection, expected, "{form}");
            };
            ends(RowSelection::All, "lastupdate=0");
            ends(RowSelection::ChangedSince(7), "lastupdate=7");
            ends(days, "startdateymd=2026-11-21&enddateymd=2026-11-23");
        }
        assert_eq!(Getmeas::request(RowSelection::All).form(Some(300)), "action=getmeas&offset=300");
    }

    #[test]
    fn every_field_of_the_catalogue_is_named_because_unnamed_ones_would_be_left_out() {
        let check =
            |request: Request, expected: &str| assert_eq!(request.parameters[1], ("data_fields", expected.to_owned()));
        check(
            Getactivity::request(RowSelection::All),
            "steps,distance,elevation,soft,moderate,intense,active,calories,totalcalories,hr_average,hr_min,hr_max,\
             hr_zone_0,hr_zone_1,hr_zone_2,hr_zone_3",
        );
        let workouts = "calories,manual_calories,distance,manual_distance,hr_average,hr_min,hr_max,hr_zone_0,hr_zone_1,\
                        hr_zone_2,hr_zone_3,spo2_average,steps,elevation,pause_duration,algo_pause_duration";
        check(Getworkouts::request(RowSelection::All), workouts);
        let intraday = "heart_rate,spo2_auto,core_body_temperature,rmssd,sdnn1,rr";
        let day = RowSelection::Between { from: 1, to: 2 };
        check(Getintradayactivity::request(day), intraday);
        let (_, nights) = &Getsummary::request(RowSelection::All).parameters[1];
        assert!(nights.starts_with("deepsleepduration,lightsleepduration,") && nights.contains(",rr_min,"), "{nights}");
    }

    #[test]
    fn only_changes_may_be_told_by_an_answer_without_a_body() {
        let check = |request: Request, expected| assert_eq!(request.needs_body(), expected, "{request:?}");
        check(Getmeas::request(RowSelection::ChangedSince(7)), false);
        check(Getmeas::request(RowSelection::All), true);
        check(Getsummary::request(RowSelection::All), true);
        check(SleepGet::request(RowSelection::Between { from: 1, to: 2 }), true);
        check(Getdevice::request(RowSelection::All), true);
        check(Request::notify("revoke", Vec::new()), false);
    }
}
