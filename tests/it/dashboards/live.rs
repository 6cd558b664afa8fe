//! Every query of the dashboards, asked of a real Prometheus that has the demo's history and scrapes it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::clock::Clock;

use super::asked::{Asked, asked};
use super::names::check_names;
use super::promql::selectors;
use super::{all, read};
use crate::config::write;
use crate::demo::{Demo, RARELY_MEASURED};
use crate::history::prometheus::{Prometheus, blocks};
use crate::page::Page;
use crate::program::until;

const DAY: i64 = 86_400;

const PEOPLE: [&str; 3] = ["Alice", "Bob", "Zoë"];

/// How Grafana writes that all of them are wanted.
const EVERYBODY: &str = ".+";

/// What a person of the demo has not, by the beginning of the key.
const LACKS: [(&str, &str, &[&str]); 10] = [
    ("Bob", "a thermometer", &["body_temperature", "skin_temperature", "temperature_c"]),
    ("Bob", "a watch", &["spo2", "activity_heart_rate", "workout_heart_rate", "vo2_max", "ppg", "sleep_core_body"]),
    (
        "Bob",
        "a scale that scans the body",
        &[
            "pulse_wave",
            "vascular_age",
            "metabolic_age",
            "basal_metabolic",
            "visceral_fat",
            "extracellular_water",
            "intracellular_water",
            "fat_free_mass_segment",
            "fat_mass_segment",
            "muscle_mass_segment",
            "nerve_health",
            "electrodermal",
            "electrochemical",
        ],
    ),
    ("Bob", "an analysis of urine", &["urine"]),
    ("Bob", "a goal for sleep", &["goal_sleep"]),
    ("Alice", "a glucometer", &["glucose"]),
    ("Zoë", "any of these", &["body_temperature", "skin_temperature", "temperature_c", "spo2", "glucose", "urine"]),
    (
        "Zoë",
        "a watch and a scale for more than weight, fat and water",
        &[
            "activity_heart_rate",
            "workout_heart_rate",
            "vo2_max",
            "ppg",
            "sleep_core_body",
            "pulse_wave",
            "vascular_age",
            "metabolic_age",
            "basal_metabolic",
            "visceral_fat",
            "extracellular_water",
            "intracellular_water",
            "fat_free_mass_segment",
            "fat_mass_segment",
            "muscle_mass_segment",
            "nerve_health",
            "electrodermal",
            "electrochemical",
        ],
    ),
    ("Zoë", "a cuff", &["systolic", "diastolic", "ecg", "qrs", "pr_interval", "qt_interval", "corrected_qt"]),
    ("Zoë", "goals", &["goal"]),
];

/// What nobody may have at the moment, beside [`RARELY_MEASURED`].
const RARE: [&str; 2] = ["withings_exporter_api_request_failures_total", "withings_exporter_storage_failures_total"];

/// Grafana's variables.
struct Variables<'a> {
    profile: &'a str,
    target: SocketAddr,
}

#[tokio::test]
async fn every_query_is_answered_for_each_person() {
    let dir = TempDir::new().unwrap();
    let history = dir.path().join("history.om");
    let demo = Demo::start(&["--demo.backfill", history.to_str().unwrap()], &dir, &PEOPLE).await;
    until("the history and everybody's devices", async || {
        let page = demo.page("").await;
        let has_devices = |name: &&str| page.contains(&format!("withings_device_info{{profile=\"{name}\""));
        (history.exists() && PEOPLE.iter().all(has_devices)).then_some(())
    })
    .await;
    let page = Page::read(&demo.page("").await);
    check_names(&page);
    check_lacks(&page);
    let data = blocks(&as_scraped(&history, demo.address), &dir);
    let prometheus = Prometheus::start(&dir, &data, demo.address).await;
    let asking = Asking { client: client(), address: prometheus.address };
    until("a second scrape", async || {
        let rate = "rate(withings_exporter_api_requests_total[1m])";
        (!asking.ask(rate, Some("1h")).await.is_empty()).then_some(())
    })
    .await;
    check_variables(&asking, demo.address).await;
    check_answers(&asking, demo.address).await;
}

#[tokio::test]
async fn an_empty_prometheus_answers_every_query_with_nothing() {
    let dir = TempDir::new().unwrap();
    let prometheus = Prometheus::empty(&dir).await;
    let asking = Asking { client: client(), address: prometheus.address };
    for query in queries() {
        let expression = Variables { profile: EVERYBODY, target: prometheus.address }.replaced(&query);
        let answer = asking.ask(&expression, query.step.as_deref()).await;
        assert_eq!(answer, Vec::<Value>::new(), "{query:?}");
    }
}

/// Every query of all dashboards, each once: those in imperial units are mostly the same.
fn queries() -> Vec<Asked> {
    let all = all();
    let queries = all.iter().flat_map(|it| asked(&read(it)));
    let by_expression: BTreeMap<_, _> = queries.map(|it| ((it.expression.clone(), it.step.clone()), it)).collect();
    assert!(by_expression.len() > 150, "{}", by_expression.len());
    by_expression.into_values().collect()
}

