//! Which queries may find nothing in the demo, and why.

use crate::demo::RARELY_MEASURED;
use crate::page::Page;
use crate::promql::selectors;

/// How Grafana writes that everybody is wanted.
pub(super) const EVERYBODY: &str = ".+";

/// What nobody may have at the moment, beside [`RARELY_MEASURED`].
const RARE: [&str; 1] = ["withings_exporter_api_request_failures_total"];

/// What a device or habit brings that not everybody has, by how the keys begin.
const LACKS: [(&[&str], &[&str]); 12] = [
    (&["Alice", "Zoë"], &["glucose"]),
    (&["Bob", "Zoë"], THERMOMETER),
    (&["Bob", "Zoë"], WATCH),
    (&["Bob", "Zoë"], BODY_SCAN),
    (&["Bob", "Zoë"], FOOT_SCAN),
    (&["Bob", "Zoë"], &["urine"]),
    (&["Bob"], &["goal_sleep"]),
    (&["Alice", "Zoë"], &["stethoscope"]),
    (&["Bob", "Zoë"], &["workout_pause"]),
    (&["Zoë"], &["workout_elevation", "workout_steps"]),
    (&["Zoë"], CUFF),
    (&["Zoë"], &["goal"]),
];

const THERMOMETER: &[&str] = &["body_temperature", "skin_temperature", "temperature_c"];

const WATCH: &[&str] = &[
    "activity_heart_rate",
    "intraday",
    "ppg",
    "sleep_core_body",
    "spo2",
    "vo2_max",
    "workout_heart_rate",
    "workout_spo2",
];

const BODY_SCAN: &[&str] = &[
    "basal_metabolic",
    "extracellular_water",
    "fat_free_mass_segment",
    "fat_mass_segment",
    "intracellular_water",
    "metabolic_age",
    "muscle_mass_segment",
    "pulse_wave",
    "vascular_age",
    "visceral_fat",
];

const FOOT_SCAN: &[&str] = &["electrochemical", "electrodermal", "nerve_health"];

const CUFF: &[&str] = &["corrected_qt", "diastolic", "ecg", "pr_interval", "qrs", "qt_interval", "systolic"];

/// What an expression has that need not find anything, whoever is asked for.
const OF_OTHER_TIMES: [(&str, &str); 5] = [
    ("withings_limit:", "no rules are loaded here"),
    ("\"acc_aha\"", "the other guideline is chosen"),
    ("clamp_min(", "who has lost has gained nothing"),
    (") >= 0.05) /", "who has gained has lost nothing"),
    ("unless on () ALERTS", "alerts fire here"),
];

/// An expression without the comparisons at its end: of the classes of a value only one is there.
pub(super) fn of_any_class(expression: &str) -> &str {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let before = |operator: &str| expression.rsplit_once(operator).filter(|(_, limit)| is_number(limit));
    [" < ", " >= "].iter().find_map(|operator| before(operator)).map_or(expression, |(rest, _)| of_any_class(rest))
}

/// Whether a query is for what a panel says without readings, or without an exporter.
pub(super) fn says_that_there_is_nothing(expression: &str) -> bool {
    ["vector(0) unless", "vector(1) unless", "label_replace(vector(0)", "absent("]
        .iter()
        .any(|start| expression.starts_with(start))
}

/// Whether a query for one person or for [`EVERYBODY`] may find nothing.
pub(super) fn may_be_empty(expression: &str, profile: &str) -> bool {
    let metrics: Vec<_> = selectors(expression).into_iter().map(|selector| selector.metric).collect();
    let is_rare = metrics.iter().any(|metric| RARELY_MEASURED.contains(metric) || RARE.contains(metric));
    // The person's day may have begun just now.
    let is_of_present_day =
        profile != EVERYBODY && expression.trim_start_matches('(').starts_with("withings_activity_");
    // The demo's history is one without --sleep-stages, and live scrapes have the last night alone.
    let is_of_stages =
        profile != EVERYBODY && expression.contains("withings_sleep_heart_rate_variability_average_seconds");
    // Zoë's life began two weeks ago; the week that ended 30 or 365 days ago has the present hour.
    let is_too_old = profile == "Zoë" && ["offset 719h", "offset 8759h"].iter().any(|age| expression.contains(age));
    let begins = |key: &&str| {
        ["withings_", "measurement=\""].iter().any(|prefix| expression.contains(&format!("{prefix}{key}")))
    };
    let is_of_other_times =
        says_that_there_is_nothing(expression) || OF_OTHER_TIMES.iter().any(|(part, _)| expression.contains(part));
    // Regions of alerts are for one person.
    let is_of_one = profile == EVERYBODY && expression.contains("count by (profile)");
    is_rare
        || is_of_other_times
        || is_of_one
        || is_of_present_day
        || is_of_stages
        || is_too_old
        || lacked(profile).any(|series| begins(&series))
}

/// Nobody has what the list says that they lack.
pub(super) fn check_lacks(page: &Page) {
    for series in page.samples.keys() {
        let owners = LACKS.iter().flat_map(|(people, _)| *people);
        for owner in owners.filter(|owner| series.contains(&format!("profile=\"{owner}\""))) {
            let has = lacked(owner).any(|key| series.starts_with(&format!("withings_{key}")));
            assert!(!has, "this is not lacked by now: {series}");
        }
    }
}

/// How the keys begin that this person lacks.
fn lacked(profile: &str) -> impl Iterator<Item = &'static str> {
    LACKS.iter().filter(move |(people, _)| people.contains(&profile)).flat_map(|(_, keys)| *keys).copied()
}
