//! The dashboards mean what they show: colours, people, alerts, words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::asked::panels;
use super::lacks::of_any_class;
use super::{EXPORTER, HEALTH, all, read};
use crate::promql::selectors;
use crate::sources::root;

/// The rows that are open in the file.
const OPEN: [&str; 4] = ["Today · $profile", "Weight · $profile", "Blood pressure · $profile", "Sleep · $profile"];

/// The rows for all people together: what is in them mixes nobody.
const OF_ALL: [&str; 2] = ["Devices", "Exporter"];

/// Each row with its panels.
fn rows(dashboard: &Value) -> Vec<(Value, Vec<Value>)> {
    let mut rows: Vec<(Value, Vec<Value>)> = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        if panel["type"] == "row" {
            rows.push((panel.clone(), panel["panels"].as_array().unwrap().clone()));
        } else {
            rows.last_mut().unwrap().1.push(panel.clone());
        }
    }
    rows
}

#[test]
fn what_would_mix_people_is_there_for_each_of_them() {
    for (row, _) in HEALTH.iter().flat_map(|uid| rows(&read(uid))) {
        let title = row["title"].as_str().unwrap();
        assert_eq!(row["repeat"] == "profile", !OF_ALL.contains(&title), "{title}");
        assert_eq!(row["collapsed"] == false, OPEN.contains(&title), "{title}");
    }
}

#[test]
fn a_measure_has_one_color_in_all_charts() {
    let mut colours: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for panel in panels(&read(HEALTH[0])) {
        let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap().iter();
        for (query, colour) in overrides.filter_map(|of_query| fixed_colour(panel, of_query)) {
            // The dots beside a line are paler.
            let colour = if colour.len() == 9 { &colour[..7] } else { &colour };
            if let (true, Some(measure)) = (panel["type"] == "timeseries", measure(&query)) {
                colours.entry(measure).or_default().insert(colour.to_owned());
            }
        }
    }
    let several: Vec<_> = colours.iter().filter(|(_, colours)| colours.len() > 1).collect();
    assert!(colours.len() > 60 && several.is_empty(), "{} {several:?}", colours.len());
}

/// The measure that a query is for, if it is for all of one: not for a class or a zone of it, a limit or a difference.
fn measure(query: &str) -> Option<String> {
    let selectors = selectors(query);
    let is_of_class = of_any_class(query) != query;
    let is_part = selectors.iter().flat_map(|selector| &selector.matchers).any(|(label, _)| *label == "zone");
    let metrics: BTreeSet<&str> = selectors.iter().map(|selector| selector.metric).collect();
    if let Some(goal) = metrics.iter().find(|metric| metric.starts_with("withings_goal_")) {
        return Some((*goal).to_owned());
    }
    let mut measures = metrics.into_iter().filter(|metric| !metric.contains("timestamp"));
    let (first, other) = (measures.next()?, measures.next());
    (!is_of_class && !is_part && other.is_none()).then(|| first.to_owned())
}

/// The expression of the query that an override is for, and its colour.
fn fixed_colour(panel: &Value, of_query: &Value) -> Option<(String, String)> {
    let property = of_query["properties"].as_array()?.iter().find(|property| property["id"] == "color")?;
    let [by, name] = [&of_query["matcher"]["id"], &of_query["matcher"]["options"]];
    let key = if by == "byName" { "legendFormat" } else { "refId" };
    let target = panel["targets"].as_array()?.iter().find(|target| target[key] == *name)?;
    Some((target["expr"].as_str()?.to_owned(), property["value"]["fixedColor"].as_str()?.to_owned()))
}

/// The colour of a tile at a value.
fn colour(tile: &str, value: f64) -> String {
    let dashboard = read(HEALTH[0]);
    let panels = panels(&dashboard);
    let shown = panels.iter().filter(|panel| panel["type"] == "stat").find_map(|panel| {
        let target = panel["targets"].as_array()?.iter().find(|target| target["legendFormat"] == tile)?;
        let overrides = panel["fieldConfig"]["overrides"].as_array()?;
        let own = overrides.iter().find(|own| own["matcher"]["options"] == target["refId"])?;
        own["properties"].as_array()?.iter().find(|property| property["id"] == "thresholds").cloned()
    });
    let steps = shown.unwrap()["value"]["steps"].as_array().unwrap().clone();
    let reached = steps.iter().rfind(|step| step["value"].is_null() || step["value"].as_f64().unwrap() <= value);
    reached.unwrap()["color"].as_str().unwrap().to_owned()
}

/// The number that the rules give to a limit for everybody; of several the one that counts unless something is chosen.
fn limit(name: &str) -> f64 {
    let rules = fs::read_to_string(root().join("deploy/prometheus/rules/vitals.yml")).unwrap();
    let (_, rule) = rules.split_once(&format!("record: withings_limit:{name}\n")).unwrap();
    let expression = rule.lines().find(|line| line.trim_start().starts_with("expr:")).unwrap();
    expression.rsplit_once("vector(").unwrap().1.trim_end_matches(')').parse().unwrap()
}

