//! The catalogue: one static table of everything that is measured. It drives configuration, decoding, exposition, HELP
//! and the README's table, so that a key, its metric, its unit and its source are said once.

mod call;
mod document;
mod table;

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use call::Call;
pub use document::{Format, document};

/// A row of the table, by its place: two bytes, ordered as the table is, and dereferencing to the [`Row`].
///
/// Serialized as its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measurement(u16);

/// What the table says about one measurement.
#[derive(Debug)]
pub struct Row {
    /// The word of the configuration file; the metric's name is `withings_<key>`.
    pub key: &'static str,
    /// What is measured, in words, as the beginning of a sentence.
    pub what: &'static str,
    /// The unit of the exported value.
    pub unit: Unit,
    /// The group that selects this row in the configuration's `measurements`.
    pub group: Group,
    /// Where the value comes from.
    pub source: Source,
}

/// The unit of an exported value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// kg.
    Kilograms,
    /// m.
    Meters,
    /// Percent, 0 to 100.
    Percent,
    /// mmHg.
    MillimetersOfMercury,
    /// Heart beats per minute.
    BeatsPerMinute,
    /// Breaths per minute.
    BreathsPerMinute,
    /// °C.
    DegreesCelsius,
    /// m/s.
    MetersPerSecond,
    /// s.
    Seconds,
    /// A number of things.
    Count,
    /// No unit: one of several states.
    State,
}

/// A group of measurements that the configuration may name instead of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Weight, composition, temperature, oxygen.
    Body,
    /// Blood pressure, pulse, electrocardiogram.
    Heart,
    /// Nights and the sleep state.
    Sleep,
    /// The present day's activity.
    Activity,
    /// Workouts.
    Workouts,
    /// Goals.
    Goals,
    /// Devices.
    Devices,
    /// Urine analysis.
    Urine,
}

/// Where a value comes from: the call and what to take of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A measure type of `getmeas` (withings-api: measure types).
    Measure {
        /// Withings' number of the measure type.
        meastype: u32,
        /// Which readings of this type stand for the person.
        position: Position,
        /// Whether a value typed in at account creation (attribution 4) counts.
        at_account_creation: bool,
    },
    /// A field of the night's row in `getsummary`: the first of these that has a value.
    Summary {
        /// Field names, the preferred one first.
        fields: &'static [&'static str],
    },
    /// The `state` of the newest segment of `sleep get`.
    SleepState,
}

/// Which positions on the body a measure type may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Only the whole body: no position, 6 (between the legs) or 7 (whole body). A limb never stands in for it.
    WholeBody,
    /// Anywhere: the position only says where the reading was taken.
    Anywhere,
}

/// Whether a measurement is a number or one of several states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One sample, a number.
    Gauge,
    /// One sample for each of these states, exactly one of them 1.
    StateSet(&'static [&'static str]),
}

/// The states of `sleep_state`, in the order of exposition.
pub const SLEEP_STATES: &[&str] = &["unknown", "awake", "light", "deep", "rem"];

impl Measurement {
    /// Every measurement, in the table's order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        (0..table::ROWS.len()).map(Self::at)
    }

    /// The measurement with this key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Self> {
        Self::all().find(|it| it.key == key)
    }

    /// The measurement that this measure type of `getmeas` stands for.
    #[must_use]
    pub fn by_meastype(wanted: u32) -> Option<Self> {
        Self::all().find(|it| matches!(it.source, Source::Measure { meastype, .. } if meastype == wanted))
    }

    /// The measurement that takes this field of a sleep summary.
    #[must_use]
    pub fn by_summary_field(wanted: &str) -> Option<Self> {
        Self::all().find(|it| matches!(it.source, Source::Summary { fields } if fields.contains(&wanted)))
    }

    fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("the table has fewer than 65,536 rows, a test counts them"))
    }
}

impl Deref for Measurement {
    type Target = Row;

    fn deref(&self) -> &'static Row {
        &table::ROWS[usize::from(self.0)]
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)
    }
}

impl Serialize for Measurement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key)
    }
}

impl<'de> Deserialize<'de> for Measurement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::by_key(&key).ok_or_else(|| serde::de::Error::custom(format_args!("unknown measurement `{key}`")))
    }
}

