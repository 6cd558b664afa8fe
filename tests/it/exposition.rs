//! What a scrape is answered with.

#![allow(clippy::unwrap_used, reason = "a panic is the message of a test")]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use openmetrics_parser::PrometheusValue;
use openmetrics_parser::openmetrics::parse_openmetrics;
use openmetrics_parser::prometheus::parse_prometheus;
use proptest::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::watch;
use withings_exporter::catalogue::{Call, Kind, Measurement};
use withings_exporter::clock::{Clock, ServerClock};
use withings_exporter::exposition::{Encoding, Exposition, FamilySelection, Format, PageKind, Part, SelfMetrics};
use withings_exporter::process::Process;
use withings_exporter::reading::{
    Attempt, CallStatus, Labels, LoginStatus, ProfileSnapshot, Reading, Sleep, SleepSegment, SleepState, Snapshot,
};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::judges::Pages;
use crate::python;

/// 2026-03-01 06:00:00 UTC.
const NOW: i64 = 1_772_344_800;

const ALL: [(Format, Encoding); 4] = [
    (Format::OpenMetrics, Encoding::Identity),
    (Format::OpenMetrics, Encoding::Gzip),
    (Format::Text, Encoding::Identity),
    (Format::Text, Encoding::Gzip),
];

/// A running exposition with its handles.
struct Scraped {
    snapshots: watch::Sender<Snapshot>,
    telemetry: Telemetry,
    clock: Clock,
    exposition: Exposition,
}

impl Scraped {
    fn new(profiles: Vec<ProfileSnapshot>, self_metrics: SelfMetrics) -> Self {
        Self::rendered_by(Handle::current(), profiles, self_metrics)
    }

    /// Pages that another runtime renders.
    fn rendered_by(rendering: Handle, profiles: Vec<ProfileSnapshot>, self_metrics: SelfMetrics) -> Self {
        let (snapshots, receiver) = watch::channel(snapshot(profiles));
        let build =
            Build { version: "1.2.3", revision: "abc", branch: "main", os: "linux", arch: "x86_64", rustc: "1.95.0" };
        let telemetry = Telemetry::new(build);
        let clock = Clock::frozen(DateTime::<Utc>::from_timestamp(NOW, 0).unwrap());
        let server_clock = ServerClock::new(clock.clone());
        let exposition = Exposition::new(receiver, telemetry.clone(), server_clock, self_metrics, rendering);
        Self { snapshots, telemetry, clock, exposition }
    }

    async fn page(&self, format: Format) -> String {
        read(self.kept(format, Encoding::Identity, Part::Whole).await)
    }

    async fn kept(&self, format: Format, encoding: Encoding, part: Part) -> Bytes {
        self.exposition.page(PageKind::new(format, encoding, part), ()).await
    }

    async fn selected(&self, format: Format, names: &[&str]) -> String {
        let families = FamilySelection::of(names.iter().copied().map(str::to_owned));
        read(self.exposition.page_of(PageKind::new(format, Encoding::Identity, Part::Whole), families, ()).await)
    }
}

fn read(page: Bytes) -> String {
    String::from_utf8(page.into()).unwrap()
}

fn shown() -> SelfMetrics {
    SelfMetrics::Shown {
        process: || {
            Some(Process {
                cpu_seconds: 3.25,
                start_time: 1_772_340_000.76,
                virtual_bytes: 8_388_608,
                resident_bytes: 4_194_304,
                threads: 3,
                open_fds: 11,
                max_fds: 1024,
            })
        },
    }
}

fn snapshot(profiles: Vec<ProfileSnapshot>) -> Snapshot {
    profiles.into_iter().collect()
}

/// A connected profile with these readings, taken an hour ago.
fn connected(name: &str, readings: &[(&str, f64)]) -> ProfileSnapshot {
    let reading = |(key, value): &(&str, f64)| Reading {
        measurement: Measurement::by_key(key).unwrap(),
        labels: Labels::default(),
        until: None,
        value: *value,
        measured_at: NOW - 3600,
    };
    ProfileSnapshot {
        login: Some(LoginStatus { connected_at: 0, accepted: true, token_expires_at: NOW + 10_800, demo: false }),
        readings: readings.iter().map(reading).collect(),
        ..ProfileSnapshot::empty(name.into(), Sleep::NotSelected)
    }
}

