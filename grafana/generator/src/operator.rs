//! The dashboard for who runs the exporter: does it keep its logins, does it get its data, what does it cost.

use serde_json::json;

use crate::colours::{CONNECTED, LIMIT, WORKS};
use crate::dashboard::{Dashboard, Row};
use crate::expression::{exporter, firing_of, person};
use crate::limits::{BUDGET, LAG, REFRESH_AGE, TOKEN};
use crate::panel::{Panel, lines, stacked, tiles, timeline};
use crate::quantity::{AGE, COUNT, Quantity, System, TIME_TAKEN};
use crate::target::query;

const NO_REFRESH: &str = "No refresh yet";
const NO_SCRAPE: &str = "Prometheus does not scrape the exporter under this job and instance";
const NO_COUNTERS: &str = "Nothing of the kind has happened, or the exporter runs with --web.disable-exporter-metrics";
const NO_OWN_METRICS: &str = "No metrics of its own";

/// The operator's dashboard.
pub(crate) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "withings-exporter",
        title: "Withings exporter",
        description: "How the Withings exporter is doing: logins, refreshes, requests to Withings, scrapes, process.",
        tags: &["withings", "exporter"],
        from: "now-24h",
        ranges: &[("3 hours", "now-3h"), ("24 hours", "now-24h"), ("7 days", "now-7d"), ("30 days", "now-30d")],
        // Those on the whole exporter have no profile.
        alerts: ("Exporter alerts", firing_of("exporter", r#"profile=~"$profile|""#)),
        variables: Vec::new(),
        system: System::Metric,
        rows: vec![now(), people(), withings(), process()],
    }
}

fn now() -> Row {
    Row::open(
        "Now",
        vec![
            logins().at(0, 0, 8, 4),
            newest_refreshes().at(8, 0, 8, 4),
            tokens().at(16, 0, 8, 4),
            program().at(0, 4, 24, 3),
        ],
    )
}

fn people() -> Row {
    Row::open(
        "Refreshes",
        vec![
            refreshes().at(0, 0, 12, 5),
            refresh_duration().at(0, 5, 12, 6),
            refresh_lag().at(0, 11, 12, 6),
            calls().at(12, 0, 12, 13),
            storage().at(12, 13, 12, 4),
        ],
    )
}

fn withings() -> Row {
    Row::open(
        "Requests to Withings",
        vec![
            requests().at(0, 0, 12, 8),
            failures().at(12, 0, 12, 8),
            answer_time().at(0, 8, 12, 7),
            oddities().at(12, 8, 12, 7),
        ],
    )
}

fn process() -> Row {
    Row::open(
        "Scrapes and process",
        vec![
            scrape_size().at(0, 0, 8, 7),
            scrape_duration().at(8, 0, 8, 7),
            processor().at(16, 0, 8, 7),
            memory().at(0, 7, 8, 7),
            files().at(8, 7, 8, 7),
            threads().at(16, 7, 8, 7),
        ],
    )
}

/// Whether Withings accepts each login.
pub(crate) fn logins() -> Panel {
    tiles("Logins")
        .small()
        .about(
            "Whether Withings accepts each person's login. Who is to be connected goes to the exporter's own page.",
            "The exporter has no profile, or Prometheus does not scrape it: see deploy/prometheus",
        )
        .show(query("{{profile}}", person("withings_authorized").now()).words(CONNECTED))
}

/// How long ago the last call of each person worked.
pub(crate) fn newest_refreshes() -> Panel {
    let newest = person("withings_exporter_refresh_last_success_timestamp_seconds").now();
    tiles("Last successful call")
        .small()
        .about("How long ago a call of each person last worked.", "No call has ever worked")
        .unit(AGE)
        .limits(&REFRESH_AGE)
        .show(query("{{profile}}", format!("time() - max by (profile) ({newest})")))
}

/// Whether everything worked, over time.
pub(crate) fn refreshes() -> Panel {
    timeline("Refreshes")
        .about("Whether the latest attempt of every call of a person has worked.", NO_REFRESH)
        .show(query("{{profile}}", person("withings_up").now()).words(WORKS))
        .or_nothing(&person("withings_up"))
}

fn tokens() -> Panel {
    tiles("Access token ends in")
        .small()
        .about(
            "The exporter renews a token by itself before a call, if the token has ended or soon ends.",
            "Nobody is connected",
        )
        .unit(AGE)
        .limits(&TOKEN)
        .show(query(
            "{{profile}}",
            format!("{} - time()", person("withings_exporter_token_expiry_timestamp_seconds").now()),
        ))
}

fn program() -> Panel {
    tiles("Program")
        .small()
        .about(
            "How long ago this version was started, whether Prometheus reaches it, whether its configuration was read \
             at the last reload, and whether its storage works.",
            NO_SCRAPE,
        )
        .show(
            query(
                "{{version}}",
                format!(
                    "time() - {} * on (job, instance) group_left (version) {}",
                    exporter("process_start_time_seconds").now(),
                    exporter("withings_exporter_build_info").now(),
                ),
            )
            .unit(AGE),
        )
        .show(query("Scrape", exporter("up").now()).words(WORKS))
        .show(query("Config", exporter("withings_exporter_config_last_reload_successful").now()).words(WORKS))
        .show(query("Storage", exporter("withings_exporter_storage_up").now()).words(WORKS))
}

