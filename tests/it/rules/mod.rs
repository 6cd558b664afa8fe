//! The alert rules: promtool accepts them, each alert does what its tests say, and what they name exists.

mod cases;
pub(crate) mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;
use withings_exporter::catalogue::{Measurement, Unit};

use crate::config::write;
use crate::page::Page;
use crate::program::fed;
use crate::promql::{self, Selector, groupings};
use crate::readme;
use crate::sources::{root, walk};

/// The folder that users copy.
const DEPLOYED: &str = "deploy/prometheus";

/// The alert that is off by default.
const HEART_FAILURE: &str = "WithingsWeightRapidGain";

/// The alerts on mistakes in the configuration of the rules themselves: of no exporter and of no reading.
const MISTAKES: [&str; 2] = ["WithingsLimitForNobody", "WithingsGuidelineUnknown"];

/// A copy of the project's folder for Prometheus and of the unit tests, with everything switched on that is opt-in, and
/// without what is generated from the address of the repository.
pub(crate) struct SwitchedOn(TempDir);

impl SwitchedOn {
    pub(crate) fn new() -> Self {
        let copy = Self(TempDir::new().unwrap());
        for folder in [DEPLOYED, "tests/rules"] {
            walk(&root().join(folder), &mut |file| copy.add(file));
        }
        copy
    }

    fn add(&self, file: &Path) {
        let text = fs::read_to_string(file).unwrap();
        let path = self.0.path().join(file.strip_prefix(root()).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As the files say: the sign at the start of these lines is removed.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("runbook_url:"));
        let switched_on = |line: &str| match line.strip_prefix('#') {
            Some(rule) if rule.starts_with("  ") || rule == "alerting:" => format!("{rule}\n"),
            _ => line.replace("# - rules/", "- rules/") + "\n",
        };
        write(&path, &lines.map(switched_on).collect::<String>());
    }

    /// Prometheus' configuration.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.path().join(DEPLOYED).join("prometheus.yml")
    }

    /// Changes the text of this file of rules.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(String) -> String) {
        let file = self.0.path().join(DEPLOYED).join(format!("rules/{name}.yml"));
        write(&file, &edit(fs::read_to_string(&file).unwrap()));
    }

    /// Every file of rules.
    pub(crate) fn rules(&self) -> Vec<RuleFile> {
        self.files("deploy/prometheus/rules").iter().map(|path| RuleFile::read(path)).collect()
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.0.path().join(folder), &mut |file| files.push(file.to_owned()));
        files
    }
}

/// A file of rules.
pub(crate) struct RuleFile {
    /// The name of the file without folder and ending.
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
}