impl Row {
    /// The metric's name.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("withings_{}", self.key)
    }

    /// The metric's HELP: what, unit, that it is the last known value, and the Withings field. One line, no backslash.
    #[must_use]
    pub fn help(&self) -> String {
        match self.source {
            Source::SleepState => format!(
                "{}, last known and not the present one: devices upload hours late, unknown once it is older than 6 \
                 hours (Withings {}).",
                self.what,
                self.source.field()
            ),
            _ if self.unit == Unit::Count => format!("{}, last known (Withings {}).", self.what, self.source.field()),
            _ => format!("{} in {}, last known (Withings {}).", self.what, self.unit.words(), self.source.field()),
        }
    }

    /// Number or states.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.source {
            Source::SleepState => Kind::StateSet(SLEEP_STATES),
            Source::Measure { .. } | Source::Summary { .. } => Kind::Gauge,
        }
    }
}

impl Kind {
    /// The metric type's name in OpenMetrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::StateSet(_) => "stateset",
        }
    }
}

impl Source {
    /// The call that brings the value.
    #[must_use]
    pub fn call(&self) -> Call {
        match self {
            Self::Measure { .. } => Call::Getmeas,
            Self::Summary { .. } => Call::Getsummary,
            Self::SleepState => Call::SleepGet,
        }
    }

    /// The call and its field, as HELP and the documents name it: `getmeas type 1`, `getsummary hr_average`.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Measure { meastype, .. } => format!("getmeas type {meastype}"),
            Self::Summary { fields } => format!("getsummary {}", fields.join(" or ")),
            Self::SleepState => "sleep get state".to_owned(),
        }
    }
}

impl Unit {
    /// The unit as documents write it; empty for counts and states.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Kilograms => "kg",
            Self::Meters => "m",
            Self::Percent => "%",
            Self::MillimetersOfMercury => "mmHg",
            Self::BeatsPerMinute => "beats/min",
            Self::BreathsPerMinute => "breaths/min",
            Self::DegreesCelsius => "°C",
            Self::MetersPerSecond => "m/s",
            Self::Seconds => "s",
            Self::Count | Self::State => "",
        }
    }

    /// The unit in words, for HELP.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Kilograms => "kilograms",
            Self::Meters => "meters",
            Self::Percent => "percent",
            Self::MillimetersOfMercury => "millimeters of mercury",
            Self::BeatsPerMinute => "beats per minute",
            Self::BreathsPerMinute => "breaths per minute",
            Self::DegreesCelsius => "degrees Celsius",
            Self::MetersPerSecond => "meters per second",
            Self::Seconds => "seconds",
            Self::Count => "number",
            Self::State => "state",
        }
    }

    /// The unit as it ends a metric's name, which is what OpenMetrics calls UNIT; `None` where no name ends so.
    #[must_use]
    pub fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Kilograms => Some("kg"),
            Self::Meters => Some("m"),
            Self::Percent => Some("pct"),
            Self::MillimetersOfMercury => Some("mmhg"),
            Self::BeatsPerMinute | Self::BreathsPerMinute => Some("bpm"),
            Self::DegreesCelsius => Some("c"),
            Self::Seconds => Some("seconds"),
            Self::MetersPerSecond | Self::Count | Self::State => None,
        }
    }
}

impl Group {
    /// Every group, in the order of the documents.
    pub const ALL: [Self; 8] =
        [Self::Body, Self::Heart, Self::Sleep, Self::Activity, Self::Workouts, Self::Goals, Self::Devices, Self::Urine];

    /// The word of the configuration file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Heart => "heart",
            Self::Sleep => "sleep",
            Self::Activity => "activity",
            Self::Workouts => "workouts",
            Self::Goals => "goals",
            Self::Devices => "devices",
            Self::Urine => "urine",
        }
    }

    /// The group with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Its measurements, in the table's order. A group may have none in this version.
    pub fn measurements(self) -> impl Iterator<Item = Measurement> {
        Measurement::all().filter(move |it| it.group == self)
    }
}

#[cfg(test)]
mod tests;
