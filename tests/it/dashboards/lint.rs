//! What Grafana does not forgive, or shows wrongly without a word.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::asked::{asked, panels};
use super::names::OF_RULES;
use super::{EXPORTER, HEALTH, all, read};
use crate::promql::{Selector, selectors};

/// How wide Grafana's grid is.
const COLUMNS: u64 = 24;

/// Panels that every Grafana has.
const CORE: [&str; 4] = ["stat", "state-timeline", "table", "timeseries"];

/// Alerts have the labels that their rule leaves them.
const ALERTS: &str = "ALERTS";

#[test]
fn the_dashboards_have_no_mistakes() {
    for dashboard in all() {
        assert_eq!(mistakes(&dashboard), Vec::<String>::new(), "{}", dashboard["uid"]);
    }
}

#[test]
fn mistakes_are_found() {
    let first = "/panels/1";
    for (place, value, expected) in [
        ("/schemaVersion", json!(42), "schemaVersion"),
        ("/__inputs", json!([]), "__inputs"),
        ("/panels/2/id", json!(2), "ids"),
        ("/panels/2/gridPos/x", json!(7), "overlaps"),
        ("/panels/3/gridPos/w", json!(9), "too wide"),
        ("/panels/1/title", json!(""), "no title"),
        ("/panels/1/description", json!("Weight."), "does not say what it means when empty"),
        ("/panels/1/type", json!("grafana-piechart-panel"), "is no core panel"),
        ("/panels/1/fieldConfig/defaults/noValue", Value::Null, "when empty"),
        ("/panels/1/options/wideLayout", json!(true), "laid over"),
        ("/panels/1/datasource/uid", json!("prometheus"), "data source"),
        ("/panels/1/targets/0/datasource/uid", json!("prometheus"), "data source"),
        ("/panels/1/targets/0/instant", json!(false), "instant"),
        ("/panels/1/targets", json!([]), "no query"),
        ("/panels/1/targets/0/expr", json!("withings_weight_kg{job=~\"$job\"}"), "instance"),
        ("/panels/1/targets/0/expr", json!(counter("increase({}) / {}")), "counter"),
        ("/panels/1/targets/0/expr", json!(counter("rate({}[5m])")), "$__rate_interval"),
        ("/templating/list/3/refresh", json!(1), "variable profile"),
    ] {
        let mut dashboard = read(HEALTH[0]);
        assert!(dashboard.pointer(first).is_some());
        let (parent, name) = place.rsplit_once('/').unwrap();
        dashboard.pointer_mut(parent).unwrap()[name] = value;
        let found = mistakes(&dashboard);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{place}: {found:?}");
    }
}

#[test]
fn imperial_units_change_units_and_nothing_else() {
    let [metric, imperial] = HEALTH.map(read);
    let [metric_panels, imperial_panels] = [&metric, &imperial].map(panels);
    assert_eq!(metric_panels.len(), imperial_panels.len());
    let mut units = BTreeSet::new();
    for (metric, imperial) in metric_panels.into_iter().zip(imperial_panels) {
        for fixed in ["title", "description", "gridPos", "type", "options", "transformations"] {
            assert_eq!(metric[fixed], imperial[fixed], "{}", metric["title"]);
        }
        units.extend([metric, imperial].into_iter().flat_map(|panel| units_of(&panel["fieldConfig"])));
    }
    for unit in ["suffix:kg", "suffix:lb", "celsius", "fahrenheit", "suffix:km", "suffix:mi"] {
        assert!(units.contains(unit), "{unit} is not in {units:?}");
        let of =
            |dashboard: &Value| panels(dashboard).iter().any(|panel| units_of(&panel["fieldConfig"]).contains(unit));
        assert!(of(&metric) != of(&imperial), "{unit} is in both");
    }
    let fever = |dashboard: &Value| {
        let panels = panels(dashboard);
        let panel = panels.iter().find(|panel| panel["title"] == "Heart").unwrap();
        let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap().iter();
        let properties = overrides.map(|own| own["properties"].as_array().unwrap());
        let is_temperature = |property: &Value| ["celsius", "fahrenheit"].iter().any(|unit| property["value"] == *unit);
        let temperature = properties.clone().find(|properties| properties.iter().any(is_temperature)).unwrap();
        let limits = temperature.iter().find(|property| property["id"] == "thresholds").unwrap();
        limits["value"]["steps"][2]["value"].clone()
    };
    assert_eq!([fever(&metric), fever(&imperial)], [json!(38.0), json!(100.4)]);
}

