//! Every query of the dashboards, asked of a real Prometheus that has the demo's history and scrapes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use withings_exporter::clock::Clock;

use super::asked::{Asked, asked};
use super::lacks::{EVERYBODY, check_lacks, may_be_empty, of_any_class, says_that_there_is_nothing};
use super::names::check_names;
use super::{HEALTH, all, read};
use crate::config::write;
use crate::demo::{Demo, PEOPLE, everything_is_read, until_history};
use crate::page::Page;
use crate::program::until;
use crate::tsdb::{Server, make_blocks};

const DAY: i64 = 86_400;

/// The label of the demo as a target, which its history has as well.
const INSTANCE: &str = "demo";

#[tokio::test]
async fn every_query_is_answered_for_each_person() {
    let dir = TempDir::new().unwrap();
    let history = dir.path().join("history.om");
    let instance = format!("instance={INSTANCE}");
    let labels = ["--demo.label", "job=withings", "--demo.label", &instance];
    let demo = Demo::start(&[&["--demo.backfill", history.to_str().unwrap()][..], &labels].concat(), &dir, &[]).await;
    until_history(&demo.program).await;
    let text = everything_is_read(&demo).await;
    let page = Page::read(&text);
    check_names(&page);
    check_lacks(&page);
    let scraped = alerts() + &scraped_after_the_night(&text);
    make_blocks(&with(&history, &scraped), &dir);
    let target = format!("static_configs: [{{targets: [\"{}\"], labels: {{instance: {INSTANCE}}}}}]", demo.address);
    let job = format!("scrape_configs: [{{job_name: withings, scrape_interval: 1s, {target}}}]");
    let asking = Asking::new(Server::prometheus(&dir, &job).await);
    until("a second scrape", async || {
        let rate = "rate(withings_exporter_api_requests_total[1m])";
        (!asking.ask(rate, Some("1h")).await.is_empty()).then_some(())
    })
    .await;
    check_variables(&asking).await;
    check_days(&asking).await;
    check_answers(&asking).await;
}

#[tokio::test]
async fn an_empty_prometheus_answers_every_query_with_nothing() {
    let dir = TempDir::new().unwrap();
    let asking = Asking::new(Server::prometheus(&dir, "").await);
    for query in queries() {
        let expression = replaced(&query, EVERYBODY);
        let answer = asking.ask(&expression, query.step.as_deref()).await;
        assert_eq!(answer.is_empty(), !says_that_there_is_nothing(&expression), "{query:?}");
    }
}

/// Every query of all dashboards, each once: those in imperial units are mostly the same.
fn queries() -> Vec<Asked> {
    let queries = all().map(|dashboard| asked(&dashboard)).into_iter().flatten();
    let by_expression: BTreeMap<_, _> =
        queries.map(|query| ((query.expression.clone(), query.step.clone()), query)).collect();
    assert!(by_expression.len() > 150, "{}", by_expression.len());
    by_expression.into_values().collect()
}

/// An alert of each severity for each person.
fn alerts() -> String {
    let now = Clock::system().unix();
    let kinds = [("critical", "vitals"), ("warning", "exporter"), ("info", "data")];
    let people = PEOPLE.iter().flat_map(|person| kinds.map(|kind| (person, kind)));
    let alerts = people.map(|(profile, (severity, category))| {
        let of_rule =
            format!("alertname=\"WithingsTest\",alertstate=\"firing\",severity=\"{severity}\",category=\"{category}\"");
        let of_person = format!("job=\"withings\",instance=\"{INSTANCE}\",profile=\"{profile}\"");
        format!("ALERTS{{{of_rule},{of_person}}} 1 {now}\n")
    });
    alerts.collect()
}

