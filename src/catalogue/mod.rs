//! The catalogue: one static table of everything that is measured. It drives configuration, decoding, exposition, HELP
//! and the table of docs/metrics.md, so that a key, its metric, its unit and its source are said once.

mod call;
mod codes;
mod document;
mod needs;
mod source;
mod table;
mod unit;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::LazyLock;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use call::Call;
pub use document::{DocumentFormat, document};
pub use needs::Needs;
pub use source::{DeviceFact, HeartFact, LabelName, MinuteField, NightFact, Position, Source, WorkoutFact};
pub use unit::Unit;
pub use words::{
    BATTERY_STATES, CLASSIFICATIONS, SLEEP_STATES, VALVE_STATES, ZONES, named, position_name, workout_category,
};

/// A row of the table, by its place: two bytes, ordered as the table is, and dereferencing to the [`CatalogueRow`].
///
/// Serialized as its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measurement(u16);

/// What the table says about one measurement.
#[derive(Debug)]
pub struct CatalogueRow {
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
    /// The labels beside `profile`, in the order of exposition.
    pub labels: &'static [LabelName],
    /// A value is believed only above this one, in the unit of the exported value; `None` where every value is believed.
    pub believed_above: Option<f64>,
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
    /// The present day's activity, and what a watch measures through the day.
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

/// Whether a measurement is a number or one of several states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One sample, a number.
    Gauge,
    /// One sample for each of these states, exactly one of them 1. The value of a reading is the present one's place.
    StateSet(&'static [&'static str]),
    /// One sample, 1: the labels tell something.
    Info,
}

/// Keys of 0.1.0 that were renamed, and what they are now.
const FORMER_KEYS: [(&str, &str); 1] = [("activity_elevation_floors", "activity_elevation_meters")];

impl Measurement {
    /// Every measurement, in the table's order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        (0..table::ROWS.len()).map(Self::at)
    }

    /// The measurement with this key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Self> {
        static BY_KEY: LazyLock<HashMap<&str, Measurement>> =
            LazyLock::new(|| Measurement::all().map(|row| (row.key, row)).collect());
        BY_KEY.get(key).copied()
    }

    /// The measurement that had this key in 0.1.0.
    #[must_use]
    pub fn by_former_key(key: &str) -> Option<Self> {
        FORMER_KEYS.iter().find(|(former, _)| *former == key).and_then(|(_, present)| Self::by_key(present))
    }

    /// The measurement that this measure type of `getmeas` stands for.
    #[must_use]
    pub fn by_meastype(wanted: u32) -> Option<Self> {
        // A history has tens of thousands of measures, and each is looked up.
        static TABLE: LazyLock<HashMap<u32, Measurement>> = LazyLock::new(|| {
            Measurement::all()
                .flat_map(|row| row.meastypes().into_iter().map(move |meastype| (meastype, row)))
                .collect()
        });
        TABLE.get(&wanted).copied()
    }

    /// The measurement of all measure types that have no row of their own.
    #[must_use]
    pub fn unlisted_measure() -> Self {
        Self::all().find(|row| row.source == Source::UnlistedMeasure).expect("a test asks for it")
    }

    /// The measurement's place in the table.
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(self.0)
    }

    fn meastypes(self) -> Vec<u32> {
        match self.source {
            Source::Measure { meastypes, .. } => meastypes.to_vec(),
            Source::Classification { meastype } | Source::EcgClassification { meastype } => vec![meastype],
            _ => Vec::new(),
        }
    }

    fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("the table has fewer than 65,536 rows, a test counts them"))
    }
}

impl Deref for Measurement {
    type Target = CatalogueRow;

    fn deref(&self) -> &'static CatalogueRow {
        &table::ROWS[self.place()]
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
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Looks a key up without a copy of it: a start with many profiles reads hundreds of thousands.
struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Measurement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a measurement")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Measurement, E> {
        Measurement::by_key(key).ok_or_else(|| E::custom(format_args!("unknown measurement `{key}`")))
    }
}

impl CatalogueRow {
    /// The metric's name.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("withings_{}", self.key)
    }

    /// The metric's HELP: what, unit, that it is the last known value, and the Withings field. One line, no backslash.
    #[must_use]
    pub fn help(&self) -> String {
        let (what, field) = (self.what, self.source.field());
        match (self.source, self.unit.words()) {
            (Source::SleepState, _) => format!(
                "{what}, last known and not the present one: devices upload hours late, unknown once it is older than 6 \
                 hours (Withings {field})."
            ),
            (_, "") => format!("{what}, last known (Withings {field})."),
            (_, unit) => format!("{what} in {unit}, last known (Withings {field})."),
        }
    }

    /// Number, states or labels alone.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.source {
            Source::SleepState => Kind::StateSet(SLEEP_STATES),
            Source::Classification { .. } | Source::EcgClassification { .. } => Kind::StateSet(CLASSIFICATIONS),
            Source::Heart(HeartFact::Stethoscope) => Kind::StateSet(VALVE_STATES),
            Source::Device(DeviceFact::Battery) => Kind::StateSet(BATTERY_STATES),
            Source::Device(DeviceFact::Info) => Kind::Info,
            _ => Kind::Gauge,
        }
    }

    /// Whether `withings_measurement_timestamp_seconds` tells when a value was measured: not for times, and not for what
    /// is not measured.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.unit != Unit::UnixTime && !matches!(self.group, Group::Goals | Group::Devices | Group::Workouts)
    }
}

impl Kind {
    /// The metric type's name in OpenMetrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::StateSet(_) => "stateset",
            Self::Info => "info",
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
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The group's measurements, in the table's order.
    pub fn measurements(self) -> impl Iterator<Item = Measurement> {
        Measurement::all().filter(move |row| row.group == self)
    }
}

#[cfg(test)]
mod tests;