/// Alice with every measurement and a failed call, Bob without a login, Zoë with a scale only.
fn household() -> Vec<ProfileSnapshot> {
    let gauges = Measurement::all().filter(|measurement| measurement.kind() == Kind::Gauge);
    let readings: Vec<_> =
        gauges.enumerate().map(|(place, measurement)| (measurement.key, 40.0 + place as f64 / 8.0)).collect();
    let status = |latest, last_success| CallStatus { latest, last_success, ..CallStatus::default() };
    let alice = ProfileSnapshot {
        sleep: Sleep::Newest(Some(SleepSegment { state: SleepState::Deep, ended_at: NOW - 1800 })),
        calls: BTreeMap::from([
            (Call::Getmeas, status(Attempt::Worked, Some(NOW - 60))),
            (Call::Getsummary, status(Attempt::Failed("HTTP 502".to_owned()), Some(NOW - 86_400))),
            (Call::SleepGet, status(Attempt::SwitchedOff { scope: "user.activity" }, None)),
        ]),
        refresh_seconds: Some(1.75),
        ..connected("Alice", &readings)
    };
    let bob = ProfileSnapshot::empty("Bob".into(), Sleep::Newest(None));
    let zoe = ProfileSnapshot {
        calls: BTreeMap::from([(Call::Getmeas, status(Attempt::None, Some(NOW - 7200)))]),
        ..connected("Zoë \"Z\" \\ O'Neil", &[("weight_kg", 61.4), ("height_m", 1.7)])
    };
    vec![alice, bob, zoe]
}

fn samples(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#')).collect()
}

#[tokio::test]
async fn every_kind_of_row() {
    let scraped = Scraped::new(household(), shown());
    scraped.telemetry.request(Call::Getmeas, Duration::from_millis(300));
    scraped.telemetry.config_loaded(NOW);
    let pages = Pages { openmetrics: scraped.page(Format::OpenMetrics).await, text: scraped.page(Format::Text).await };
    pages.check_parsed();
    pages.check_golden("every-kind");
}

#[tokio::test]
async fn both_formats_are_valid_and_have_the_same_samples() {
    for (profiles, self_metrics) in [(household(), shown()), (household(), SelfMetrics::Hidden), (Vec::new(), shown())]
    {
        let scraped = Scraped::new(profiles, self_metrics);
        let (openmetrics, text) = (scraped.page(Format::OpenMetrics).await, scraped.page(Format::Text).await);
        let parsed = parse_openmetrics(&openmetrics).unwrap();
        assert!(
            parsed.families.values().all(|family| !family.help.is_empty() && family.iter_samples().next().is_some())
        );
        assert_eq!(parsed.families.len(), parse_prometheus(&text).unwrap().families.len());
        assert_eq!(samples(&openmetrics), samples(&text));
    }
}

#[tokio::test]
async fn with_nothing_to_show_a_page_is_only_its_end() {
    let scraped = Scraped::new(Vec::new(), SelfMetrics::Hidden);
    assert_eq!(scraped.page(Format::OpenMetrics).await, "# EOF\n");
    assert_eq!(scraped.page(Format::Text).await, "");
}

#[tokio::test]
async fn what_is_not_known_is_absent() {
    let scraped = Scraped::new(vec![connected("Alice", &[("weight_kg", 72.345)])], SelfMetrics::Hidden);
    assert_eq!(
        samples(&scraped.page(Format::Text).await),
        [
            r#"withings_weight_kg{profile="Alice"} 72.345"#,
            r#"withings_measurement_timestamp_seconds{profile="Alice",measurement="weight_kg"} 1772341200"#,
            r#"withings_authorized{profile="Alice"} 1"#,
            r#"withings_exporter_token_expiry_timestamp_seconds{profile="Alice"} 1772355600"#,
        ]
    );
    let scraped = Scraped::new(Vec::new(), SelfMetrics::Shown { process: || None });
    assert!(!scraped.page(Format::Text).await.contains("process_"));
}

async fn check_profile_name(name: &str) {
    let scraped = Scraped::new(vec![connected(name, &[("weight_kg", 72.0)])], SelfMetrics::Hidden);
    let openmetrics = parse_openmetrics(&scraped.page(Format::OpenMetrics).await).unwrap();
    let text = parse_prometheus(&scraped.page(Format::Text).await).unwrap();
    assert!(openmetrics.families["withings_weight_kg"].get_sample_by_label_values(&[name.to_owned()]).is_some());
    assert!(text.families["withings_weight_kg"].get_sample_by_label_values(&[name.to_owned()]).is_some());
}

#[tokio::test]
async fn a_profile_may_have_any_name() {
    for name in ["Zoë \"Z\" \\ O'Neil", "two\nlines", "../x", "\\n", &"x".repeat(200)] {
        check_profile_name(name).await;
    }
}

