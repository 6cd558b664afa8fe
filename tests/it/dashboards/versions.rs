//! Versions of Grafana understand the dashboards, by the types that Grafana publishes of each.

use serde_json::{Value, json};

use super::{HEALTH, all, read};
use crate::python;

/// What the alerts' annotation and the variables have beyond the types of all but the newest version; Grafana itself
/// knows it.
const UNTYPED: [&str; 5] = [
    "/annotations/list/step",
    "/annotations/list/tagKeys",
    "/annotations/list/textFormat",
    "/annotations/list/titleFormat",
    "/templating/list/definition",
];

/// Further losses in the oldest version: a mark of what Grafana makes anyway, that names stand above their values as they
/// do there in any case, and the quick ranges, in whose place it has its own.
const LOST_IN_10_1: [&str; 4] = [
    "/annotations/list/builtIn",
    "/panels/options/wideLayout",
    "/panels/panels/options/wideLayout",
    "/timepicker/quick_ranges",
];

#[test]
fn the_newest_grafana_loses_nothing() {
    check("0.0.21", &[]);
}

#[test]
fn grafana_11_6_loses_what_is_untyped() {
    check("11.6.0", &UNTYPED);
}

#[test]
fn grafana_10_1_loses_little_more() {
    check("10.1.0", &[&UNTYPED[..], &LOST_IN_10_1].concat());
}

#[test]
fn what_no_grafana_knows_is_lost() {
    let mut dashboard = read(HEALTH[0]);
    dashboard["panels"][1]["fieldConfig"]["defaults"]["shimmer"] = json!(true);
    assert_eq!(lost("0.0.21", &dashboard), ["/panels/fieldConfig/defaults/shimmer"]);
}

/// Everything arrives in that version but the `accepted`, each of which one dashboard at least loses.
#[track_caller]
fn check(version: &str, accepted: &[&str]) {
    let mut losses: Vec<String> = all().iter().flat_map(|dashboard| lost(version, dashboard)).collect();
    losses.sort();
    losses.dedup();
    let mut accepted = accepted.to_vec();
    accepted.sort_unstable();
    assert_eq!(losses, accepted);
}

/// The paths of what the version does not keep.
fn lost(version: &str, dashboard: &Value) -> Vec<String> {
    let answer = python::answer(python::script("read_dashboard.py").arg(version), dashboard.to_string().as_bytes());
    serde_json::from_slice(&answer).unwrap()
}