#[test]
fn tiles_change_their_color_where_alerts_begin() {
    // The tile, the limit, the values on both sides of it, and their colours.
    for (tile, name, [within, beyond], expected) in [
        ("Systolic", "blood_pressure_mmhg:severe", [0.0, 1.0], ["orange", "dark-red"]),
        ("Systolic", "blood_pressure_mmhg:high", [-1.0, 0.0], ["green", "orange"]),
        ("Systolic", "blood_pressure_mmhg:low", [0.0, -1.0], ["green", "blue"]),
        ("SpO₂", "spo2_pct:low", [1.0, 0.0], ["green", "yellow"]),
        ("SpO₂", "spo2_pct:very_low", [1.0, 0.0], ["yellow", "red"]),
        ("Temperature", "body_temperature_c:fever", [-0.1, 0.0], ["green", "orange"]),
        ("Temperature", "body_temperature_c:high_fever", [-0.1, 0.0], ["orange", "red"]),
        ("Temperature", "body_temperature_c:low", [0.0, -0.1], ["green", "blue"]),
        ("Pulse", "heart_pulse_bpm:high", [0.0, 1.0], ["green", "orange"]),
        ("Pulse", "heart_pulse_bpm:low", [0.0, -1.0], ["green", "blue"]),
        ("Pauses per hour", "sleep_apnea_hypopnea_events_per_hour:moderate", [-1.0, 0.0], ["yellow", "orange"]),
    ] {
        let limit = limit(name);
        assert_eq!([within, beyond].map(|side| colour(tile, limit + side)), expected, "{tile}, {name}");
    }
}

#[test]
fn alerts_are_in_the_charts_that_they_are_about() {
    for (uid, category) in [(HEALTH[0], "vitals"), (HEALTH[1], "vitals"), (EXPORTER, "exporter")] {
        let dashboard = read(uid);
        let annotations = dashboard["annotations"]["list"].as_array().unwrap();
        let [_, alerts] = &annotations[..] else { panic!("{annotations:?}") };
        let expression = alerts["expr"].as_str().unwrap();
        let selector = &selectors(expression)[0];
        assert!(selector.matchers.contains(&("category", format!("=\"{category}\"").as_str())), "{expression}");
        assert!(selector.matchers.iter().any(|(label, value)| *label == "profile" && value.contains("$profile")));
    }
}

#[test]
fn a_time_range_is_chosen_by_a_click_and_does_not_follow_to_the_other_dashboard() {
    for dashboard in all() {
        assert_eq!(dashboard["links"][0]["keepTime"], json!(false));
        let ranges = dashboard["timepicker"]["quick_ranges"].as_array().unwrap();
        let begins: Vec<_> = ranges.iter().map(|range| range["from"].as_str().unwrap()).collect();
        assert!(begins.contains(&dashboard["time"]["from"].as_str().unwrap()), "{begins:?}");
        if dashboard["uid"] != EXPORTER {
            assert_eq!(begins, ["now-7d", "now-30d", "now-90d", "now-1y"]);
        }
    }
}

#[test]
fn no_label_is_shown_as_it_is_written() {
    for panel in all().iter().flat_map(panels) {
        for target in panel["targets"].as_array().unwrap() {
            let legend = target["legendFormat"].as_str().unwrap();
            let is_plain = |text: &str| !text.contains('_') && !text.contains("Electrocardiogram");
            let names = legend.split("{{").map(|part| part.split_once("}}").map_or(part, |(_, after)| after));
            assert!(names.clone().all(is_plain), "{legend}");
            let expression = target["expr"].as_str().unwrap();
            assert!(!legend.contains("{{position}}") || expression.contains("label_replace("), "{legend}");
        }
        let columns = panel["fieldConfig"]["overrides"].as_array().unwrap();
        let has_words = |title: &str| {
            let column = columns.iter().find(|column| column["matcher"]["options"] == title);
            column.is_some_and(|column| column.to_string().contains("\"/_/g\""))
        };
        let renamed = panel["transformations"].to_string();
        for (label, title) in [("category\":\"Workout", "Workout"), ("position\":\"Part", "Part")] {
            assert!(!renamed.contains(label) || has_words(title), "{title}");
        }
    }
}

/// A panel of the health dashboard.
fn panel(title: &str) -> Value {
    let dashboard = read(HEALTH[0]);
    panels(&dashboard).into_iter().find(|panel| panel["title"] == title).unwrap().clone()
}

#[test]
fn the_last_night_is_a_staircase_with_words_on_its_axis() {
    let night = panel("The last night");
    let defaults = &night["fieldConfig"]["defaults"];
    assert_eq!((&night["type"], &defaults["custom"]["lineInterpolation"]), (&json!("timeseries"), &json!("stepAfter")));
    let words = |level: u8| defaults["mappings"][0]["options"][level.to_string()]["text"].clone();
    assert_eq!([0, 1, 2, 3, 4].map(words), ["unknown", "deep", "light", "REM", "awake"].map(|word| json!(word)));
    let expression = night["targets"][0]["expr"].as_str().unwrap();
    for level in [("deep", 1), ("light", 2), ("rem", 3), ("awake", 4), ("none", 4), ("unknown", 0)] {
        assert!(expression.contains(&format!("\"level\", \"{}\", \"stage\", \"{}\")", level.1, level.0)), "{level:?}");
    }
}

#[test]
fn parts_of_a_whole_are_stacked() {
    for title in ["Interruptions", "Energy", "Sleep by night", "Awake in bed", "Active time", "Body composition"] {
        assert_eq!(panel(title)["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"], "normal", "{title}");
    }
}

#[test]
fn things_have_the_names_that_people_know() {
    let panels: Vec<Value> = panels(&read(HEALTH[0])).into_iter().cloned().collect();
    let legends = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let columns = panels.iter().map(|panel| panel["transformations"].to_string());
    let shown: Vec<String> = legends.map(|target| target["legendFormat"].to_string()).chain(columns).collect();
    for name in ["Active energy", "Total energy", "Fat-free mass", "Sleep efficiency", "Awake since"] {
        assert!(shown.iter().any(|text| text.contains(&format!("\"{name}\""))), "{name}");
    }
}
