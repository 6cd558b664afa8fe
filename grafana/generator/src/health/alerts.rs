//! The alerts of one person.

use serde_json::{Value, json};

use crate::expression::{any_limit, firing, of};
use crate::panel::{Panel, tiles};
use crate::target::query;

/// The rules, of which the names of the alerts are taken.
const RULES: [&str; 3] = [
    include_str!("../../../../deploy/prometheus/rules/exporter.yml"),
    include_str!("../../../../deploy/prometheus/rules/data.yml"),
    include_str!("../../../../deploy/prometheus/rules/vitals.yml"),
];

/// What fires now; else whether anything could.
pub(super) fn firing_now() -> Panel {
    let severities = [("critical", "red"), ("warning", "orange"), ("info", "blue")];
    let panel = tiles("Alerts")
        .about(
            "The person's alerts that fire now by Prometheus' rules: red ones are critical, orange ones warnings, blue \
             ones for information.",
            "Prometheus has nothing from the exporter",
        )
        .names_alone()
        .named(names());
    let panel = severities.into_iter().fold(panel, |panel, (severity, colour)| {
        // An alert may fire for both readings of a blood pressure.
        let names = format!("max by (alertname) ({})", firing(&format!("severity=\"{severity}\",")));
        panel.show(query("{{alertname}}", names).colour(colour))
    });
    let quiet = format!("max({}) unless on () {}", of("authorized").now(), firing(""));
    panel
        .show(
            query("Prometheus scrapes no exporter: see deploy/prometheus", of("authorized").absent()).colour("orange"),
        )
        .show(query("none", format!("{quiet} and on () {}", any_limit())).colour("green"))
        .show(query("no vitals rules loaded", format!("{quiet} unless on () {}", any_limit())).colour("gray"))
}

/// The alerts' names as people write them.
fn names() -> impl Iterator<Item = Value> {
    let lines = RULES.into_iter().flat_map(str::lines);
    let alerts = lines.filter_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix("- alert: "));
    alerts.map(|alert| {
        let properties = json!([{"id": "displayName", "value": sentence(alert)}]);
        json!({"matcher": {"id": "byName", "options": alert}, "properties": properties})
    })
}

/// `WithingsBloodPressureHigh` as "Blood pressure high".
fn sentence(alert: &str) -> String {
    let name = alert.strip_prefix("Withings").unwrap_or(alert);
    name.char_indices().fold(String::new(), |mut sentence, (at, letter)| {
        if letter.is_uppercase() && at > 0 {
            sentence.push(' ');
            sentence.extend(letter.to_lowercase());
        } else {
            sentence.push(letter);
        }
        sentence
    })
}

#[cfg(test)]
mod tests {
    use super::{names, sentence};

    #[test]
    fn alerts_have_names_with_spaces() {
        assert_eq!(sentence("WithingsBloodPressureHigh"), "Blood pressure high");
        let shown: Vec<String> = names().map(|name| name["properties"][0]["value"].to_string()).collect();
        assert!(["\"High fever\"", "\"Weight rapid gain\""].iter().all(|name| shown.iter().any(|one| one == name)));
    }
}
