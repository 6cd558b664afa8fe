//! `getgoals`: what the person aims for.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::context::{Context, scaled};
use super::data_call::{DataCall, Moment, Readings};
use crate::catalogue::{Call, Measurement, Source};
use crate::reading::{Labels, Reading};
use crate::telemetry::Unknown;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::{AnswerPage, float, int, map};

/// A page of the answer to `getgoals`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getgoals {
    #[serde(deserialize_with = "map")]
    goals: BTreeMap<String, Amount>,
}

/// The amount of a goal: `value` × 10^`unit`; a plain number has the unit 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// The mantissa.
    pub value: Option<f64>,
    /// The exponent of ten.
    pub unit: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scaled {
    #[serde(deserialize_with = "float")]
    value: Option<f64>,
    #[serde(deserialize_with = "int")]
    unit: Option<i64>,
}

impl AnswerPage for Getgoals {
    type Row = (String, Amount);

    fn into_rows(self) -> (Vec<(String, Amount)>, Option<i64>) {
        (self.goals.into_iter().collect(), None)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(deserializer)?;
        if !json.get().starts_with('{') {
            return Ok(Self { value: float(json).unwrap_or_default(), unit: Some(0) });
        }
        let Scaled { value, unit } = serde_json::from_str(json.get()).unwrap_or_default();
        Ok(Self { value, unit })
    }
}

impl DataCall for Getgoals {
    const CALL: Call = Call::Getgoals;
    type Known = Readings;

    fn request(_: RowSelection) -> Request {
        Request::data(Call::Getgoals, "/v2/user", "getgoals", Vec::new())
    }

    fn note(
        _: &Readings,
        _: RowSelection,
        rows: &[(String, Amount)],
        _: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Readings> {
        Some(Readings(readings(rows, context)))
    }

    fn readings(known: &Readings, _: &Moment<'_>) -> Vec<Reading> {
        known.0.clone()
    }
}

/// The readings of an answer's goals, in the catalogue's order. A goal of nothing is none.
fn readings(goals: &[(String, Amount)], context: &mut Context<'_>) -> Vec<Reading> {
    let reading = |measurement: Measurement| {
        let Source::Goal { field } = measurement.source else { return None };
        let (_, amount) = goals.iter().find(|(name, _)| name == field)?;
        let value = value(*amount, field, context).filter(|value| *value > 0.0)?;
        Some(Reading { measurement, labels: Labels::default(), value, measured_at: 0, until: None })
    };
    Measurement::all().filter_map(reading).collect()
}

fn value(Amount { value, unit }: Amount, field: &str, context: &mut Context<'_>) -> Option<f64> {
    let value = value?;
    let scaled = unit.and_then(|unit| scaled(value, unit, 0));
    if scaled.is_none() {
        context.note(Unknown::BadNumber, &field);
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::calls::context::RowKey;

    /// The goals of this JSON, and how many numbers of it were not believed.
    fn check(goals: &str, expected: &[(&str, f64)], not_believed: usize) {
        let answer: Getgoals = serde_json::from_str(&format!(r#"{{"goals":{goals}}}"#)).unwrap();
        let mut noted = Vec::new();
        let mut note = |kind, what: &dyn std::fmt::Display, _: RowKey| noted.push((kind, what.to_string()));
        let readings = readings(&answer.into_rows().0, &mut Context::new(0, &mut note));
        let values: Vec<_> = readings.iter().map(|reading| (reading.measurement.key, reading.value)).collect();
        assert_eq!(values, expected, "{goals}");
        assert!(noted.iter().all(|(kind, _)| *kind == Unknown::BadNumber));
        assert_eq!(noted.len(), not_believed, "{goals}: {noted:?}");
    }

    #[test]
    fn each_goal_stands_for_itself() {
        let all = r#"{"steps":10000,"sleep":28800,"weight":{"value":70500,"unit":-3}}"#;
        let of_all = [("goal_steps", 10_000.0), ("goal_sleep_duration_seconds", 28_800.0), ("goal_weight_kg", 70.5)];
        check(all, &of_all, 0);
        check(r#"{"weight":{"value":705,"unit":-1}}"#, &of_all[2..], 0);
        check(r#"{"sleep":28800,"steps":"10000"}"#, &of_all[..2], 0);
    }

    #[test]
    fn a_goal_of_nothing_is_none() {
        for nothing in
            ["[]", "{}", "null", r#"{"steps":0,"sleep":-1,"weight":{"value":0,"unit":-3}}"#, r#"{"weight":[]}"#]
        {
            check(nothing, &[], 0);
        }
    }

    #[test]
    fn a_number_that_is_none_is_counted() {
        check(r#"{"steps":1e999,"weight":{"value":70500}}"#, &[], 2);
        check(r#"{"weight":{"value":70500,"unit":-300},"sleep":60}"#, &[("goal_sleep_duration_seconds", 60.0)], 1);
    }

    #[test]
    fn goals_come_as_a_map_or_as_nothing() {
        let goals = |json: &str| serde_json::from_str::<Getgoals>(json).unwrap().into_rows().0;
        for nothing in [r#"{"goals":[]}"#, r#"{"goals":{}}"#, r#"{"goals":null}"#, r#"{"goals":7}"#, "{}"] {
            assert_eq!(goals(nothing), [], "{nothing}");
        }
        let amount = |value, unit| Amount { value, unit };
        let odd =
            r#"{"goals":{"sleep":null,"steps":"10000","weight":{"value":70500,"unit":-3},"x":{"unit":[]},"y":[1]}}"#;
        let expected = [
            ("sleep", amount(None, Some(0))),
            ("steps", amount(Some(10_000.0), Some(0))),
            ("weight", amount(Some(70_500.0), Some(-3))),
            ("x", amount(None, None)),
            ("y", amount(None, Some(0))),
        ];
        assert_eq!(goals(odd), expected.map(|(name, amount)| (name.to_owned(), amount)));
    }
}