/// A rule, which records or alerts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    record: Option<String>,
    pub(crate) alert: Option<String>,
    pub(crate) expr: String,
    #[serde(rename = "for")]
    pending: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl RuleFile {
    fn read(file: &Path) -> Self {
        #[derive(Deserialize)]
        struct Groups {
            groups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Group {
            rules: Vec<Rule>,
        }
        let Groups { groups } = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        Self { name, rules: groups.into_iter().flat_map(|group| group.rules).collect() }
    }

    /// The rules that alert, with their names.
    fn alerts(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.rules.iter().filter_map(|rule| Some((rule.alert.as_deref()?, rule)))
    }

    /// The alerts on what was measured, with their names.
    fn alerts_on_readings(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.alerts().filter(|(name, _)| !MISTAKES.contains(name))
    }

    /// The rules that record, with their names.
    fn recorded(&self) -> BTreeMap<&str, &Rule> {
        self.rules.iter().filter_map(|rule| Some((rule.record.as_deref()?, rule))).collect()
    }
}

#[test]
fn promtool_accepts_the_configuration_with_and_without_what_is_opt_in() {
    let as_shipped = root().join(DEPLOYED).join("prometheus.yml");
    let said = promtool(&["check", "config", "--lint-fatal"], &[as_shipped]);
    assert!(said.contains("2 rule files found"), "{said}");
    let said = promtool(&["check", "config", "--lint-fatal"], &[SwitchedOn::new().configuration()]);
    assert!(said.contains("5 rule files found"), "{said}");
}

#[test]
fn every_rule_does_what_its_tests_say() {
    accepted("promtool", &["test", "rules"], &SwitchedOn::new().files("tests/rules"));
}

#[test]
fn every_rule_does_what_its_tests_say_in_the_oldest_prometheus() {
    accepted("promtool-oldest", &["test", "rules"], &SwitchedOn::new().files("tests/rules"));
}

#[test]
fn heart_failure_is_off() {
    let shipped = RuleFile::read(&root().join(DEPLOYED).join("rules/vitals.yml"));
    assert!(shipped.alerts().all(|(name, _)| name != HEART_FAILURE));
    let switched_on = SwitchedOn::new().rules();
    assert!(switched_on.iter().any(|file| file.alerts().any(|(name, _)| name == HEART_FAILURE)));
}

#[test]
fn every_alert_says_what_it_is_and_where_to_look() {
    for file in SwitchedOn::new().rules() {
        for (name, rule) in file.alerts() {
            check_words(&file.name, name, rule);
        }
    }
}

fn check_words(file: &str, name: &str, rule: &Rule) {
    assert!(name.starts_with("Withings"), "{name}");
    let category = if MISTAKES.contains(&name) { "exporter" } else { file };
    assert_eq!(rule.labels["category"], category, "{name}");
    assert!(["critical", "warning", "info"].contains(&rule.labels["severity"].as_str()), "{name}");
    assert!(rule.labels.len() == 2 && rule.annotations.len() == 3, "{name}");
    let [summary, description, dashboard] =
        ["summary", "description", "dashboard"].map(|name| rule.annotations[name].as_str());
    assert!(!summary.ends_with('.') && description.ends_with('.'), "{name}");
    let board = if category == "exporter" { "withings-exporter" } else { "withings-health" };
    let of_person =
        if summary.starts_with("{{ $labels.profile }}") { "?var-profile={{ $labels.profile | urlquery }}" } else { "" };
    assert_eq!(dashboard, format!("/d/{board}/{board}{of_person}"), "{name}");
    assert!(category == "exporter" || !of_person.is_empty(), "{name} does not say whom it is about");
}

#[test]
fn every_alert_is_explained() {
    let text = fs::read_to_string(root().join(DEPLOYED).join("README.md")).unwrap();
    let explained: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### Withings")).collect();
    let rules = SwitchedOn::new().rules();
    let alerts = rules.iter().flat_map(RuleFile::alerts).map(|(name, _)| name.strip_prefix("Withings").unwrap());
    assert_eq!(explained, alerts.collect());
}

#[test]
fn every_series_that_a_rule_reads_exists() {
    let golden = fs::read_to_string(root().join("tests/golden/household-openmetrics.snap")).unwrap();
    let page = Page::read(&golden[golden.find("# HELP").unwrap()..]);
    let files = SwitchedOn::new().rules();
    let recorded: BTreeMap<_, _> = files.iter().flat_map(RuleFile::recorded).collect();
    for file in &files {
        for selector in file.rules.iter().flat_map(|rule| selectors(&rule.expr)) {
            let exists = recorded.contains_key(selector.metric)
                || readme::RARE.contains(&selector.metric)
                || selector.matches_all(&page.samples);
            assert!(exists, "{}: nothing is {selector:?}", file.name);
        }
    }
}

#[test]
fn people_and_exporters_are_never_mixed() {
    for file in SwitchedOn::new().rules() {
        // A limit has no exporter; how alerts compare with it has a test of its own, and so has the guideline.
        for rule in file.rules.iter().filter(|rule| !limits::reads_or_records(rule)) {
            for grouping in groupings(&rule.expr) {
                let kept = grouping.starts_with("job, instance, profile")
                    || file.name == "exporter" && grouping.starts_with("job, instance");
                assert!(kept, "({grouping}) in {}", rule.expr);
            }
        }
    }
}

/// A failed scrape ends what a plain selector reads; only base units may end with what they are made of.
#[test]
fn every_alert_survives_a_missed_scrape() {
    let files = SwitchedOn::new().rules();
    let recorded: BTreeMap<_, _> = files.iter().flat_map(RuleFile::recorded).collect();
    for file in files.iter().filter(|file| file.name != "base-units") {
        for rule in &file.rules {
            let reads = selectors(&rule.expr);
            for selector in reads.iter().filter(|selector| !recorded.contains_key(selector.metric)) {
                assert!(selector.is_range, "{selector:?} in {}", rule.expr);
            }
        }
    }
}

#[test]
fn every_vital_sign_counts_only_while_it_is_new() {
    let files = SwitchedOn::new().rules();
    let vitals = files.iter().find(|file| file.name == "vitals").unwrap();
    let recorded = vitals.recorded();
    let is_aware_of_time = |rule: &Rule| {
        selectors(&rule.expr).iter().any(|selector| selector.metric == "withings_measurement_timestamp_seconds")
    };
    for (name, rule) in vitals.alerts_on_readings() {
        let reads = selectors(&rule.expr);
        let mut readings = reads.iter().filter(|selector| !selector.metric.starts_with("withings_limit:"));
        let is_new = is_aware_of_time(rule)
            || readings.all(|selector| recorded.get(selector.metric).is_some_and(|rule| is_aware_of_time(rule)));
        assert!(is_new, "{name} fires on what was measured long ago");
    }
}

#[test]
fn every_measurement_has_its_base_unit() {
    let files = SwitchedOn::new().rules();
    let rules = &files.iter().find(|file| file.name == "base-units").unwrap().rules;
    let written: BTreeSet<_> = rules.iter().map(|rule| (rule.record.clone().unwrap(), rule.expr.clone())).collect();
    assert_eq!(written, Measurement::all().filter_map(in_base_unit).collect());
}

/// The name and the expression of a measurement in the base unit of Prometheus, if it is in another one.
fn in_base_unit(measurement: Measurement) -> Option<(String, String)> {
    let (unit, factor) = match measurement.unit {
        Unit::Kilograms => ("grams", " * 1000"),
        Unit::Meters => ("meters", ""),
        Unit::Percent => ("ratio", " / 100"),
        Unit::DegreesCelsius => ("celsius", ""),
        Unit::Kilocalories => ("joules", " * 4184"),
        _ => return None,
    };
    let without = |name: &'static str, end: &str| name.strip_suffix(end)?.strip_suffix('_');
    let suffix = measurement.unit.suffix_of(measurement.key).unwrap_or_default();
    let stem = without(measurement.key, suffix).unwrap_or(measurement.key);
    let stem = without(stem, unit).unwrap_or(stem);
    (suffix != unit).then(|| (format!("withings:{stem}_{unit}"), measurement.metric() + factor))
}

/// The selectors of this project's metrics in an expression.
fn selectors(expression: &str) -> Vec<Selector<'_>> {
    promql::selectors(expression).into_iter().filter(|selector| selector.metric.starts_with("withings")).collect()
}

/// The output of the Prometheus that the stack pins about these files, which it must accept, and so must the oldest that
/// is supported.
fn promtool(command: &[&str], files: &[PathBuf]) -> String {
    accepted("promtool-oldest", command, files);
    accepted("promtool", command, files)
}

/// The output of this program about files that it must accept.
fn accepted(program: &str, command: &[&str], files: &[PathBuf]) -> String {
    let output = fed(Command::new(program).args(command).args(files), b"");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && !files.is_empty(), "{program}: {said}");
    said
}
