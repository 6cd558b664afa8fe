//! The stack as users have it: the demo with its people's history, and a real Prometheus on it with the project's own
//! configuration and every rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::demo::{Demo, PEOPLE, until_history};
use crate::installation::free_address;
use crate::program::{fed, until};
use crate::rules::SwitchedOn;
use crate::tsdb::{Server, make_blocks};

/// A Prometheus with everything switched on.
pub(crate) struct Stack {
    prometheus: Server,
    rules: SwitchedOn,
}

/// A group of rules in an answer of Prometheus.
#[derive(Deserialize)]
struct Group {
    rules: Vec<Evaluated>,
}

/// The state of a rule in an answer of Prometheus.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated {
    name: String,
    health: String,
    last_error: Option<String>,
}

/// An alert that is pending or firing.
#[derive(Debug, Deserialize)]
struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    state: String,
}

impl Stack {
    /// Starts Prometheus in `dir`, where it finds the history. It scrapes `target` and sends alerts to this Alertmanager.
    pub(crate) async fn start(dir: &TempDir, target: SocketAddr, alertmanager: SocketAddr) -> Self {
        let rules = SwitchedOn::new();
        // The minute in which a limit of one person is awaited.
        rules.edit("vitals", |text| text.replace("for: 1m\n", "for: 1s\n"));
        let file = rules.configuration();
        let folder = file.parent().unwrap().display().to_string();
        // The target and the files are elsewhere, and in a test a minute is a second.
        let configuration = fs::read_to_string(&file).unwrap();
        let configuration = configuration
            .replace("localhost:10064", &target.to_string())
            .replace("localhost:9093", &alertmanager.to_string())
            .replace("- rules/", &format!("- {folder}/rules/"))
            .replace("60s", "1s");
        Self { prometheus: Server::prometheus(dir, &configuration).await, rules }
    }

    /// An answer of Prometheus.
    fn ask<T: DeserializeOwned>(&self, path: &str) -> T {
        #[derive(Deserialize)]
        struct Answer<T> {
            data: T,
        }
        let mut curl = Command::new("curl");
        let output = fed(curl.args(["--silent", "--fail", &self.prometheus.url(&format!("/api/v1/{path}"))]), b"");
        serde_json::from_slice::<Answer<T>>(&output.stdout).unwrap().data
    }

    /// The state of each rule, once every one has been evaluated.
    async fn health(&self) -> Vec<Evaluated> {
        #[derive(Deserialize)]
        struct Groups {
            groups: Vec<Group>,
        }
        until("the evaluation of every rule", async || {
            let rules: Vec<_> = self.ask::<Groups>("rules").groups.into_iter().flat_map(|group| group.rules).collect();
            rules.iter().all(|rule| rule.health != "unknown").then_some(rules)
        })
        .await
    }

    fn alerts(&self) -> Vec<Alert> {
        #[derive(Deserialize)]
        struct Alerts {
            alerts: Vec<Alert>,
        }
        self.ask::<Alerts>("alerts").alerts
    }
}

#[tokio::test]
async fn the_rules_are_sound_and_alert_about_whom_they_should() {
    let dir = TempDir::new().unwrap();
    let history = dir.path().join("history.om");
    // An address of its own, which is known before the history is written.
    let target = free_address();
    let (listen, instance) = (target.to_string(), format!("instance={target}"));
    let labels = ["--demo.label", "job=withings", "--demo.label", &instance];
    let arguments = [&["--web.listen-address", &listen, "--demo.backfill", history.to_str().unwrap()], &labels[..]];
    let demo = Demo::start(&arguments.concat(), &dir, &PEOPLE).await;
    until_history(&demo.program).await;
    make_blocks(&history, &dir);
    let stack = Stack::start(&dir, target, free_address()).await;
    check_health(&stack).await;
    check_alerts(&stack, target).await;
}

async fn check_health(stack: &Stack) {
    let health = stack.health().await;
    let sick = health.iter().find(|scrape| scrape.health != "ok");
    assert!(sick.is_none(), "{}: {:?}", sick.unwrap().name, sick.unwrap().last_error);
    let written: usize = stack.rules.rules().iter().map(|file| file.rules.len()).sum();
    assert_eq!(health.len(), written);
}

/// Alice has a fever, Bob had a sign of atrial fibrillation the evening before, and both have an empty battery. How Bob
/// breathes at night only the history tells.
async fn check_alerts(stack: &Stack, target: SocketAddr) {
    let expected = [
        ("WithingsFever", "firing", BTreeSet::from(["Alice"])),
        ("WithingsAtrialFibrillation", "firing", BTreeSet::from(["Bob"])),
        ("WithingsBatteryLow", "pending", BTreeSet::from(["Alice", "Bob"])),
        ("WithingsBreathingPauses", "pending", BTreeSet::from(["Bob"])),
    ];
    let alerts = until("the alerts", async || {
        let alerts = stack.alerts();
        // Until the first scrape there is no exporter, which is an alert without a job; what is expected is in the history.
        let is_scraped = alerts.iter().all(|alert| alert.labels.contains_key("job"));
        is_scraped.then_some(())?;
        expected.iter().all(|(name, state, people)| about(&alerts, name, state).is_superset(people)).then_some(alerts)
    })
    .await;
    for (name, state, people) in expected {
        assert_eq!(about(&alerts, name, state), people, "{name}");
    }
    for alert in &alerts {
        assert!(alert.labels["job"] == "withings" && alert.labels["instance"] == target.to_string(), "{alert:#?}");
        assert!(alert.labels["category"] != "exporter", "nothing is wrong with the exporter: {alert:#?}");
        assert!(alert.annotations.values().all(|text| !text.contains("error")), "{alert:#?}");
    }
}

/// The profiles that an alert is about.
fn about<'a>(alerts: &'a [Alert], name: &str, state: &str) -> BTreeSet<&'a str> {
    let own = alerts.iter().filter(|alert| alert.labels["alertname"] == name && alert.state == state);
    own.map(|alert| alert.labels["profile"].as_str()).collect()
}