fn calls() -> Panel {
    timeline("Calls")
        .about("Whether the latest attempt of each call of a person has worked.", NO_REFRESH)
        .show(query("{{profile}} {{call}}", person("withings_exporter_refresh_success").now()).words(WORKS))
        .or_nothing(&person("withings_exporter_refresh_success"))
}

fn refresh_duration() -> Panel {
    lines("Duration of a refresh")
        .about("How long the latest refresh of each person took, waiting for its turn included.", NO_REFRESH)
        .unit(TIME_TAKEN)
        .show(query("{{profile}}", person("withings_exporter_refresh_duration_seconds").now()))
}

/// How long calls wait, beside what the configuration wants.
fn refresh_lag() -> Panel {
    let interval = exporter("withings_exporter_refresh_interval_seconds").now();
    lines("Longest wait for a refresh")
        .about(
            "How long the most overdue call of any person has been due, beside the configured time between refreshes. \
             It grows where requests_per_minute does not carry all people.",
            NO_OWN_METRICS,
        )
        .unit(Quantity::Minutes)
        .defaults(json!({"decimals": 1}))
        .explained_by(&LAG)
        .show(query("longest wait", exporter("withings_exporter_refresh_lag_seconds").now()))
        .show(query("configured interval", interval.clone()))
        .show(query("limit", format!("2 * {interval}")).limit(LIMIT))
}

fn storage() -> Panel {
    timeline("Storage")
        .about("Whether the latest write and the latest read of the storage have worked.", NO_OWN_METRICS)
        .show(query("{{instance}}", exporter("withings_exporter_storage_up").now()).words(WORKS))
        .or_nothing(&exporter("withings_exporter_storage_up"))
}

fn requests() -> Panel {
    stacked("Requests per minute")
        .about("Requests that were sent to Withings, by call, for all people together.", NO_COUNTERS)
        .unit(Quantity::Plain("cpm"))
        .dashed_at(&BUDGET)
        .axis(0.0, 120.0)
        .show(query("{{call}}", exporter("withings_exporter_api_requests_total").per_minute("call")))
}

fn failures() -> Panel {
    stacked("Failures per minute")
        .about("Requests that failed, by call and reason.", NO_COUNTERS)
        .unit(Quantity::Plain("cpm"))
        .show(query(
            "{{call}}, {{reason}}",
            exporter("withings_exporter_api_request_failures_total").per_minute("call, reason"),
        ))
}

fn answer_time() -> Panel {
    let buckets = exporter("withings_exporter_api_request_duration_seconds_bucket").now();
    let quantile =
        |share: &str| format!("histogram_quantile({share}, sum by (call, le) (rate({buckets}[$__rate_interval])))");
    lines("Withings' time to answer")
        .about("Half of the answers came within the median, 95 of 100 within the other.", NO_COUNTERS)
        .unit(TIME_TAKEN)
        .show(query("{{call}}, median", quantile("0.5")))
        .show(query("{{call}}, 95 %", quantile("0.95")))
}

fn oddities() -> Panel {
    let rates = [
        ("unknown values, {{kind}}", "withings_exporter_unknown_values_total", "kind"),
        ("notifications, {{kind}}, {{outcome}}", "withings_exporter_notifications_total", "kind, outcome"),
    ];
    let rotations = person("withings_exporter_token_rotations_total").per_minute("profile");
    let panel = lines("Other events per minute")
        .about(
            "Values that this version does not know or believe, notifications of Withings, and new tokens.",
            NO_COUNTERS,
        )
        .unit(Quantity::Plain("cpm"));
    rates
        .into_iter()
        .fold(panel, |panel, (name, metric, labels)| panel.show(query(name, exporter(metric).per_minute(labels))))
        .show(query("new tokens, {{profile}}", rotations))
}

fn scrape_size() -> Panel {
    lines("Samples per scrape")
        .about("How many samples Prometheus gets with each scrape.", NO_SCRAPE)
        .unit(COUNT)
        .show(query("{{instance}}", exporter("scrape_samples_scraped").now()))
}

fn scrape_duration() -> Panel {
    lines("Duration of a scrape")
        .about("How long Prometheus waits for each scrape: it never waits for Withings.", NO_SCRAPE)
        .unit(TIME_TAKEN)
        .show(query("{{instance}}", exporter("scrape_duration_seconds").now()))
}

fn processor() -> Panel {
    let spent = exporter("process_cpu_seconds_total").now();
    lines("Processor")
        .about("The share of one core that the exporter uses.", NO_SCRAPE)
        .unit(Quantity::Share)
        .show(query("{{instance}}", format!("rate({spent}[$__rate_interval])")))
}

fn memory() -> Panel {
    lines("Memory")
        .about("Memory that the exporter occupies, and what it has reserved.", NO_SCRAPE)
        .unit(Quantity::Plain("bytes"))
        .show(query("{{instance}}, resident", exporter("process_resident_memory_bytes").now()))
        .show(query("{{instance}}, virtual", exporter("process_virtual_memory_bytes").now()))
}

fn files() -> Panel {
    lines("Open files")
        .about("Open files and connections, and their limit.", NO_SCRAPE)
        .unit(COUNT)
        .show(query("{{instance}}", exporter("process_open_fds").now()))
        .show(query("{{instance}}, limit", exporter("process_max_fds").now()))
}

fn threads() -> Panel {
    lines("Threads")
        .about("Threads of the exporter.", NO_SCRAPE)
        .unit(COUNT)
        .show(query("{{instance}}", exporter("process_threads").now()))
}
