//! What the patterns of asking mean, by series whose values are known.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::expression::{Series, blood_pressure_class, body_mass_index, firing, limit, of, of_one_person};
use crate::guideline::GUIDELINES;
use crate::panel::{Panel, table};
use crate::quantity::System;
use crate::target::{gained_or_lost, query};

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

/// What stands for Grafana's variables in charts of days.
const BY_DAY: [(&str, &str); 8] = [
    ("$__interval_ms", "86400000"),
    ("$__interval", "1d"),
    ("${__interval}", "1d"),
    ("$__range", "3d"),
    ("$guideline", "esh"),
    ("$profile", "p"),
    ("$job", ".+"),
    ("$instance", ".+"),
];

/// Asks promtool for `expression` of the person at some hours; `None` is no answer.
#[track_caller]
fn check(expression: &str, input: &[Value], expected: &[(u32, Option<f64>)]) {
    let labels = "{job=\"j\",instance=\"i\",profile=\"p\"}";
    let expected: Vec<_> =
        expected.iter().map(|(hour, value)| (*hour, value.iter().map(|value| (labels, *value)).collect())).collect();
    check_samples(&format!("max by (job, instance, profile) ({expression})"), input, &expected);
}

/// Asks promtool for `expression` at some hours, for the labels and value of each sample.
#[track_caller]
fn check_samples(expression: &str, input: &[Value], expected: &[(u32, Vec<(&str, f64)>)]) {
    let expression = BY_DAY.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    let tests = expected.iter().map(|(hour, samples)| {
        let samples: Vec<_> = samples.iter().map(|(labels, value)| json!({"labels": labels, "value": value})).collect();
        json!({"expr": expression, "eval_time": format!("{hour}h"), "exp_samples": samples})
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

/// An expression in a chart whose step is a week.
fn by_week(expression: &str) -> String {
    expression.replace("$__interval_ms", "604800000").replace("$__interval", "7d").replace("${__interval}", "7d")
}

#[test]
fn a_longer_step_shows_the_mean() {
    let twice = measured("weight_kg", "_x7 80 _x23 82 _x300", "_x7 25200 _x23 111600 _x300");
    check(&by_week(&weight().measured()), &twice, &[(0, Some(81.0)), (168, None)]);
}

#[test]
fn the_mean_of_a_longer_step_is_that_of_what_was_measured_in_it() {
    // A fever in the last hour of the week, after months without a reading, scraped every hour; then nothing.
    let times = "-8640000x166 599400x180";
    let scraped = measured("body_temperature_c", "36.6x166 39x180", times);
    check(&by_week(&of("body_temperature_c").measured()), &scraped, &[(0, Some(39.0)), (168, None), (336, None)]);
}

#[test]
fn the_mean_of_a_longer_step_counts_each_reading_once() {
    // 80 is one sample of the history. 82 was scraped for days, first in the second hour after it was measured and not
    // for some hours of an outage.
    let values = "_x7 80 _x24 82x9 _x5 82x300";
    let times = "_x7 25200 _x24 111540x9 _x5 111540x300";
    let weeks = [(0, Some(81.0)), (168, None), (336, None)];
    check(&by_week(&weight().measured()), &measured("weight_kg", values, times), &weeks);
}

#[test]
fn a_reading_counts_in_one_of_two_longer_steps() {
    // 80 became known at the moment where the first week ends.
    let values = "_x168 80x30 82x140";
    let times = "_x168 603000x30 712000x140";
    let weeks = [(0, Some(80.0)), (168, Some(82.0)), (336, None)];
    check(&by_week(&weight().measured()), &measured("weight_kg", values, times), &weeks);
}

#[test]
fn what_is_counted_stands_on_its_day_with_its_last_count() {
    let begins = series("withings_activity_day_start_timestamp_seconds", "", "0x23 86400x23");
    let steps = series("withings_activity_steps", "", "0+100x23 0+10x23");
    let days = vec![("{period=\"0\"}", 2300.0), ("{period=\"86400000\"}", 230.0)];
    check_samples(&of("activity_steps").of_days(), &[begins, steps], &[(47, days)]);
}

#[test]
fn a_day_is_the_persons_own_in_scrapes_and_in_history() {
    // In Tokyo a day begins at 15 hours of UTC; until then it is the day before.
    let begins = series("withings_activity_day_start_timestamp_seconds", "", "-32400x14 54000x23");
    let scraped = [begins, series("withings_activity_steps", "", "5000+100x14 0+100x23")];
    let days = vec![("{period=\"-32400000\"}", 6400.0), ("{period=\"54000000\"}", 2300.0)];
    check_samples(&of("activity_steps").of_days(), &scraped, &[(38, days.clone())]);
    let begins = series("withings_activity_day_start_timestamp_seconds", "", "_x14 -32400 _x22 54000");
    let history = [begins, series("withings_activity_steps", "", "_x14 6400 _x22 2300")];
    check_samples(&of("activity_steps").of_days(), &history, &[(38, days)]);
}

#[test]
fn a_goal_stands_on_the_same_days() {
    let input = [
        series("withings_activity_day_start_timestamp_seconds", "", "-32400x14 54000x23"),
        series("withings_activity_steps", "", "5000+100x14 0+100x23"),
        series("withings_goal_steps", "", "9000x40"),
    ];
    let days = vec![("{period=\"-32400000\"}", 9000.0), ("{period=\"54000000\"}", 9000.0)];
    check_samples(&of("goal_steps").on_days(), &input, &[(38, days)]);
}

#[test]
fn an_average_counts_each_measurement_once() {
    // Of the history 80 before 7 on the first day and 81 on the second; then 85 on the third, scraped until its end.
    let values = "_x7 80 _x23 81 _x23 85x16 _x48";
    let times = "_x7 25199 _x23 111599 _x23 197999x16 _x48";
    let average = Some(82.0);
    check(&weight().average_of_week(), &measured("weight_kg", values, times), &[(48, average), (72, average)]);
}

#[test]
fn an_average_counts_what_was_fetched_in_a_later_hour_than_it_was_measured_in() {
    let late = measured("weight_kg", "_x7 80 _x24 86x16 _x60", "_x7 25200 _x24 111540x16 _x60");
    check(&weight().average_of_week(), &late, &[(48, Some(83.0))]);
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
    let input =
        [measured("weight_kg", "_ 80 _x48", "_ 3600 _x48"), vec![series("withings_height_m", "", "_x10 2 _x39")]];
    let height = of("height_m");
    check(&body_mass_index(&weight().last(), &height.last()), &input.concat(), &[(9, None), (10, Some(20.0))]);
    check(&body_mass_index(&weight().measured(), &height.constant()), &input.concat(), &[(0, Some(20.0)), (49, None)]);
}

/// The two values of a blood pressure.
fn pressure(systolic: &str, diastolic: &str) -> [Value; 2] {
    [("systolic", systolic), ("diastolic", diastolic)]
        .map(|(reading, values)| series(&format!("withings_{reading}_blood_pressure_mmhg"), "", values))
}

#[test]
fn the_class_of_a_blood_pressure_is_the_higher_one_of_the_chosen_guideline() {
    for (systolic, diastolic, expected) in [
        (119, 79, [0.0, 0.0]),
        (120, 79, [0.0, 1.0]),
        (130, 79, [0.0, 2.0]),
        (119, 80, [0.0, 2.0]),
        (135, 79, [1.0, 3.0]),
        (119, 85, [1.0, 3.0]),
        (180, 120, [1.0, 3.0]),
        (181, 79, [2.0, 4.0]),
        (119, 121, [2.0, 4.0]),
    ] {
        let input = pressure(&systolic.to_string(), &diastolic.to_string());
        for (guideline, expected) in GUIDELINES.iter().zip(expected) {
            let class = blood_pressure_class(guideline);
            let chosen = class.replace("$guideline", guideline.name);
            check(&chosen, &input, &[(1, Some(expected))]);
            check(&class.replace("$guideline", "another"), &input, &[(1, None)]);
        }
    }
}

#[test]
fn a_class_and_a_finding_hold_from_one_reading_to_the_next() {
    // One sample for each reading is history, the same value at each hour is scraped.
    let class = blood_pressure_class(&GUIDELINES[0]);
    for values in [["140 _x99 120", "80 _x99 80"], ["140x99 120", "80x99 80"]] {
        check(&class, &pressure(values[0], values[1]), &[(0, Some(1.0)), (99, Some(1.0)), (100, Some(0.0))]);
    }
    let finding = of("ecg_classification").held_state();
    check(&finding, &[series("withings_ecg_classification", "", "1 _x99 0")], &[(99, Some(1.0)), (100, Some(0.0))]);
}

#[test]
fn a_timeline_says_that_there_is_nothing_where_there_is_nothing() {
    let nothing = of("systolic_blood_pressure_mmhg").nothing();
    check_samples(&nothing, &[series("withings_weight_kg", "", "80x50")], &[(48, vec![("{}", 0.0)])]);
    check_samples(&nothing, &pressure("120", "80"), &[(48, vec![])]);
}

#[test]
fn a_table_says_that_there_is_nothing_where_none_of_its_queries_has_a_row() {
    let rows = ["weight_kg", "height_m"].map(|key| query("", of(key).last()));
    let table = rows.into_iter().fold(table("Body"), Panel::show).or_row("profile", "none");
    let table = table.render(System::Metric);
    let nothing = table["targets"][2]["expr"].as_str().unwrap();
    check_samples(nothing, &pressure("120", "80"), &[(0, vec![("{profile=\"none\"}", 0.0)])]);
    for metric in ["withings_weight_kg", "withings_height_m"] {
        check_samples(nothing, &[series(metric, "", "2")], &[(0, vec![])]);
    }
}

/// An hour after the last sample: promtool loads the samples up to the last hour that is asked for.
const LATER: (u32, Vec<(&str, f64)>) = (60, Vec::new());

#[test]
fn a_limit_is_the_persons_own_or_that_of_everybody() {
    let fever = limit(&of("body_temperature_c"), "fever");
    let temperature = series("withings_body_temperature_c", "", "37x50");
    let limits = |of_whom: &[(&str, &str)]| {
        let limits = of_whom.iter().map(|(profile, value)| {
            let metric = format!("withings_limit:body_temperature_c:fever{{profile=\"{profile}\"}}");
            json!({"series": metric, "values": format!("{value}x50")})
        });
        [vec![temperature.clone()], limits.collect()].concat()
    };
    check_samples(&fever, &limits(&[("", "38"), ("p", "37.5"), ("q", "39")]), &[(24, vec![("{}", 37.5)]), LATER]);
    check_samples(&fever, &limits(&[("", "38"), ("q", "39")]), &[(24, vec![("{}", 38.0)]), LATER]);
    // Without rules there is none, and a limit alone is no chart.
    check_samples(&fever, &limits(&[]), &[(24, vec![]), LATER]);
    check_samples(&fever, &limits(&[("", "38")])[1..], &[(24, vec![]), LATER]);
}

#[test]
fn what_is_left_after_a_change_is_gained_or_lost_and_never_both() {
    for (change, gained, lost) in [("2", Some(2.0), None), ("-2", None, Some(2.0)), ("-0.04", Some(0.0), None)] {
        let input = [series("withings_weight_kg", "", change)];
        for (target, expected) in gained_or_lost(["Gained", "Lost"], &weight().now()).into_iter().zip([gained, lost]) {
            check(target.expression(), &input, &[(0, expected)]);
        }
    }
}

#[test]
fn alerts_are_regions_where_one_person_is_shown() {
    let alerts =
        json!({"series": "ALERTS{alertname=\"WithingsFever\",alertstate=\"firing\",profile=\"p\"}", "values": "1"});
    let people = |profiles: &[&str]| {
        let people = profiles.iter().map(|profile| {
            json!({"series": format!("withings_authorized{{job=\"j\",instance=\"i\",profile=\"{profile}\"}}"), "values": "1"})
        });
        [vec![alerts.clone()], people.collect()].concat()
    };
    let shown = of_one_person(&firing("")).replace("$profile", "p|q");
    let count = format!("count({shown})");
    check_samples(&count, &people(&["p"]), &[(0, vec![("{}", 1.0)])]);
    check_samples(&count, &people(&["p", "q"]), &[(0, vec![])]);
}