/// What is wrong with a dashboard.
fn mistakes(dashboard: &Value) -> Vec<String> {
    let mut found = of_dashboard(dashboard);
    found.extend(of_variables(dashboard));
    found.extend(of_places(dashboard));
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().unwrap();
        found.extend(of_panel(panel).into_iter().map(|finding| format!("{title}: {finding}")));
    }
    for query in asked(dashboard) {
        found.extend(of_query(&query.expression).into_iter().map(|finding| format!("{}: {finding}", query.place)));
    }
    found
}

fn of_dashboard(dashboard: &Value) -> Vec<String> {
    let expected = [("schemaVersion", json!(39)), ("refresh", json!("5m")), ("timezone", json!("browser"))];
    let wrong = expected.into_iter().filter(|(name, value)| dashboard[name] != *value);
    let wrong = wrong.map(|(name, value)| format!("{name} is not {value}"));
    // Provisioning resolves no inputs, and the others belong to one installation.
    let foreign = ["__inputs", "id", "iteration", "gnetId"].iter().filter(|key| dashboard.get(key).is_some());
    let foreign = foreign.map(|key| format!("{key} is there"));
    let versioned = dashboard.to_string().contains("pluginVersion").then(|| "pluginVersion is there".to_owned());
    wrong.chain(foreign).chain(versioned).collect()
}

fn of_variables(dashboard: &Value) -> Vec<String> {
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    let mut found = Vec::new();
    let own: &[&str] = if dashboard["uid"] == EXPORTER { &[] } else { &["step", "guideline"] };
    if names != [&["datasource", "job", "instance", "profile"], own].concat() {
        found.push(format!("the variables are {names:?}"));
    }
    for variable in &variables[1..4] {
        let expected =
            [("allValue", json!(".+")), ("includeAll", json!(true)), ("multi", json!(true)), ("refresh", json!(2))];
        let wrong = expected.iter().filter(|(name, value)| variable[name] != *value);
        found.extend(wrong.map(|(name, _)| format!("{name} of the variable {}", variable["name"].as_str().unwrap())));
    }
    found
}

/// Ids and places: those of a collapsed row lie among themselves.
fn of_places(dashboard: &Value) -> Vec<String> {
    let outside: Vec<&Value> = dashboard["panels"].as_array().unwrap().iter().collect();
    let inside = outside.iter().map(|panel| panel["panels"].as_array().into_iter().flatten().collect::<Vec<_>>());
    let grids: Vec<Vec<&Value>> = inside.chain([outside.clone()]).collect();
    let ids: Vec<_> = grids.iter().flatten().map(|panel| panel["id"].as_u64()).collect();
    let mut found = Vec::new();
    if ids.contains(&None) || ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        found.push("ids are missing or there twice".to_owned());
    }
    for grid in grids {
        for (index, panel) in grid.iter().enumerate() {
            if edges(panel)[2] > COLUMNS {
                found.push(format!("{} is too wide", panel["title"]));
            }
            let over = grid[..index].iter().filter(|other| overlap(edges(other), edges(panel)));
            found.extend(over.map(|other| format!("{} overlaps {}", panel["title"], other["title"])));
        }
    }
    found
}

/// Left, top, right, bottom.
fn edges(panel: &Value) -> [u64; 4] {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|edge| panel["gridPos"][edge].as_u64().unwrap());
    [x, y, x + w, y + h]
}

