//! The PromQL of the dashboards: each pattern of asking is written here once.
//!
//! A gauge shows the last known value for ever. So a headline asks for the last value, and its age stands beside it; a
//! trend asks, for each day, for the last value that was measured on that day.

use crate::limits::{DIASTOLIC, Limits, SYSTOLIC};
use crate::quantity::number;

/// The exporter, by the variables that every dashboard has.
pub(crate) const EXPORTER: &str = r#"job=~"$job",instance=~"$instance""#;

/// The person.
const PERSON: &str = r#"profile=~"$profile""#;

/// What the series of one person have in common.
const SAME: &str = "(job, instance, profile)";

/// The longest outage of the exporter or of Prometheus that does not empty a headline.
const OUTAGE: &str = "[30d]";

/// The day that begins at the step: steps of a day are aligned to midnight where the browser is.
const THIS_DAY: &str = "[$__interval] offset -$__interval";

/// The hour that begins at the step of a subquery, which is the begin of an hour.
const THIS_HOUR: &str = "[1h] offset -1h";

/// The series of a metric.
pub(crate) struct Series {
    metric: String,
    /// Matchers, each with a comma after it.
    matchers: String,
    /// Matchers of who and which exporter.
    whose: String,
}

/// The series of a measurement, by its key in the exporter's catalogue.
pub(crate) fn of(key: &str) -> Series {
    person(&format!("withings_{key}"))
}

/// The series of a metric that every person has.
pub(crate) fn person(metric: &str) -> Series {
    Series { metric: metric.to_owned(), matchers: String::new(), whose: format!("{PERSON},{EXPORTER}") }
}

/// The series of a metric that the exporter has as a whole.
pub(crate) fn exporter(metric: &str) -> Series {
    Series { metric: metric.to_owned(), matchers: String::new(), whose: EXPORTER.to_owned() }
}

impl Series {
    /// The series that match also this, such as `stage="deep"`.
    pub(crate) fn with(mut self, matcher: &str) -> Self {
        self.matchers = format!("{}{matcher},", self.matchers);
        self
    }

    /// The values as they are.
    pub(crate) fn now(&self) -> String {
        let Self { metric, matchers, whose } = self;
        format!("{metric}{{{matchers}{whose}}}")
    }

    /// The last known value.
    pub(crate) fn last(&self) -> String {
        format!("last_over_time({}{OUTAGE})", self.now())
    }

    /// The last value of each step, whenever it was measured.
    pub(crate) fn latest(&self) -> String {
        format!("last_over_time({}[$__interval])", self.now())
    }

    /// The last known value, the same at every step of a range. The last step is the begin of the present day.
    pub(crate) fn constant(&self) -> String {
        format!("last_over_time({}{OUTAGE} @ end() offset -$__interval)", self.now())
    }

    /// For each step, which is a day where a panel says so, the last value that was measured in it, and nothing for one without.
    pub(crate) fn measured(&self) -> String {
        format!("last_over_time({}{THIS_DAY}) and {}", self.now(), self.was_measured(THIS_DAY))
    }

    /// The average of what was measured in the week that ends with the day.
    pub(crate) fn average_of_week(&self) -> String {
        self.week(" offset -$__interval")
    }

    /// For each day on which a state was measured, whether it is one of these.
    pub(crate) fn daily_state(&self) -> String {
        format!("max by {SAME} (last_over_time({}{THIS_DAY})) and {}", self.now(), self.was_measured(THIS_DAY))
    }

    /// For each day the highest value, for what counts from 0 at midnight and ends with the day.
    pub(crate) fn highest_of_day(&self) -> String {
        format!("max_over_time({}{THIS_DAY})", self.now())
    }

    /// By how much the average of the last week is above that of the week `days` before.
    pub(crate) fn change(&self, days: u32) -> String {
        format!("{} - {}", self.week(""), self.week(&format!(" offset {days}d")))
    }

    /// By how much the average of the last week is above the value of `other`.
    pub(crate) fn above(&self, other: &Self) -> String {
        format!("{} - on {SAME} {}", self.week(""), other.last())
    }

    /// How long ago the newest value was measured.
    pub(crate) fn age(&self) -> String {
        format!("time() - {}", self.times().last())
    }

    /// How long ago the last known time was.
    pub(crate) fn elapsed(&self) -> String {
        format!("time() - {}", self.last())
    }

    /// The events per minute, for each value of `labels`.
    pub(crate) fn per_minute(&self, labels: &str) -> String {
        format!("sum by ({labels}) (rate({}[$__rate_interval])) * 60", self.now())
    }

    /// The average of what was measured in a week, each hour's last value once. The average of the samples would be
    /// that of the newest value alone, soon after a history of one sample a day has been followed by scrapes.
    fn week(&self, offset: &str) -> String {
        let hourly = format!("last_over_time({}{THIS_HOUR}) and {}", self.now(), self.was_measured(THIS_HOUR));
        format!("avg_over_time(({hourly})[7d:1h]{offset})")
    }

    /// Those people whose newest measurement is of the period that begins at the step.
    fn was_measured(&self, period: &str) -> String {
        format!("on {SAME} (last_over_time({}{period}) >= time())", self.times().now())
    }

    /// The times at which the values were measured.
    fn times(&self) -> Self {
        let key = self.metric.strip_prefix("withings_").expect("what is measured is Withings'");
        person("withings_measurement_timestamp_seconds").with(&format!("measurement=\"{key}\""))
    }
}

/// The alerts of a person that fire, of those with this project's names; `matcher` ends with a comma, or is empty.
pub(crate) fn firing(matcher: &str) -> String {
    format!(r#"ALERTS{{alertstate="firing",alertname=~"Withings.+",{matcher}{PERSON}}}"#)
}

/// The body mass index by weight and height, which are expressions.
pub(crate) fn body_mass_index(weight: &str, height: &str) -> String {
    format!("({weight}) / on {SAME} {height} ^ 2")
}

/// The class of a blood pressure as a number, from 0 for what is normal or below it to 4 for what is severe: the higher
/// class of both values.
pub(crate) fn blood_pressure_class() -> String {
    // Up to the first limit a value is low, up to the second it is normal.
    let above = |key: &str, limits: &Limits| -> Vec<String> {
        let last = format!("last_over_time({}[$__interval])", of(key).now());
        limits.steps[1..].iter().map(|(limit, _)| format!("({last} >= bool {})", number(*limit))).collect()
    };
    let systolic = above("systolic_blood_pressure_mmhg", &SYSTOLIC).join(" + ");
    // The diastolic value has no class between normal and stage 1.
    let diastolic = format!("2 * {}", above("diastolic_blood_pressure_mmhg", &DIASTOLIC).join(" + "));
    let other = format!("label_replace({diastolic}, \"part\", \"diastolic\", \"\", \"\")");
    format!("max by {SAME} ({systolic} or {other})")
}

/// A sum of expressions for the same people.
pub(crate) fn sum(parts: [String; 2]) -> String {
    let [first, second] = parts;
    format!("({first}) + on {SAME} ({second})")
}