/// The text with the labels of the scraped target, as `backfill --label` writes it, and an alert of Alice's.
fn as_scraped(history: &std::path::Path, target: SocketAddr) -> std::path::PathBuf {
    let text = std::fs::read_to_string(history).unwrap();
    let labels = format!("{{job=\"withings\",instance=\"{target}\",");
    let at = Clock::system().unix() - DAY;
    let alert = format!("ALERTS{labels}alertname=\"WithingsFever\",alertstate=\"firing\",profile=\"P\"}} 1 {at}\n");
    let alerts: String = PEOPLE.iter().map(|it| alert.replace("\"P\"", &format!("\"{it}\""))).collect();
    let text = text.replace('{', &labels).replace("# EOF", &format!("{alerts}# EOF"));
    let file = history.with_extension("scraped.om");
    write(&file, &text);
    file
}

async fn check_variables(asking: &Asking, target: SocketAddr) {
    let dashboard = read(&all()[0]);
    for (variable, expected) in [
        ("job", BTreeSet::from(["withings".to_owned()])),
        ("instance", BTreeSet::from([target.to_string()])),
        ("profile", PEOPLE.map(str::to_owned).into()),
    ] {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let found = variables.iter().find(|it| it["name"] == variable).unwrap();
        let query = found["query"]["query"].as_str().unwrap();
        let (series, label) = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
        assert_eq!(label, format!("{variable})"));
        let values = asking.ask(&Variables { profile: EVERYBODY, target }.in_text(series), None).await;
        let values = values.iter().map(|it| it["metric"][variable].as_str().unwrap().to_owned());
        assert_eq!(values.collect::<BTreeSet<_>>(), expected, "{query}");
    }
}

/// Each query has an answer for each person alone, unless the person lacks what it asks for, and for all together.
async fn check_answers(asking: &Asking, target: SocketAddr) {
    let mut mistakes = Vec::new();
    for query in queries() {
        for profile in PEOPLE.into_iter().chain([EVERYBODY]) {
            let expression = Variables { profile, target }.replaced(&query);
            let is_empty = asking.ask(&expression, query.step.as_deref()).await.is_empty();
            if is_empty && !is_excused(&expression, profile) {
                mistakes.push(format!("{} has nothing for {profile}: {expression}", query.place));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn is_excused(expression: &str, profile: &str) -> bool {
    let metrics: Vec<_> = selectors(expression).into_iter().map(|it| it.metric).collect();
    let is_rare = metrics.iter().any(|it| RARELY_MEASURED.contains(&it.as_str()) || RARE.contains(&it.as_str()));
    // A day of hers or his may have begun just now.
    let is_of_present_day =
        profile != EVERYBODY && expression.trim_start_matches('(').starts_with("withings_activity_");
    // Her life began two weeks ago.
    let is_before = profile == "Zoë" && expression.contains("offset 30d");
    let mut lacks = LACKS.iter().filter(|(name, ..)| *name == profile).flat_map(|(_, _, keys)| *keys);
    let begins =
        |key: &&str| expression.contains(&format!("withings_{key}")) || expression.contains(&format!("\"{key}"));
    is_rare || is_of_present_day || is_before || lacks.any(begins)
}

/// Nobody has what the list says that they lack.
fn check_lacks(page: &Page) {
    for (name, what, keys) in LACKS {
        let of_person = page.samples.keys().filter(|it| it.contains(&format!("profile=\"{name}\"")));
        for series in of_person {
            let has = keys.iter().find(|key| series.starts_with(&format!("withings_{key}")));
            assert!(has.is_none(), "{name} has {what} by now: {series}");
        }
    }
}

impl Variables<'_> {
    fn replaced(&self, query: &Asked) -> String {
        self.in_text(&query.expression).replace("$__interval", query.step.as_deref().unwrap_or("1h"))
    }

    fn in_text(&self, expression: &str) -> String {
        expression
            .replace("$__rate_interval", "1m")
            .replace("$profile", self.profile)
            .replace("$job", "withings")
            .replace("$instance", &self.target.to_string())
    }
}

/// A server that answers as Prometheus does.
struct Asking {
    client: reqwest::Client,
    address: SocketAddr,
}

impl Asking {
    /// The rows of an answer: of the present, or of the last 30 days with a step, a day's at midnight.
    async fn ask(&self, expression: &str, step: Option<&str>) -> Vec<Value> {
        let now = Clock::system().unix();
        let end = if step == Some("1d") { now - now % DAY } else { now };
        let form = [
            ("query", expression.to_owned()),
            ("start", (end - 30 * DAY).to_string()),
            ("end", end.to_string()),
            ("step", step.unwrap_or_default().to_owned()),
        ];
        let path = if step.is_some() { "query_range" } else { "query" };
        let answer = self.client.post(format!("http://{}/api/v1/{path}", self.address)).form(&form).send().await;
        let answer: Value = serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