proptest! {
    #[test]
    fn every_value_reads_back_as_it_was(mantissa: i64, unit in 0..=20_i32) {
        let value = mantissa as f64 / 10_f64.powi(unit);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let weight = vec![connected("Alice", &[("weight_kg", value)])];
        let scraped = Scraped::rendered_by(runtime.handle().clone(), weight, SelfMetrics::Hidden);
        let page = parse_prometheus(&runtime.block_on(scraped.page(Format::Text))).unwrap();
        let read = page.families["withings_weight_kg"].iter_samples().next().unwrap().value.clone();
        let PrometheusValue::Gauge(read) = read else { panic!("not a gauge: {read:?}") };
        prop_assert_eq!(read.as_f64().to_bits(), value.to_bits());
    }
}

async fn check_sleep_state(scraped: &Scraped, expected: &str) {
    let page = scraped.page(Format::Text).await;
    let rows: Vec<_> = samples(&page).into_iter().filter(|line| line.starts_with("withings_sleep_state")).collect();
    let present: Vec<_> = rows.iter().filter(|row| row.ends_with(" 1")).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(present, [&format!("withings_sleep_state{{profile=\"Alice\",withings_sleep_state=\"{expected}\"}} 1")]);
}

#[tokio::test]
async fn a_sleep_state_ends_by_itself() {
    let segment = SleepSegment { state: SleepState::Deep, ended_at: NOW };
    let alice = ProfileSnapshot { sleep: Sleep::Newest(Some(segment)), ..connected("Alice", &[]) };
    let scraped = Scraped::new(vec![alice], SelfMetrics::Hidden);
    check_sleep_state(&scraped, "deep").await;
    scraped.clock.advance(Duration::from_hours(6));
    check_sleep_state(&scraped, "deep").await;
    scraped.clock.advance(Duration::from_secs(1));
    check_sleep_state(&scraped, "unknown").await;
}

#[tokio::test]
async fn a_page_that_a_clock_ahead_has_judged_is_made_anew() {
    let segment = SleepSegment { state: SleepState::Deep, ended_at: NOW };
    let alice = ProfileSnapshot { sleep: Sleep::Newest(Some(segment)), ..connected("Alice", &[]) };
    let scraped = Scraped::new(vec![alice], SelfMetrics::Hidden);
    scraped.clock.advance(Duration::from_hours(8));
    check_sleep_state(&scraped, "unknown").await;
    scraped.clock.set_back(Duration::from_hours(8));
    check_sleep_state(&scraped, "deep").await;
}

/// Whether both pages have the same bytes in memory: then they were made once.
fn same(a: &Bytes, b: &Bytes) -> bool {
    a.as_ptr() == b.as_ptr()
}

#[tokio::test(crate = "crate::paused")]
async fn a_page_and_a_shard_are_made_once_for_all_scrapes_of_a_second() {
    for ((format, encoding), part) in ALL.into_iter().flat_map(|kind| parts().map(|part| (kind, part))) {
        let scraped = Scraped::new(household(), shown());
        let page = async || scraped.kept(format, encoding, part).await;
        let (first, second) = tokio::join!(page(), page());
        assert!(same(&first, &second));

        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(same(&first, &page().await));
        tokio::time::advance(Duration::from_millis(1)).await;
        let later = page().await;
        assert!(!same(&first, &later), "the exporter's own metrics are never older than a second");

        scraped.snapshots.send_replace(snapshot(household()));
        assert!(!same(&later, &page().await));
    }
}

