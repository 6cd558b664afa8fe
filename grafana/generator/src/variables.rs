//! The variables of the dashboards.

use serde_json::{Value, json};

use crate::expression::EXPORTER;
use crate::guideline::GUIDELINES;
use crate::pieces::{data_source, merge};

/// What every dashboard has: the data source, which exporter, and who.
pub(crate) fn of_all() -> Vec<Value> {
    let source = json!({
        "current": {},
        // Its name says what it is, and on a phone a label would take a line more.
        "hide": 1,
        "includeAll": false,
        "label": "Data source",
        "multi": false,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": false,
        "type": "datasource",
    });
    let profiles = format!("{{{EXPORTER}}}");
    vec![
        source,
        variable("job", "Job", 2, "label_values(withings_up, job)"),
        variable("instance", "Instance", 2, r#"label_values(withings_up{job=~"$job"}, instance)"#),
        variable("profile", "Person", 0, &format!("label_values(withings_up{profiles}, profile)")),
    ]
}

/// The length of a step in charts of days: a fiftieth of the time range, of these lengths.
pub(crate) fn step() -> Value {
    let lengths = ["1d", "7d", "30d"].map(|length| json!({"selected": false, "text": length, "value": length}));
    let auto = json!({"selected": true, "text": "auto", "value": "$__auto_interval_step"});
    let options: Vec<Value> = [auto.clone()].into_iter().chain(lengths).collect();
    json!({
        "auto": true,
        "auto_count": 50,
        "auto_min": "1d",
        "current": auto,
        "hide": 0,
        "label": "Step",
        "name": "step",
        "options": options,
        "query": "1d,7d,30d",
        "refresh": 2,
        "skipUrlSync": false,
        "type": "interval",
    })
}

/// The guideline that the rules choose; without rules, the first.
pub(crate) fn guideline() -> Value {
    let default = format!("label_replace(vector(1), \"guideline\", \"{}\", \"\", \"\")", GUIDELINES[0].name);
    let query = format!("query_result(max by (guideline) (withings_guideline) or on () {default})");
    let mut variable = variable("guideline", "Guideline", 2, &query);
    let own = json!({"allValue": null, "current": {}, "includeAll": false, "multi": false, "regex": "/guideline=\"([^\"]+)\"/"});
    merge(&mut variable, own);
    variable
}

/// A variable with the values of a label; Grafana hides it with `hide` 2.
fn variable(name: &str, label: &str, hide: u8, query: &str) -> Value {
    json!({
        "allValue": ".+",
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": data_source(),
        "definition": query,
        "hide": hide,
        "includeAll": true,
        "label": label,
        "multi": true,
        "name": name,
        "options": [],
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": false,
        "sort": 1,
        "type": "query",
    })
}
