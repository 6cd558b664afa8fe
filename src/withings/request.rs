//! What is asked for: calls and their parameters.

use chrono::{NaiveDate, NaiveTime};
use url::form_urlencoded::Serializer;

use crate::catalogue::{Call, Measurement, Source, WorkoutFact};

/// The first day that anything can be of: before any Withings device.
pub const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2009, 1, 1).expect("it is a day");

const SECONDS_OF_A_DAY: i64 = 86_400;

/// What is asked for: a call and its parameters, without token and offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The call.
    pub call: Call,
    parameters: Vec<Parameter>,
}

/// Which rows of a call are asked for. Withings refuses or misreads combinations, so there is one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// The whole history.
    All,
    /// What was created or changed since this time, Unix seconds.
    ChangedSince(i64),
    /// What belongs to these days, both included; of body measures, what was measured on them in UTC.
    Days {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
}

impl Request {
    /// Body measures.
    #[must_use]
    pub fn getmeas(rows: Rows) -> Self {
        let parameters = match rows {
            Rows::ChangedSince(at) => vec![("lastupdate", at.to_string())],
            Rows::Days { from, to } => {
                let (start, end) = (midnight(from), midnight(to) + SECONDS_OF_A_DAY - 1);
                vec![("startdate", start.to_string()), ("enddate", end.to_string())]
            }
            Rows::All => Vec::new(),
        };
        Self::new(Call::Getmeas, parameters)
    }

    /// Sleep summaries, with every field that the catalogue knows.
    #[must_use]
    pub fn getsummary(rows: Rows) -> Self {
        let fields = |source| match source {
            Source::Summary { fields, .. } => fields,
            _ => &[],
        };
        Self::new(Call::Getsummary, rows_with(data_fields(fields), rows))
    }

    /// Workouts, in the same way.
    #[must_use]
    pub fn getworkouts(rows: Rows) -> Self {
        let fields = |source| match source {
            Source::Workout(WorkoutFact::Data(fields)) => fields,
            _ => &[],
        };
        Self::new(Call::Getworkouts, rows_with(data_fields(fields), rows))
    }

    /// What was counted on days, with every field that the catalogue knows.
    #[must_use]
    pub fn getactivity(rows: Rows) -> Self {
        let fields = |source| match source {
            Source::Activity { fields } => fields,
            _ => &[],
        };
        Self::new(Call::Getactivity, rows_with(data_fields(fields), rows))
    }

    /// The sleep segments between two times, Unix seconds, at most 24 hours apart.
    #[must_use]
    pub fn sleep_get(from: i64, to: i64) -> Self {
        let parameters = vec![("startdate", from.to_string()), ("enddate", to.to_string())];
        Self::new(Call::SleepGet, parameters)
    }

    /// Every weigh-in, and nothing else.
    #[must_use]
    pub fn weigh_ins() -> Self {
        Self::new(Call::Getmeas, vec![("meastypes", "1".to_owned())])
    }

    /// What the person owns.
    #[must_use]
    pub fn getdevice() -> Self {
        Self::new(Call::Getdevice, Vec::new())
    }

    /// What the person aims for.
    #[must_use]
    pub fn getgoals() -> Self {
        Self::new(Call::Getgoals, Vec::new())
    }

    /// A request about notifications.
    pub(super) fn notify(action: &'static str, mut parameters: Vec<(&'static str, String)>) -> Self {
        parameters.insert(0, ("action", action.to_owned()));
        Self::new(Call::Notify, parameters)
    }

    fn new(call: Call, parameters: Vec<Parameter>) -> Self {
        Self { call, parameters }
    }

    /// Whether an answer without a body tells nothing. Where only changes are asked for, it tells that there are none.
    pub(super) fn needs_body(&self) -> bool {
        let is_of_changes = self.parameters.iter().any(|(name, since)| *name == "lastupdate" && since != "0");
        Call::DATA.contains(&self.call) && !is_of_changes
    }

    /// The form that is sent.
    #[must_use]
    pub fn form(&self, offset: Option<i64>) -> String {
        let mut form = Serializer::new(String::new());
        if let Some(action) = action(self.call) {
            form.append_pair("action", action);
        }
        form.extend_pairs(&self.parameters);
        if let Some(offset) = offset {
            form.append_pair("offset", &offset.to_string());
        }
        form.finish()
    }
}