#[tokio::test(crate = "crate::paused")]
async fn a_page_and_a_shard_are_kept_for_their_second_and_no_longer() {
    for ((format, encoding), part) in ALL.into_iter().flat_map(|kind| parts().map(|part| (kind, part))) {
        let scraped = Scraped::new(household(), shown());
        let page = scraped.kept(format, encoding, part).await;
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert!(!page.is_unique(), "it is kept for the next scrape");
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(page.is_unique(), "nobody else has it in memory");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn so_many_shards_are_kept_and_no_more() {
    let scraped = Scraped::new(household(), shown());
    let shard = async |index: u16| {
        let part = format!("{index}/1000").parse().unwrap();
        scraped.kept(Format::OpenMetrics, Encoding::Identity, part).await
    };
    let mut pages = Vec::new();
    for index in 0..100 {
        pages.push(shard(index).await);
    }
    let beyond = shard(100).await;
    assert!(beyond.is_unique() && pages.iter().all(|page| !page.is_unique()));
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert!(!shard(100).await.is_unique(), "the others have made room");
}

fn parts() -> [Part; 3] {
    [Part::Whole, Part::Own, "0/1".parse().unwrap()]
}

/// The names of the families that a page tells of, as its format has them.
fn families(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[tokio::test]
async fn families_are_selected_by_the_names_of_their_metrics_in_both_formats() {
    let scraped = Scraped::new(household(), shown());
    let names = ["withings_weight_kg", "withings_exporter_api_requests_total", "process_cpu_seconds_total", "nothing"];
    let names = [&names[..], &["withings_exporter_build_info", "withings_sleep_state"]].concat();
    let openmetrics = scraped.selected(Format::OpenMetrics, &names).await;
    assert_eq!(
        families(&openmetrics),
        [
            "withings_weight_kg",
            "withings_sleep_state",
            "withings_exporter_build",
            "withings_exporter_api_requests",
            "process_cpu_seconds"
        ]
    );
    assert!(openmetrics.ends_with("\n# EOF\n"));
    let text = scraped.selected(Format::Text, &names).await;
    assert_eq!(
        families(&text),
        [
            "withings_weight_kg",
            "withings_sleep_state",
            "withings_exporter_build_info",
            "withings_exporter_api_requests_total",
            "process_cpu_seconds_total"
        ]
    );
    assert_eq!(samples(&openmetrics), samples(&text));
    assert_eq!(scraped.selected(Format::OpenMetrics, &["nothing"]).await, "# EOF\n");
}

#[test]
fn a_page_waits_for_no_thread_of_the_runtime_that_serves_it() {
    let with_one_thread = || tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (serving, rendering) = (with_one_thread(), with_one_thread());
    serving.block_on(async {
        let (release, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        let weight = vec![connected("Alice", &[("weight_kg", 72.0)])];
        let scraped = Scraped::rendered_by(rendering.handle().clone(), weight, SelfMetrics::Hidden);
        for format in [Format::OpenMetrics, Format::Text] {
            assert!(scraped.page(format).await.contains("withings_weight_kg{profile=\"Alice\"} 72"));
            assert!(scraped.selected(format, &["withings_weight_kg"]).await.contains("withings_weight_kg"));
        }
        drop(release);
    });
}

#[test]
fn a_scrape_that_is_given_up_leaves_nothing_old_behind() {
    let weight = |value| vec![connected("Alice", &[("weight_kg", value)])];
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let scraped = Scraped::new(weight(72.0), SelfMetrics::Hidden);
        assert!(scraped.page(Format::Text).await.contains("withings_weight_kg{profile=\"Alice\"} 72\n"));
        scraped.snapshots.send_replace(snapshot(weight(71.0)));

        // The only thread for renderings is busy, so that the scrape has to wait.
        let (release, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        assert!(scraped.page(Format::Text).now_or_never().is_none());
        drop(release);

        assert!(scraped.page(Format::Text).await.contains("withings_weight_kg{profile=\"Alice\"} 71\n"));
    });
}

#[test]
fn scrapes_that_wait_share_a_page_that_began_after_they_asked() {
    let mut with_one_thread = tokio::runtime::Builder::new_current_thread();
    let runtime = with_one_thread.max_blocking_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let scraped = Scraped::new(household(), SelfMetrics::Hidden);
        let scrape = || Box::pin(scraped.kept(Format::Text, Encoding::Identity, Part::Whole));
        let (mut first, mut second, mut third) = (scrape(), scrape(), scrape());
        // The only thread for renderings is busy, so that all of them have to wait.
        let (release, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(waiting.now_or_never().is_none());
        }
        scraped.snapshots.send_replace(snapshot(household()));
        drop(release);

        let (first, second) = (first.await, second.await);
        assert!(!same(&first, &second), "something was published since the first one began");
        scraped.snapshots.send_replace(snapshot(household()));
        assert!(same(&second, &third.await));
    });
}

#[tokio::test]
async fn a_compressed_page_is_one_gzip_member_to_python() {
    let scraped = Scraped::new(household(), shown());
    for format in [Format::OpenMetrics, Format::Text] {
        let compressed = scraped.kept(format, Encoding::Gzip, Part::Whole).await;
        assert_eq!(python_gunzip(&compressed), scraped.page(format).await);
    }
}

fn python_gunzip(compressed: &[u8]) -> String {
    const PROGRAM: &str = "
import sys, zlib
member = zlib.decompressobj(wbits=31)
sys.stdout.buffer.write(member.decompress(sys.stdin.buffer.read()))
assert member.eof and not member.unused_data
";
    let mut python = Command::new("python3");
    python.args(["-c", PROGRAM]);
    String::from_utf8(python::answer(&mut python, compressed)).unwrap()
}
