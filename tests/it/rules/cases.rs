//! The unit tests of the rules look at every alert from all sides. Their people and exporters are called after what
//! they are for: `beyond` is beyond the limit, `within` at its other side, and `former` was beyond it long ago.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use super::{MISTAKES, RuleFile, SwitchedOn};

/// A unit test of promtool.
#[derive(Deserialize)]
struct Case {
    name: String,
    input_series: Vec<Series>,
    #[serde(default)]
    alert_rule_test: Vec<Moment>,
}

#[derive(Deserialize)]
struct Series {
    series: String,
    values: String,
}

/// The expectation of an alert at some time.
#[derive(Deserialize)]
struct Moment {
    alertname: String,
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    exp_labels: BTreeMap<String, String>,
}

impl Case {
    /// Every test of every file.
    fn all(copy: &SwitchedOn) -> Vec<Self> {
        #[derive(Deserialize)]
        struct Suite {
            tests: Vec<Case>,
        }
        let read = |file| serde_yaml::from_str::<Suite>(&fs::read_to_string(file).unwrap()).unwrap().tests;
        copy.files("tests/rules").into_iter().flat_map(read).collect()
    }

    /// Whether it tells of three, one of whom was not seen for a while, and expects that the alert begins, and ends,
    /// for that one alone. A mistake in the configuration begins and ends.
    fn is_thorough(&self, alert: &str, waits: bool) -> bool {
        assert!(self.alert_rule_test.iter().all(|expected| expected.alertname == alert), "{}", self.name);
        let knows = |who: &str| self.input_series.iter().any(|series| series.is_about(who));
        let fires: Vec<bool> = self.alert_rule_test.iter().map(|moment| !moment.exp_alerts.is_empty()).collect();
        let is_alone =
            |moment: &Moment| moment.exp_alerts.len() <= 1 && moment.exp_alerts.iter().all(Expected::is_beyond);
        let changes = fires.windows(2).any(|pair| pair == [true, false]);
        if MISTAKES.contains(&alert) {
            return fires.first() == Some(&false) && changes;
        }
        ["beyond", "within", "former"].into_iter().all(knows)
            && self.input_series.iter().any(|series| series.is_about("beyond") && series.values.contains("stale"))
            && self.alert_rule_test.iter().all(is_alone)
            && (!waits || fires.first() == Some(&false))
            && fires.windows(2).any(|pair| pair == [true, true])
            && changes
    }
}

impl Series {
    fn is_about(&self, who: &str) -> bool {
        self.series.contains(&format!("=\"{who}\""))
    }
}

impl Expected {
    /// Whether it is about the one that is beyond the limit, and keeps the labels that tell exporters and people apart.
    fn is_beyond(&self) -> bool {
        let has = |label| self.exp_labels.contains_key(label);
        has("job") && has("instance") && self.exp_labels.values().any(|value| value == "beyond")
    }
}

#[test]
fn every_alert_is_tested_from_all_sides() {
    let copy = SwitchedOn::new();
    let cases = Case::all(&copy);
    for (alert, rule) in copy.rules().iter().flat_map(RuleFile::alerts) {
        let mut own = cases.iter().filter(|case| case.name.split(',').next() == Some(alert));
        assert!(own.any(|case| case.is_thorough(alert, rule.pending.is_some())), "{alert}");
    }
}
