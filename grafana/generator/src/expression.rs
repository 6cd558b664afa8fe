//! The PromQL of the dashboards: each pattern of asking is written here once.
//!
//! A gauge shows the last known value for ever. So a headline asks for the last value, and its age stands beside it; a
//! trend asks, for each day, for the last value that was measured on that day.

use crate::guideline::Guideline;
use crate::limits::Limits;
use crate::quantity::number;

/// The exporter, by the variables that every dashboard has.
pub(crate) const EXPORTER: &str = r#"job=~"$job",instance=~"$instance""#;

/// The person.
const PERSON: &str = r#"profile=~"$profile""#;

/// What the series of one person have in common.
const SAME: &str = "(job, instance, profile)";

/// The longest outage of the exporter or of Prometheus that does not empty a headline.
const OUTAGE: &str = "[30d]";

/// What begins at the step, a day or more: steps of a day are aligned to midnight where the browser is.
const THIS_STEP: &str = "[$__interval] offset -$__interval";

/// The last step of a range, at every step of it.
const NOW_IN_FORCE: &str = "[$__interval] @ end() offset -$__interval";

/// A day in `$__interval_ms`, which longer steps are above.
const DAY_MS: &str = "86400000";

/// How long a reading holds where no other has followed.
const HELD: &str = "[90d]";

/// How often the day of a person is looked at: the zones of nearly all people begin their days on a half-hour.
const HALF_HOUR: &str = "30m";

