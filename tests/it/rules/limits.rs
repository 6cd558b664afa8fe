//! Limits are those of everybody, or of one person who has another one: every alert compares with both in the same way.

use std::collections::BTreeMap;
use std::fs;

use super::{DEPLOYED, Rule, RuleFile, SwitchedOn, promtool, selectors};
use crate::config::write;
use crate::sources::root;

/// The classes of a blood pressure at home, mmHg, by guideline: the systolic and the diastolic value with which each of
/// elevated, high, stage 2 and severe begins, where the guideline has it. Severe is above its values.
pub(crate) fn classes() -> BTreeMap<String, [[Option<u16>; 2]; 4]> {
    let text = fs::read_to_string(root().join(DEPLOYED).join("rules/vitals.yml")).unwrap();
    let (_, table) = text.split_once("guideline   elevated").unwrap();
    let rows = table.lines().skip(1).map_while(|line| line.trim().strip_prefix("#   "));
    let pair = |cell: &str| {
        let mut values = cell.split('/').map(|value| value.parse().ok());
        [values.next().flatten(), values.next().flatten()]
    };
    rows.map(|row| {
        let mut cells = row.split_whitespace();
        let guideline = cells.next().unwrap().to_owned();
        (guideline, cells.map(pair).collect::<Vec<_>>().try_into().unwrap())
    })
    .collect()
}

/// Operators that compare, the longer ones first.
const COMPARISONS: [&str; 4] = [" >= ", " <= ", " > ", " < "];

/// Whether a rule has to do with a limit, for persons or for everybody.
pub(super) fn reads_or_records(rule: &Rule) -> bool {
    is_limit(rule.record.as_deref().unwrap_or_default()) || rule.expr.contains("withings_limit:")
}

fn is_limit(metric: &str) -> bool {
    metric.starts_with("withings_limit:")
}

/// The limit that an alert reads, if it reads one by its name.
fn limit(rule: &Rule) -> Option<&str> {
    selectors(&rule.expr).iter().map(|selector| selector.metric).find(|metric| is_limit(metric))
}

/// What an alert compares with its limit: a person's own, else that of everybody. An unfiltered limit, or one in `scalar()`,
/// would break for everybody with the first limit for one person.
fn comparison(compared: &str, operator: &str, limit: &str, by_reading: bool) -> String {
    let (own, common) = if by_reading { ("profile, reading", "reading") } else { ("profile", "") };
    format!(
        "{compared} {operator} on ({own}) group_left () {limit}{{profile!=\"\"}} or \
         ( {compared} unless on ({own}) {limit}{{profile!=\"\"}} ) {operator} on ({common}) group_left () {limit}{{profile=\"\"}}"
    )
}

#[test]
fn every_alert_compares_with_the_limit_of_the_person_before_that_of_everybody() {
    let files = SwitchedOn::new().rules();
    let mut compared = 0;
    for (name, rule) in files.iter().flat_map(RuleFile::alerts) {
        let Some(limit) = limit(rule) else { continue };
        let expression = rule.expr.split_whitespace().collect::<Vec<_>>().join(" ");
        let (left, operator) = COMPARISONS
            .iter()
            .filter_map(|operator| Some((expression.split_once(operator)?.0, operator.trim())))
            .min_by_key(|(left, _)| left.len())
            .unwrap();
        let by_reading = recorded(&files, limit).any(|rule| rule.labels.contains_key("reading"));
        assert_eq!(expression, comparison(left, operator, limit, by_reading), "{name}");
        check_text(name, rule, limit, by_reading);
        compared += 1;
    }
    assert!(compared > 0);
}

/// The text says the limit of the person, as the expression has it.
fn check_text(name: &str, rule: &Rule, limit: &str, by_reading: bool) {
    let (reading, arguments) = if by_reading {
        (",reading=%q", "$labels.profile $labels.reading $labels.reading")
    } else {
        ("", "$labels.profile")
    };
    let shown = format!(
        "{{{{ query (printf \"{limit}{{profile=%q{reading}}} or on () {limit}{{profile=''{reading}}}\" {arguments}) \
         | first | value "
    );
    let description = &rule.annotations["description"];
    assert!(description.contains(&shown), "{name}: {description}");
}

/// The rules that record this metric.
fn recorded<'a>(files: &'a [RuleFile], metric: &'a str) -> impl Iterator<Item = &'a Rule> {
    files.iter().flat_map(|file| &file.rules).filter(move |rule| rule.record.as_deref() == Some(metric))
}

#[test]
fn no_rule_but_an_alert_reads_a_limit_and_each_limit_is_read() {
    let files = SwitchedOn::new().rules();
    let rules = || files.iter().flat_map(|file| &file.rules);
    for rule in rules().filter(|rule| rule.alert.is_none()) {
        assert_eq!(limit(rule), None, "{}", rule.expr);
    }
    for name in rules().filter_map(|rule| rule.record.as_deref()).filter(|name| is_limit(name)) {
        assert!(rules().any(|rule| limit(rule) == Some(name)), "no alert reads {name}");
    }
}

#[test]
fn the_examples_for_one_person_are_good_once_they_are_switched_on() {
    let text = fs::read_to_string(root().join(DEPLOYED).join("rules/limits.yml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.yml");
    let (_, examples) = text.split_once("remove their #.\n").unwrap();
    write(&file, &text.replace(examples, &examples.replace("      # ", "      ")));
    promtool(&["check", "rules", "--lint-fatal"], std::slice::from_ref(&file));
    let files = SwitchedOn::new().rules();
    let own = RuleFile::read(&file);
    let limits: Vec<_> = own.rules.iter().filter(|rule| rule.labels.contains_key("profile")).collect();
    assert!(limits.len() > 1);
    for rule in limits {
        let metric = rule.record.as_deref().unwrap();
        let has_reading = |rule: &Rule| rule.labels.contains_key("reading");
        assert!(recorded(&files, metric).any(|known| has_reading(known) == has_reading(rule)), "{metric} is no limit");
    }
}

#[test]
fn the_limits_of_blood_pressure_are_those_of_the_classes() {
    let classes = classes();
    assert_eq!(classes.keys().collect::<Vec<_>>(), ["acc_aha", "esh"]);
    let value = |guideline: &str, class: usize, reading: usize| classes[guideline][class][reading].unwrap();
    let files = SwitchedOn::new().rules();
    let expression = |name: &str, reading: &str| {
        let mut rules = recorded(&files, name);
        rules.find(|rule| rule.labels["reading"] == reading).unwrap().expr.clone()
    };
    for (at, reading) in ["systolic", "diastolic"].into_iter().enumerate() {
        let high = format!(
            "vector({}) and on () withings_guideline{{guideline=\"acc_aha\"}} or vector({})",
            value("acc_aha", 1, at),
            value("esh", 1, at)
        );
        assert_eq!(expression("withings_limit:blood_pressure_mmhg:high", reading), high);
        let severe = format!("vector({})", value("esh", 3, at));
        assert_eq!(expression("withings_limit:blood_pressure_mmhg:severe", reading), severe);
        assert_eq!(value("esh", 3, at), value("acc_aha", 3, at));
    }
}