/// The action of a call; `None` where there are several, which the requests have among their parameters.
fn action(call: Call) -> Option<&'static str> {
    match call {
        Call::SleepGet => Some("get"),
        Call::Notify => None,
        call => Some(call.name()),
    }
}

type Parameter = (&'static str, String);

/// The parameters that select rows of a call which needs something to select by.
fn rows_with(fields: Parameter, rows: Rows) -> Vec<Parameter> {
    let mut parameters = vec![fields];
    match rows {
        Rows::All => parameters.push(("lastupdate", "0".to_owned())),
        Rows::ChangedSince(at) => parameters.push(("lastupdate", at.to_string())),
        Rows::Days { from, to } => {
            parameters.push(("startdateymd", from.to_string()));
            parameters.push(("enddateymd", to.to_string()));
        }
    }
    parameters
}

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// The fields that `of` takes of the catalogue's sources: what is not named would be left out.
fn data_fields(of: impl Fn(Source) -> &'static [&'static str]) -> Parameter {
    let fields: Vec<_> = Measurement::all().flat_map(|it| of(it.source)).copied().collect();
    ("data_fields", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_request_selects_in_one_way_only() {
        let check = |request: Request, expected: &str| assert_eq!(request.form(None), expected);
        check(Request::getmeas(Rows::All), "action=getmeas");
        check(Request::getmeas(Rows::ChangedSince(7)), "action=getmeas&lastupdate=7");
        check(Request::sleep_get(1, 2), "action=get&startdate=1&enddate=2");
        check(Request::getdevice(), "action=getdevice");
        check(Request::getgoals(), "action=getgoals");
        let days = Rows::Days { from: date("2026-11-21"), to: date("2026-11-23") };
        check(Request::getmeas(days), "action=getmeas&startdate=1795219200&enddate=1795478399");
        for request in [Request::getsummary, Request::getworkouts, Request::getactivity] {
            let ends = |rows, expected| {
                let form = request(rows).form(None);
                let (_, selection) = form.split_once("&data_fields=").and_then(|(_, it)| it.split_once('&')).unwrap();
                assert_eq!(selection, expected, "{form}");
            };
            ends(Rows::All, "lastupdate=0");
            ends(Rows::ChangedSince(7), "lastupdate=7");
            ends(days, "startdateymd=2026-11-21&enddateymd=2026-11-23");
        }
        assert_eq!(Request::getmeas(Rows::All).form(Some(300)), "action=getmeas&offset=300");
    }

    #[test]
    fn every_field_of_the_catalogue_is_named_because_unnamed_ones_would_be_left_out() {
        let check =
            |request: Request, expected: &str| assert_eq!(request.parameters[0], ("data_fields", expected.to_owned()));
        check(
            Request::getactivity(Rows::All),
            "steps,distance,elevation,soft,moderate,intense,active,calories,totalcalories,hr_average,hr_min,hr_max,\
             hr_zone_0,hr_zone_1,hr_zone_2,hr_zone_3",
        );
        let workouts = "calories,manual_calories,distance,manual_distance,hr_average,hr_min,hr_max";
        check(Request::getworkouts(Rows::All), workouts);
        let (_, nights) = &Request::getsummary(Rows::All).parameters[0];
        assert!(nights.starts_with("deepsleepduration,lightsleepduration,") && nights.contains(",rr_min,"), "{nights}");
    }

    #[test]
    fn only_changes_may_be_told_by_an_answer_without_a_body() {
        let check = |request: Request, expected| assert_eq!(request.needs_body(), expected, "{request:?}");
        check(Request::getmeas(Rows::ChangedSince(7)), false);
        check(Request::getmeas(Rows::All), true);
        check(Request::getsummary(Rows::All), true);
        check(Request::sleep_get(1, 2), true);
        check(Request::getdevice(), true);
        check(Request::notify("revoke", Vec::new()), false);
    }
}