/// Moves a range so that it ends with the step that begins where it is asked for. The quarter of an hour keeps both ends
/// off the hours: versions of Prometheus differ in whether a range has the moment of its begin.
const TO_END_OF_STEP: &str = "offset -${__interval}15m";

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

    /// 1 if there is nothing of the series.
    pub(crate) fn absent(&self) -> String {
        format!("absent({})", self.now())
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

    /// For each step something of what was measured in it, and nothing for one without: of a day the last value, of a
    /// longer step the mean of its readings.
    pub(crate) fn measured(&self) -> String {
        let values = self.now();
        let of_day = format!("last_over_time({values}{THIS_STEP}) and on () vector($__interval_ms) <= {DAY_MS}");
        let mean = self.mean("$__interval", TO_END_OF_STEP);
        let of_longer = format!("{mean} and on () vector($__interval_ms) > {DAY_MS}");
        let times = self.times().now();
        format!("({of_day} or {of_longer}) and on {SAME} (last_over_time({times}{THIS_STEP}) >= time())")
    }

    /// The last value until each step, from each reading to the next.
    pub(crate) fn held(&self) -> String {
        format!("last_over_time({}{HELD})", self.now())
    }

    /// For each day of one person the last value, of what counts from 0 at midnight and ends with the day.
    ///
    /// The days are the person's own, which begin at other times than the browser's. Each is told by its begin, which
    /// is the label `period` of its row in milliseconds; of longer steps it is theirs, and the value is the mean of their
    /// days. Prometheus 2.42 drops all labels but that of `count_values` here: so one query is for one person.
    pub(crate) fn of_days(&self) -> String {
        let of_half_hour = |series: &Self| format!("max(last_over_time({}[{HALF_HOUR}]))", series.now());
        let begin = of_half_hour(&of("activity_day_start_timestamp_seconds"));
        let step = "($__interval_ms / 1000)";
        let period = format!("{begin} - {begin} % {step} * ($__interval_ms > bool {DAY_MS})");
        let labels = format!(
            "count_values(\"day\", {begin}) * on () group_left (period) count_values(\"period\", ({period}) * 1000)"
        );
        let counts = format!("{labels} * on () group_left () {}", of_half_hour(self));
        format!("avg by (period) (last_over_time(({counts})[$__range:{HALF_HOUR}]))")
    }

    /// The last known value on each day of one person, for what is the same on all days.
    pub(crate) fn on_days(&self) -> String {
        format!("0 * {} + on () group_left () max({})", of("activity_steps").of_days(), self.last())
    }

    /// The average of what was measured in the week that ends with the day.
    pub(crate) fn average_of_week(&self) -> String {
        self.mean("7d", TO_END_OF_STEP)
    }

    /// Whether the last reading until each step is one of these states.
    pub(crate) fn held_state(&self) -> String {
        format!("max by {SAME} ({})", self.held())
    }

    /// Another expression where the range has something of this series: limits and goals alone are no chart.
    pub(crate) fn beside(&self, other: &str) -> String {
        format!("({other}) and on () last_over_time({}[$__range] @ end() offset -$__interval)", self.now())
    }

    /// 0 for a range that neither has nor holds a reading, for what is said then.
    pub(crate) fn nothing(&self) -> String {
        let values = self.now();
        format!(
            "vector(0) unless on () (last_over_time({values}[$__range] @ end()) or last_over_time({values}{HELD} @ start()))"
        )
    }

    /// By how much the average of the last week is above that of the week `days` before.
    pub(crate) fn change(&self, days: u32) -> String {
        format!("{} - {}", self.week(0), self.week(days))
    }

    /// By how much the average of the last week is above the value of `other`.
    pub(crate) fn above(&self, other: &Self) -> String {
        format!("{} - on {SAME} {}", self.week(0), other.last())
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

    /// The average of the week that ended so many days ago, at the end of the present hour.
    fn week(&self, days: u32) -> String {
        self.mean("7d", &format!("offset {}h", 24 * i64::from(days) - 1))
    }

    /// The mean of a range's readings: of each hour that brought one, the last. The average of the samples would weigh a
    /// reading by how long it was scraped, also one from before the range, and one of the history is a single sample.
    fn mean(&self, range: &str, offset: &str) -> String {
        let hourly = format!("last_over_time({}[1h]) and on {SAME} {}", self.now(), self.brought_by_hour());
        format!("avg_over_time(({hourly})[{range}:1h] {offset})")
    }

    /// The newest time of measurement, if the last hour brought it. Many a reading is fetched in a later hour than it was
    /// measured in, so it counts up to a day later, and the day before tells whether it was known already.
    fn brought_by_hour(&self) -> String {
        let times = self.times().now();
        let newest = format!("last_over_time({times}[1h])");
        format!("({newest} > time() - 25 * 3600 unless {newest} <= last_over_time({times}[1d] offset 1h))")
    }

    /// The measurement's key in the exporter's catalogue.
    fn key(&self) -> &str {
        self.metric.strip_prefix("withings_").expect("what is measured is Withings'")
    }

    /// The times at which the values were measured.
    fn times(&self) -> Self {
        let key = self.key();
        person("withings_measurement_timestamp_seconds").with(&format!("measurement=\"{key}\""))
    }
}

/// The alerts that fire now; each matcher ends with a comma, or is empty.
pub(crate) fn firing(matchers: &str) -> String {
    format!(r#"ALERTS{{alertstate="firing",alertname=~"Withings.+",{matchers}{PERSON}}}"#)
}

/// The alerts of a category, as regions of the charts.
pub(crate) fn firing_of(category: &str, matchers: &str) -> String {
    format!(r#"ALERTS{{alertstate="firing",alertname=~"Withings.+",category="{category}",{matchers}}}"#)
}

/// An expression if one person is shown, and nothing if there are several.
pub(crate) fn of_one_person(expression: &str) -> String {
    let people = format!("count by (profile) (last_over_time({}[1h] @ end()))", person("withings_authorized").now());
    format!("{expression} and on () count({people}) == 1")
}

/// A limit that the rules for alerts have for a series: that of the person, else that of everybody.
pub(crate) fn limit(series: &Series, name: &str) -> String {
    limit_of(series, series.key(), name, "")
}

/// A limit of blood pressure, for one of its readings.
pub(crate) fn limit_of_pressure(series: &Series, reading: &str, name: &str) -> String {
    limit_of(series, "blood_pressure_mmhg", name, &format!("reading=\"{reading}\","))
}

fn limit_of(series: &Series, key: &str, name: &str, matchers: &str) -> String {
    let of =
        |whose: &str| format!("max(last_over_time(withings_limit:{key}:{name}{{{matchers}{whose}}}{NOW_IN_FORCE}))");
    series.beside(&format!("{} or {}", of(PERSON), of("profile=\"\"")))
}

/// One of the limits for everybody: it is there if the rules for vitals are loaded.
pub(crate) fn any_limit() -> String {
    r#"withings_limit:spo2_pct:low{profile=""}"#.to_owned()
}

/// The body mass index by weight and height, which are expressions.
pub(crate) fn body_mass_index(weight: &str, height: &str) -> String {
    format!("({weight}) / on {SAME} {height} ^ 2")
}

/// The class of a blood pressure as a number: the higher class of both values, from each reading to the next.
pub(crate) fn blood_pressure_class(guideline: &Guideline) -> String {
    let classes = |key: &str, limits: &Limits| {
        let (last, mut below) = (of(key).held(), 0);
        let steps = limits.steps.iter().filter_map(|(limit, colour)| {
            let class = guideline.class(colour);
            let higher = class - std::mem::replace(&mut below, class);
            (higher > 0).then(|| format!("{higher} * ({last} >= bool {})", number(*limit)))
        });
        steps.collect::<Vec<_>>().join(" + ")
    };
    let systolic = classes("systolic_blood_pressure_mmhg", &guideline.systolic);
    let diastolic = classes("diastolic_blood_pressure_mmhg", &guideline.diastolic);
    let other = format!("label_replace({diastolic}, \"part\", \"diastolic\", \"\", \"\")");
    by_guideline(guideline, &format!("max by {SAME} ({systolic} or {other})"))
}

/// An expression if the guideline is the one that the rules choose, and nothing if it is another.
pub(crate) fn by_guideline(guideline: &Guideline, expression: &str) -> String {
    let named = |name: &str| format!("label_replace(vector(1), \"guideline\", \"{name}\", \"\", \"\")");
    let is_chosen = format!("({} and on (guideline) {})", named("$guideline"), named(guideline.name));
    format!("({expression}) and on () {is_chosen}")
}

/// The sides of the body as people call them: `left_foot` as "left".
pub(crate) fn short_position(expression: &str) -> String {
    format!("label_replace({expression}, \"position\", \"$1\", \"position\", \"(.+)_foot\")")
}

/// A sum of expressions for the same people.
pub(crate) fn sum(parts: [String; 2]) -> String {
    let [first, second] = parts;
    format!("({first}) + on {SAME} ({second})")
}
