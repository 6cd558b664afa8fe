//! What a sample costs to render, against prometheus-client's own encoder.

use std::process;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use withings_exporter::catalogue::Measurement;
use withings_exporter::clock::{Clock, ServerClock};
use withings_exporter::exposition::{Encoding, Exposition, Format, PageKind, Part, SelfMetrics};
use withings_exporter::reading::{LoginStatus, ProfileSnapshot, Reading, Sleep, Snapshot};
use withings_exporter::telemetry::{Build, Telemetry};

use crate::figures::{announce, median};
use crate::proc;

const PROFILES: usize = 1000;
const ROUNDS: usize = 21;

pub(crate) fn run() -> Result<()> {
    announce("rendering", "time for one sample of a plain OpenMetrics page, against a Collector of prometheus-client");
    println!("{PROFILES} profiles with every gauge; both in turn, {ROUNDS} rounds, medians; wanted: no slower");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (publish, snapshots) = watch::channel(snapshot());
    let telemetry = Telemetry::new(Build::this());
    let clock = ServerClock::new(Clock::system());
    let exposition = Exposition::new(snapshots, telemetry, clock, SelfMetrics::Hidden, runtime.handle().clone());
    let page_in =
        |encoding| runtime.block_on(exposition.page(PageKind::new(Format::OpenMetrics, encoding, Part::Whole), ()));
    let page = || page_in(Encoding::Identity);
    let text = String::from_utf8(page().to_vec())?;
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families(&text)?)));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        publish.send_modify(|_| ());
        let ours = timed(page);
        let theirs = timed(|| {
            let mut encoded = String::new();
            encode(&mut encoded, &registry).expect("writing to a String does not fail");
            encoded
        });
        rounds.push((ours / samples as f64, theirs / samples as f64));
    }
    let (ours, theirs) = (
        median(rounds.iter().map(|(ours, _)| *ours).collect()),
        median(rounds.iter().map(|(_, theirs)| *theirs).collect()),
    );
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    println!("{samples} samples: {ours:.0} ns a sample, Collector {theirs:.0} ns, ratio {ratio:.2}");
    let mut spent = Vec::new();
    for _ in 0..ROUNDS {
        publish.send_modify(|_| ());
        let before = proc::cpu(process::id())?;
        std::hint::black_box(page_in(Encoding::Gzip));
        spent.push((proc::cpu(process::id())? - before).as_secs_f64() * 1e3);
    }
    println!("the page made and compressed anew: {:.1} ms of CPU; wanted: at most 200 ms", median(spent));
    Ok(())
}

/// How long `work` takes, nanoseconds.
fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed().as_nanos() as f64
}

/// People with a value of every measurement that has no labels.
fn snapshot() -> Snapshot {
    let is_plain = |measurement: &Measurement| measurement.labels.is_empty() && measurement.key != "sleep_state";
    let reading = |(n, measurement): (usize, Measurement)| Reading {
        measurement,
        labels: withings_exporter::reading::Labels::default(),
        value: 72.0 + n as f64 / 7.0,
        measured_at: 1_700_000_000 + n as i64,
        until: None,
    };
    let readings: Arc<[_]> = Measurement::all().filter(is_plain).enumerate().map(reading).collect();
    let login = LoginStatus { connected_at: 1, accepted: true, token_expires_at: 1_800_000_000, demo: false };
    let person = |n: usize| ProfileSnapshot {
        login: Some(login.clone()),
        readings: readings.clone(),
        ..ProfileSnapshot::empty(format!("person-{n:04}").into(), Sleep::NotSelected)
    };
    (0..PROFILES).map(person).collect()
}

/// A family of the page, taken apart as far as a Collector wants it.
#[derive(Debug)]
struct Family {
    name: String,
    help: String,
    unit: Option<Unit>,
    samples: Vec<(Vec<(String, String)>, f64)>,
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Family { name, help, unit, samples } in &self.0 {
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            for (labels, value) in samples {
                let metric = family.encode_family(labels)?;
                prometheus_client::encoding::EncodeMetric::encode(&ConstGauge::new(*value), metric)?;
            }
        }
        Ok(())
    }
}

/// The families of a page whose label values need no escaping.
fn families(page: &str) -> Result<Vec<Family>> {
    let mut families: Vec<Family> = Vec::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').context("no help")?;
            families.push(Family { name: name.to_owned(), help: help.to_owned(), unit: None, samples: Vec::new() });
            continue;
        }
        let family = families.last_mut().context("a page begins with HELP")?;
        if let Some(unit) = line.strip_prefix("# UNIT ") {
            // The crate adds the unit to the name.
            let unit = unit.split_once(' ').context("no unit")?.1;
            family.name = family.name.strip_suffix(&format!("_{unit}")).context("the name has no unit")?.to_owned();
            family.unit = Some(Unit::Other(unit.to_owned()));
        } else if !line.starts_with('#') {
            family.samples.push(sample(line).context("no sample")?);
        }
    }
    Ok(families)
}

fn sample(line: &str) -> Option<(Vec<(String, String)>, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let labels = series.split_once('{')?.1.strip_suffix('}')?.split(',');
    let label = |label: &str| {
        let (name, value) = label.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    Some((labels.map(label).collect::<Option<_>>()?, value.parse().ok()?))
}
