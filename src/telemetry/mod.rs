//! The exporter's own metrics (the counters and gauges that do not belong to one profile's snapshot) and its logging.

pub mod log;

mod feed_lag;
mod kinds;
mod outside_events;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fmt};

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use crate::catalogue::Call;
use crate::visible::cleaned;

use feed_lag::FeedLag;
pub use kinds::{NotificationOutcome, Reason, Unknown};
pub use outside_events::OutsideEvent;
use outside_events::OutsideEvents;

/// Bounds of the request duration histogram, seconds: Withings usually answers in 0.1 to 1 s, a time-out ends at 30 s.
const DURATION_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How many different unknown values are logged, each once. Beyond it they are only counted: the answers come from
/// outside, and memory stays bounded.
const LOGGED_UNKNOWN_VALUES: usize = 1000;

/// How many unknown values are remembered by the rows that have them, so that each is counted once. Beyond it each is counted
/// again whenever it comes.
const COUNTED_UNKNOWN_VALUES: usize = 10_000;

/// The exporter's own metrics. Cheap to clone; clones share the counters.
#[derive(Clone)]
pub struct Telemetry(Arc<Metrics>);

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

struct Metrics {
    families: Vec<NamedFamily>,
    requests: Family<CallLabel, Counter>,
    failures: Family<FailureLabels, Counter>,
    durations: Family<CallLabel, Histogram, fn() -> Histogram>,
    rotations: Family<ProfileLabel, Counter>,
    storage_up: Gauge,
    feed_lag: FeedLag,
    unknown: Family<KindLabel, Counter>,
    notifications: Family<NotificationLabels, Counter>,
    refresh_interval: Gauge<f64, AtomicU64>,
    refresh_lag: Gauge<f64, AtomicU64>,
    reload_successful: Gauge,
    reload_success_at: Gauge,
    seen: Mutex<SeenUnknownValues>,
    outside_events: Mutex<OutsideEvents>,
}

/// The unknown values since the start.
#[derive(Default)]
struct SeenUnknownValues {
    /// Hashes of what was counted.
    counted: HashSet<u64>,
    /// What was logged.
    logged: HashSet<(Unknown, String)>,
}

impl SeenUnknownValues {
    /// Whether the value with this hash was not counted yet, as far as is remembered.
    fn is_first(&mut self, value: u64) -> bool {
        if self.counted.len() < COUNTED_UNKNOWN_VALUES {
            return self.counted.insert(value);
        }
        !self.counted.contains(&value)
    }
}

/// A metric family in a registry of its own, so that it can be shown alone.
struct NamedFamily {
    name: String,
    registry: Registry,
}

/// What `withings_exporter_build_info` and `--version` say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Build {
    /// The package's version.
    pub version: &'static str,
    /// The revision of the source, `unknown` outside a checkout.
    pub revision: &'static str,
    /// The branch of the source, `HEAD` where none is checked out, `unknown` outside a checkout.
    pub branch: &'static str,
    /// The operating system that the program was built for, as `linux`.
    pub os: &'static str,
    /// The processor that the program was built for, as `x86_64`.
    pub arch: &'static str,
    /// The compiler's version.
    pub rustc: &'static str,
}

impl Build {
    /// This build.
    #[must_use]
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("WITHINGS_EXPORTER_REVISION"),
            branch: env!("WITHINGS_EXPORTER_BRANCH"),
            os: env::consts::OS,
            arch: env::consts::ARCH,
            rustc: env!("WITHINGS_EXPORTER_RUSTC"),
        }
    }
}

impl Telemetry {
    /// All counters at zero.
    #[must_use]
    pub fn new(build: Build) -> Self {
        let inner = Metrics {
            families: Vec::new(),
            requests: Family::default(),
            failures: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            rotations: Family::default(),
            storage_up: Gauge::default(),
            feed_lag: FeedLag::default(),
            unknown: Family::default(),
            notifications: Family::default(),
            refresh_interval: Gauge::default(),
            refresh_lag: Gauge::default(),
            reload_successful: Gauge::default(),
            reload_success_at: Gauge::default(),
            seen: Mutex::default(),
            outside_events: Mutex::default(),
        };
        inner.storage_up.set(1);
        Self(Arc::new(inner.registered(build)))
    }

    /// Counts a request that was sent and answered, or failed, after `took`.
    pub fn request(&self, call: Call, took: Duration) {
        let label = CallLabel { call: call.name() };
        self.0.requests.get_or_create_owned(&label).inc();
        self.0.durations.get_or_create_owned(&label).observe(took.as_secs_f64());
    }