/// What of the page no history has, for it comes from the minutes of the last night, as it was scraped when the night had ended.
/// Prometheus begins later here, perhaps on the next day.
fn scraped_after_the_night(page: &str) -> String {
    const MINUTES: &str = "sleep_heart_rate_variability_average_seconds";
    let lines = |metric: &str| {
        let begin = format!("withings_{metric}{{");
        page.lines().filter(move |line| line.starts_with(&begin) && line.contains(MINUTES)).collect::<Vec<_>>()
    };
    let times = lines("measurement_timestamp_seconds");
    let ended = |line: &&str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    let scraped_at = times.iter().map(ended).fold(0.0, f64::max) + 60.0;
    assert!(scraped_at > 60.0, "nobody has the variability of a night");
    let of_demo = format!("{{job=\"withings\",instance=\"{INSTANCE}\",");
    let scraped = lines(MINUTES).into_iter().chain(times).map(|line| line.replacen('{', &of_demo, 1));
    scraped.flat_map(|line| [line, format!(" {scraped_at}\n")]).collect()
}

/// The text with further samples.
fn with(history: &Path, samples: &str) -> PathBuf {
    let file = history.with_extension("with-more.om");
    write(&file, &fs::read_to_string(history).unwrap().replace("# EOF", &format!("{samples}# EOF")));
    file
}

async fn check_variables(asking: &Asking) {
    let dashboard = read(HEALTH[0]);
    for (variable, expected) in [
        ("job", BTreeSet::from(["withings".to_owned()])),
        ("instance", BTreeSet::from([INSTANCE.to_owned()])),
        ("profile", PEOPLE.map(str::to_owned).into()),
    ] {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let found = variables.iter().find(|found| found["name"] == variable).unwrap();
        let query = found["query"]["query"].as_str().unwrap();
        let (series, label) = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
        assert_eq!(label, format!("{variable})"));
        let values = asking.ask(&in_text(series, EVERYBODY), None).await;
        let values = values.iter().map(|value| value["metric"][variable].as_str().unwrap().to_owned());
        assert_eq!(values.collect::<BTreeSet<_>>(), expected, "{query}");
    }
}

/// Steps stand where the day of the person began, which the exporter says.
async fn check_days(asking: &Asking) {
    let steps = queries()
        .into_iter()
        .find(|query| query.place.ends_with(": Steps") && query.expression.starts_with("avg"))
        .unwrap();
    for profile in PEOPLE {
        let begin = format!("withings_activity_day_start_timestamp_seconds{{profile=\"{profile}\"}}");
        let yesterday = asking.ask(&format!("1000 * last_over_time({begin}[2d] offset 1d)"), None).await;
        let begins = asking.ask(&replaced(&steps, profile), steps.step.as_deref()).await;
        let begins: Vec<_> = begins.iter().map(|day| &day["metric"]["period"]).collect();
        assert!(begins.contains(&&yesterday[0]["value"][1]), "{profile}: {yesterday:?} is not in {begins:?}");
    }
}

/// Each query has an answer for each person alone, unless the person lacks what it asks for, and for all together.
async fn check_answers(asking: &Asking) {
    let mut mistakes = Vec::new();
    for query in queries() {
        for profile in PEOPLE.into_iter().chain([EVERYBODY]) {
            let expression = replaced(&query, profile);
            let expression = of_any_class(&expression);
            let is_empty = asking.ask(expression, query.step.as_deref()).await.is_empty();
            if is_empty && !may_be_empty(expression, profile) {
                mistakes.push(format!("{} has nothing for {profile}: {expression}", query.place));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// A query with Grafana's variables in their places.
fn replaced(query: &Asked, profile: &str) -> String {
    let milliseconds = if query.interval == "1d" { "86400000" } else { "3600000" };
    in_text(&query.expression, profile)
        .replace("$__interval_ms", milliseconds)
        .replace("$__interval", &query.interval)
        .replace("$__range", "30d")
}

fn in_text(expression: &str, profile: &str) -> String {
    expression
        .replace("$__rate_interval", "1m")
        .replace("$profile", profile)
        .replace("$guideline", "esh")
        .replace("$job", "withings")
        .replace("$instance", INSTANCE)
}

/// A server, and the client that asks it as Grafana does.
struct Asking {
    client: reqwest::Client,
    server: Server,
}

impl Asking {
    fn new(server: Server) -> Self {
        Self { client: reqwest::Client::builder().no_proxy().build().unwrap(), server }
    }

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
        let path = if step.is_some() { "/api/v1/query_range" } else { "/api/v1/query" };
        let answer = self.client.post(self.server.url(path)).form(&form).send().await;
        let answer: Value = serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}
