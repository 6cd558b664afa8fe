//! What the person aims for: wire amounts → readings.

use super::measures::{Context, scaled};
use super::wire::Amount;
use crate::catalogue::{Measurement, Source};
use crate::reading::{Labels, Origin, Reading};
use crate::telemetry::Unknown;

/// The readings of an answer's goals, in the catalogue's order. A goal of nothing is none.
pub fn readings(goals: &[(String, Amount)], context: &mut Context<'_>) -> Vec<Reading> {
    let reading = |measurement: Measurement| {
        let Source::Goal { field } = measurement.source else { return None };
        let (_, amount) = goals.iter().find(|(name, _)| name == field)?;
        let value = value(*amount, field, context).filter(|it| *it > 0.0)?;
        let (labels, origin) = (Labels::default(), Origin { modified: 0, id: 0 });
        Some(Reading { measurement, labels, value, measured_at: 0, until: None, origin })
    };
    Measurement::all().filter_map(reading).collect()
}

fn value(Amount { value, unit }: Amount, field: &str, context: &mut Context<'_>) -> Option<f64> {
    let value = value?;
    let scaled = unit.and_then(|unit| scaled(value, unit, 0));
    if scaled.is_none() {
        (context.unknown)(Unknown::BadNumber, &field);
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::withings::wire::{Getgoals, Page};

    /// The goals of this JSON, and how many numbers of it were not believed.
    fn check(goals: &str, expected: &[(&str, f64)], not_believed: usize) {
        let answer: Getgoals = serde_json::from_str(&format!(r#"{{"goals":{goals}}}"#)).unwrap();
        let mut noted = Vec::new();
        let mut note = |kind, what: &dyn std::fmt::Display| noted.push((kind, what.to_string()));
        let readings = readings(&answer.into_rows().0, &mut Context { server_now: 0, unknown: &mut note });
        let values: Vec<_> = readings.iter().map(|it| (it.measurement.key, it.value)).collect();
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
}