    /// Counts a request that failed.
    pub fn failure(&self, call: Call, reason: Reason) {
        self.0.failures.get_or_create_owned(&FailureLabels { call: call.name(), reason: reason.name() }).inc();
    }

    /// Shows what is counted of `profile` from zero on: the increase of a counter that appears at one cannot be seen.
    pub fn expect_profile(&self, profile: &str) {
        let label = ProfileLabel { profile: profile.to_owned() };
        drop(self.0.rotations.get_or_create(&label));
    }

    /// Counts a new token pair of `profile`, if it is [expected](Self::expect_profile).
    pub fn rotation(&self, profile: &str) {
        if let Some(rotations) = self.0.rotations.get(&ProfileLabel { profile: profile.to_owned() }) {
            rotations.inc();
        }
    }

    /// Records whether the latest read and the latest write of storage worked.
    pub fn storage_up(&self, is_up: bool) {
        self.0.storage_up.set(i64::from(is_up));
    }

    /// Records that what other replicas have changed in the database is known now.
    pub fn feed_followed(&self) {
        self.0.feed_lag.followed();
    }

    /// Counts a value that is not known, once for each `row` that has it: rows are read again and again. Logs each different
    /// one once. `what` is a code or a name, never a measured value.
    pub fn unknown(&self, kind: Unknown, what: &dyn fmt::Display, row: impl Hash) {
        let what = cleaned(&what.to_string());
        let mut hasher = DefaultHasher::new();
        (kind, &what, row).hash(&mut hasher);
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_first(hasher.finish()) {
            self.0.unknown.get_or_create_owned(&KindLabel { kind: kind.name() }).inc();
        }
        if seen.logged.len() < LOGGED_UNKNOWN_VALUES && seen.logged.insert((kind, what.clone())) {
            tracing::warn!(
                kind = kind.name(),
                what,
                fate = kind.fate(),
                "Withings sent a value that is not known or not believed; it is counted"
            );
        }
    }

    /// Counts a notification of this kind, which is one of few words.
    pub fn notification(&self, kind: &'static str, outcome: NotificationOutcome) {
        self.0.notifications.get_or_create_owned(&NotificationLabels { kind, outcome: outcome.name() }).inc();
    }

    /// Sets the refresh interval that the configuration asks for.
    pub fn refresh_interval(&self, interval: Duration) {
        self.0.refresh_interval.set(interval.as_secs_f64());
    }

    /// Sets how long the most overdue call has been due.
    pub fn refresh_lag(&self, lag: Duration) {
        self.0.refresh_lag.set(lag.as_secs_f64());
    }

    /// Shows nothing more of `profile`, which is no longer configured.
    pub fn forget(&self, profile: &str) {
        let label = ProfileLabel { profile: profile.to_owned() };
        self.0.rotations.remove(&label);
    }

    /// Records that the configuration could not be read again.
    pub fn config_refused(&self) {
        self.0.reload_successful.set(0);
    }

    /// Records that the configuration was read at `at` (Unix seconds).
    pub fn config_loaded(&self, at: i64) {
        self.0.reload_successful.set(1);
        self.0.reload_success_at.set(at);
    }

    /// The families of these names (without the suffix of a counter or an info) as OpenMetrics text, without `# EOF`.
    #[must_use]
    pub fn openmetrics(&self, is_selected: impl Fn(&str) -> bool) -> String {
        self.encode(is_selected, text::encode_registry)
    }

    /// The same families in the Prometheus text format 0.0.4.
    #[must_use]
    pub fn text(&self, is_selected: impl Fn(&str) -> bool) -> String {
        self.encode(is_selected, prometheus_text::encode)
    }

    fn encode(
        &self,
        is_selected: impl Fn(&str) -> bool,
        encode: impl Fn(&mut String, &Registry) -> fmt::Result,
    ) -> String {
        let mut text = String::new();
        for NamedFamily { registry, .. } in self.0.families.iter().filter(|family| is_selected(&family.name)) {
            encode(&mut text, registry).expect("writing to a String does not fail");
        }
        text
    }
}

