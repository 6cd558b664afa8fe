//! The dashboards name what exists, and show what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use withings_exporter::catalogue::Measurement;

use super::asked::asked;
use super::{HEALTH, all, read};
use crate::page::Page;
use crate::promql::{Selector, selectors};
use crate::sources::root;

/// Measurements that no panel shows.
const NOT_SHOWN: [(&str, &str); 3] = [
    ("sleep_chest_movement_average_per_minute", "the rate of breathing says it"),
    ("sleep_chest_movement_min_per_minute", "the rate of breathing says it"),
    ("sleep_chest_movement_max_per_minute", "the rate of breathing says it"),
];

/// What Prometheus itself writes down about a target.
const OF_PROMETHEUS: [&str; 4] = ["ALERTS", "scrape_duration_seconds", "scrape_samples_scraped", "up"];

/// How the names begin of what the rules write down.
pub(super) const OF_RULES: [&str; 2] = ["withings_limit:", "withings_guideline"];

/// What appears with its first event, with its labels.
const RARE: [(&str, &[&str]); 3] = [
    ("withings_exporter_api_request_failures_total", &["call", "reason"]),
    ("withings_sleep_nap_duration_seconds", &["profile"]),
    ("withings_unlisted_measure", &["profile", "meastype", "position"]),
];

#[test]
fn every_measurement_is_on_the_health_dashboards() {
    let excused: BTreeSet<&str> = NOT_SHOWN.map(|(key, _)| key).into();
    for uid in HEALTH {
        let asked = asked(&read(uid));
        let shown: BTreeSet<&str> =
            asked.iter().flat_map(|query| selectors(&query.expression)).map(|selector| selector.metric).collect();
        let missing = Measurement::all().filter(|row| !shown.contains(row.metric().as_str())).map(|row| row.key);
        assert_eq!(missing.collect::<BTreeSet<_>>(), excused, "{uid}");
    }
}

#[test]
fn limits_in_the_charts_are_those_of_the_alerts() {
    let rules = fs::read_to_string(root().join("deploy/prometheus/rules/vitals.yml")).unwrap();
    let asked: Vec<_> = HEALTH.map(read).iter().flat_map(asked).collect();
    let selectors = asked.iter().flat_map(|query| selectors(&query.expression));
    let limits: BTreeSet<&str> =
        selectors.map(|selector| selector.metric).filter(|metric| metric.starts_with("withings_limit:")).collect();
    assert!(limits.len() > 7, "{limits:?}");
    for limit in limits {
        assert!(rules.contains(&format!("record: {limit}")), "no rule records {limit}");
    }
}

/// Everything that the dashboards select is on the page, with these labels, and what belongs to a person is selected by
/// person.
pub(super) fn check_names(page: &Page) {
    let labels = labels(page);
    for query in all().iter().flat_map(asked) {
        for selector in selectors(&query.expression) {
            check_selector(&selector, &labels, &query.place);
        }
    }
}

fn check_selector(selector: &Selector, labels: &BTreeMap<String, BTreeSet<String>>, place: &str) {
    let metric = selector.metric;
    if OF_PROMETHEUS.contains(&metric) || OF_RULES.iter().any(|start| metric.starts_with(start)) {
        return;
    }
    let known = labels.get(metric).unwrap_or_else(|| panic!("{place}: nothing is called {metric}"));
    for (label, _) in &selector.matchers {
        assert!(known.contains(*label) || ["job", "instance"].contains(label), "{place}: {metric}, {label}");
    }
    let by_person = selector.matchers.contains(&("profile", "=~\"$profile\""));
    assert_eq!(by_person, known.contains("profile"), "{place}: {metric} selected by person");
}

/// The metrics of a page with their labels.
fn labels(page: &Page) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (metric, names) in RARE {
        labels.insert(metric.to_owned(), names.iter().map(|name| (*name).to_owned()).collect());
    }
    for series in page.samples.keys() {
        let (metric, rest) = series.split_once('{').unwrap_or((series, "}"));
        let names = rest.split("\",").filter_map(|label| Some(label.split_once("=\"")?.0.to_owned()));
        labels.entry(metric.to_owned()).or_default().extend(names);
    }
    labels
}