fn overlap(a: [u64; 4], b: [u64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn of_panel(panel: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let defaults = &panel["fieldConfig"]["defaults"];
    let targets = panel["targets"].as_array().unwrap();
    let is_timeline = panel["type"] == "state-timeline";
    // Rows of a table may be drawn as a graph.
    let is_graph = is_timeline || panel["type"] == "timeseries" && panel["transformations"].is_null();
    let description = panel["description"].as_str().unwrap_or_default();
    let said = if is_timeline { &targets[targets.len() - 1]["legendFormat"] } else { &defaults["noValue"] };
    let custom = &defaults["custom"];
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    let steps = defaults["thresholds"]["steps"].as_array().unwrap();
    let ids: BTreeSet<_> = targets.iter().map(|target| target["refId"].as_str()).collect();
    let rules = [
        (text(&panel["title"]), "no title"),
        (
            text(said) && description.ends_with(&format!(" Empty: {}.", said.as_str().unwrap_or_default())),
            "it does not say what it means when empty",
        ),
        (
            !is_timeline || said.as_str().is_some_and(|said| said.len() < 23),
            "on a phone what an empty timeline says would be cut",
        ),
        (!is_timeline || defaults.get("noValue").is_none(), "each gap of a timeline would be in its legend"),
        (custom["drawStyle"] != "bars" || custom["gradientMode"].is_null(), "bars are of several colours each"),
        (panel["type"] != "stat" || panel["options"]["wideLayout"] == false, "names are laid over their values"),
        (CORE.iter().any(|kind| panel["type"] == *kind), "it is no core panel"),
        (text(&defaults["unit"]), "no unit"),
        (steps[1..].is_sorted_by_key(|step| step["value"].as_f64()), "thresholds are not in order"),
        (!targets.is_empty(), "no query"),
        (ids.len() == targets.len(), "two queries have one id"),
        ([panel].into_iter().chain(targets).all(|part| part["datasource"] == source), "the data source is no variable"),
        (
            targets.iter().all(|target| target["instant"] != is_graph && target["range"] == is_graph),
            "tiles are instant, and graphs are not",
        ),
    ];
    rules.into_iter().filter(|(is_kept, _)| !is_kept).map(|(_, mistake)| mistake.to_owned()).collect()
}

fn of_query(expression: &str) -> Vec<String> {
    let selectors = selectors(expression);
    let elsewhere = |selector: &&Selector| {
        selector.metric != ALERTS
            && !OF_RULES.iter().any(|start| selector.metric.starts_with(start))
            && !["job", "instance"]
                .iter()
                .all(|label| selector.matchers.contains(&(*label, format!("=~\"${label}\"").as_str())))
    };
    let elsewhere =
        selectors.iter().filter(elsewhere).map(|selector| format!("{} without job or instance", selector.metric));
    let is_counter = |selector: &&Selector| ["_total", "_bucket"].iter().any(|end| selector.metric.ends_with(end));
    let bare =
        selectors.iter().filter(is_counter).filter(|selector| !["rate", "increase"].contains(&selector.function));
    let bare = bare.map(|selector| format!("the counter {} is shown without rate", selector.metric));
    let counters = selectors.iter().filter(is_counter).count();
    let other_interval = (expression.matches("[$__rate_interval]").count() < counters)
        .then(|| "the interval of a rate is not $__rate_interval".to_owned());
    elsewhere.chain(bare).chain(other_interval).collect()
}

/// `pattern` with a counter for each `{}`.
fn counter(pattern: &str) -> String {
    pattern.replace("{}", r#"withings_exporter_api_requests_total{job=~"$job",instance=~"$instance"}"#)
}

/// The units of a panel.
fn units_of(field_config: &Value) -> BTreeSet<String> {
    let properties = field_config["overrides"].as_array().unwrap().iter();
    let properties = properties.flat_map(|override_of| override_of["properties"].as_array().unwrap());
    let of_overrides = properties.filter(|property| property["id"] == "unit").map(|property| &property["value"]);
    let units = of_overrides.chain([&field_config["defaults"]["unit"]]);
    units.map(|unit| unit.as_str().unwrap().to_owned()).collect()
}