impl Metrics {
    fn registered(mut self, build: Build) -> Self {
        self.register("build", "The running program", Info::new(build));
        self.register("api_requests", "Requests sent to Withings", self.requests.clone());
        self.register("api_request_failures", "Requests to Withings that failed", self.failures.clone());
        self.register(
            "api_request_duration_seconds",
            "Time until Withings had answered a request",
            self.durations.clone(),
        );
        self.register("token_rotations", "New token pairs, stored", self.rotations.clone());
        self.register(
            "storage_up",
            "Whether the latest read and the latest write of storage worked",
            self.storage_up.clone(),
        );
        let feed_lag = self.feed_lag.clone();
        self.add(feed_lag::NAME, |registry| registry.register_collector(Box::new(feed_lag)));
        self.register(
            "unknown_values",
            "Values in answers of Withings that this version does not know or does not believe",
            self.unknown.clone(),
        );
        self.register("notifications", "What Withings has posted, and what became of it", self.notifications.clone());
        self.register(
            "refresh_interval_seconds",
            "Time between two refreshes of a profile, as configured",
            self.refresh_interval.clone(),
        );
        self.register(
            "refresh_lag_seconds",
            "How long the most overdue call of any profile has been due; 0 when nothing waits",
            self.refresh_lag.clone(),
        );
        self.register(
            "config_last_reload_successful",
            "Whether the last attempt to read the configuration worked",
            self.reload_successful.clone(),
        );
        self.register(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration was last read successfully",
            self.reload_success_at.clone(),
        );
        for call in Call::all() {
            drop(self.requests.get_or_create(&CallLabel { call: call.name() }));
        }
        for kind in Unknown::ALL {
            drop(self.unknown.get_or_create(&KindLabel { kind: kind.name() }));
        }
        self
    }

    fn register(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.add(name, |registry| registry.register(name, help, metric));
    }

    fn add(&mut self, name: &str, register: impl FnOnce(&mut Registry)) {
        let mut registry = Registry::with_prefix("withings_exporter");
        register(&mut registry);
        self.families.push(NamedFamily { name: format!("withings_exporter_{name}"), registry });
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    call: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    call: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProfileLabel {
    profile: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotificationLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry() -> Telemetry {
        Telemetry::new(Build {
            version: "1.2.3",
            revision: "abc",
            branch: "main",
            os: "linux",
            arch: "x86_64",
            rustc: "1.95.0",
        })
    }

    #[test]
    fn counters_carry_their_labels() {
        let telemetry = telemetry();
        telemetry.request(Call::Getmeas, Duration::from_millis(300));
        telemetry.failure(Call::SleepGet, Reason::RateLimited);
        telemetry.expect_profile("Zoë \"Z\" \\ O'Neil");
        telemetry.rotation("Zoë \"Z\" \\ O'Neil");
        let text = telemetry.openmetrics(|_| true);
        for line in [
            concat!(
                r#"withings_exporter_build_info{version="1.2.3",revision="abc",branch="main","#,
                r#"os="linux",arch="x86_64",rustc="1.95.0"} 1"#
            ),
            r#"withings_exporter_api_requests_total{call="getmeas"} 1"#,
            r#"withings_exporter_api_requests_total{call="requesttoken"} 0"#,
            r#"withings_exporter_api_request_failures_total{call="sleep_get",reason="rate_limited"} 1"#,
            r#"withings_exporter_api_request_duration_seconds_bucket{le="0.5",call="getmeas"} 1"#,
            r#"withings_exporter_token_rotations_total{profile="Zoë \"Z\" \\ O'Neil"} 1"#,
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn an_unknown_value_is_counted_once_for_each_row_that_has_it() {
        let telemetry = telemetry();
        for row in [1, 2, 1, 2] {
            telemetry.unknown(Unknown::MeasureType, &10_226, row);
        }
        assert_eq!(unknown_measure_types(&telemetry), 2);
    }

    #[test]
    fn more_unknown_values_than_are_remembered_are_counted_whenever_they_come() {
        let telemetry = telemetry();
        for row in 0..COUNTED_UNKNOWN_VALUES {
            telemetry.unknown(Unknown::MeasureType, &10_226, row);
        }
        for row in [0, COUNTED_UNKNOWN_VALUES, 0, COUNTED_UNKNOWN_VALUES] {
            telemetry.unknown(Unknown::MeasureType, &10_226, row);
        }
        assert_eq!(unknown_measure_types(&telemetry), COUNTED_UNKNOWN_VALUES + 2);
        assert_eq!(telemetry.0.seen.lock().unwrap().counted.len(), COUNTED_UNKNOWN_VALUES);
    }

    fn unknown_measure_types(telemetry: &Telemetry) -> usize {
        let text = telemetry.openmetrics(|_| true);
        let name = "withings_exporter_unknown_values_total{kind=\"measure_type\"} ";
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
    }
}
