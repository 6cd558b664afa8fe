//! What the patterns of asking mean, by series whose values are known.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::expression::{Series, blood_pressure_class, body_mass_index, of};

/// Series of a person in promtool's notation, with a value every hour from midnight on.
fn series(metric: &str, labels: &str, values: &str) -> Value {
    let metric = format!("{metric}{{{labels}job=\"j\",instance=\"i\",profile=\"p\"}}");
    json!({"series": metric, "values": values})
}

/// A measurement with its times.
fn measured(key: &str, values: &str, times: &str) -> Vec<Value> {
    let label = format!("measurement=\"{key}\",");
    vec![
        series(&format!("withings_{key}"), "", values),
        series("withings_measurement_timestamp_seconds", &label, times),
    ]
}

/// Asks promtool for `expression` at some hours; `None` is no answer.
#[track_caller]
fn check(expression: &str, input: &[Value], expected: &[(u32, Option<f64>)]) {
    let expression = ["profile", "job", "instance"]
        .iter()
        .fold(expression.replace("$__interval", "1d"), |text, name| text.replace(&format!("${name}"), ".+"));
    let labels = "{job=\"j\",instance=\"i\",profile=\"p\"}";
    let tests = expected.iter().map(|(hour, value)| {
        let samples: Vec<_> = value.iter().map(|value| json!({"labels": labels, "value": value})).collect();
        let of_person = format!("max by (job, instance, profile) ({expression})");
        json!({"expr": of_person, "eval_time": format!("{hour}h"), "exp_samples": samples})
    });
    let tests: Vec<_> = tests.collect();
    let file = json!({"tests": [{"interval": "1h", "input_series": input, "promql_expr_test": tests}]});
    let output = promtool(&file);
    assert!(
        output.status.success(),
        "{expression}\n{}",
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
    );
}

/// Runs the unit tests of rules that `file` describes.
#[expect(clippy::disallowed_methods, reason = "no clock of this process is paused")]
fn promtool(file: &Value) -> Output {
    let mut command = Command::new("promtool");
    command.args(["test", "rules", "/dev/stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool comes with Prometheus, which is to be installed");
    child.stdin.take().unwrap().write_all(file.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn weight() -> Series {
    of("weight_kg")
}

#[test]
fn a_scraped_value_stands_on_the_day_on_which_it_was_measured() {
    // Weighed at 7 on the first day and at 9 on the third, and scraped every hour.
    let scraped = measured("weight_kg", "_x7 80x49 81x40", "_x7 25200x49 205200x40");
    check(&weight().measured(), &scraped, &[(0, Some(80.0)), (24, None), (48, Some(81.0)), (72, None)]);
}

#[test]
fn a_value_of_the_history_stands_there_too() {
    let once = measured("weight_kg", "_x7 80 _x49 81", "_x7 25200 _x49 205200");
    check(&weight().measured(), &once, &[(0, Some(80.0)), (24, None), (48, Some(81.0)), (72, None)]);
}

#[test]
fn what_is_counted_stands_on_its_day_with_its_last_count() {
    let steps = series("withings_activity_steps", "", "0+100x23 0+10x23");
    check(&of("activity_steps").highest_of_day(), &[steps], &[(0, Some(2300.0)), (24, Some(230.0)), (48, None)]);
}

#[test]
fn an_average_counts_each_measurement_once() {
    // Of the history 80 at 7 on the first day and 81 on the second; then 85 at 7 on the third, scraped until its end.
    let values = "_x7 80 _x23 81 _x23 85x16 _x48";
    let times = "_x7 25200 _x23 111600 _x23 198000x16 _x48";
    let average = Some(82.0);
    check(&weight().average_of_week(), &measured("weight_kg", values, times), &[(48, average), (72, average)]);
}

#[test]
fn a_change_compares_averages_of_weeks() {
    let weeks = measured("weight_kg", "_x7 80 _x167 79 _x24", "_x7 25200 _x167 630000 _x24");
    check(&weight().change(7), &weeks, &[(160, None), (180, Some(-1.0))]);
}

#[test]
fn a_headline_outlives_an_outage_and_its_age_goes_on() {
    let input = measured("weight_kg", "80 stale", "0 stale");
    check(&weight().last(), &input, &[(48, Some(80.0)), (24 * 31, None)]);
    check(&weight().age(), &input, &[(48, Some(172_800.0))]);
}

#[test]
fn the_body_mass_index_takes_the_height_of_the_present_day_for_all_days() {
    let input = [measured("weight_kg", "80 _x49", "0 _x49"), vec![series("withings_height_m", "", "_x10 2 _x39")]];
    let height = of("height_m");
    check(&body_mass_index(&weight().last(), &height.last()), &input.concat(), &[(9, None), (10, Some(20.0))]);
    check(&body_mass_index(&weight().measured(), &height.constant()), &input.concat(), &[(0, Some(20.0)), (49, None)]);
}

#[test]
fn the_class_of_a_blood_pressure_is_the_higher_one() {
    let class = blood_pressure_class();
    for (systolic, diastolic, expected) in [
        (119, 79, 0.0),
        (120, 79, 1.0),
        (130, 79, 2.0),
        (119, 80, 2.0),
        (140, 79, 3.0),
        (119, 90, 3.0),
        (180, 120, 3.0),
        (181, 79, 4.0),
        (119, 121, 4.0),
    ] {
        let input = [
            series("withings_systolic_blood_pressure_mmhg", "", &systolic.to_string()),
            series("withings_diastolic_blood_pressure_mmhg", "", &diastolic.to_string()),
        ];
        check(&class, &input, &[(1, Some(expected))]);
    }
}
