//! What is said of a metric family, once for every format.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::catalogue::{Kind, LabelName, Measurement};

/// A metric family without its samples.
#[derive(Debug)]
pub struct Family {
    /// The name as OpenMetrics has it: without the suffix of a counter or an info.
    pub name: Cow<'static, str>,
    /// Its type.
    pub(super) kind: FamilyKind,
    /// The unit that the name ends with; `None` where it ends with none.
    pub(super) unit: Option<&'static str>,
    /// The unit as people write it; empty for plain numbers and states.
    pub(super) symbol: &'static str,
    /// One line without backslash and quotation mark, so that no format has to escape it.
    pub(super) help: Cow<'static, str>,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FamilyKind {
    Counter,
    Gauge,
    Info,
    StateSet,
}

/// When values were measured.
pub(super) static TIMES: Family =
    Family::gauge("withings_measurement_timestamp_seconds", Some("seconds"), "When the value was measured, Unix time.");

impl Family {
    pub(super) const fn counter(name: &'static str, unit: Option<&'static str>, help: &'static str) -> Self {
        Self::plain(name, FamilyKind::Counter, unit, help)
    }

    pub(super) const fn gauge(name: &'static str, unit: Option<&'static str>, help: &'static str) -> Self {
        Self::plain(name, FamilyKind::Gauge, unit, help)
    }

    const fn plain(name: &'static str, kind: FamilyKind, unit: Option<&'static str>, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind, unit, symbol: "", help: Cow::Borrowed(help) }
    }

    /// The family of the values of a measurement.
    #[must_use]
    pub fn of(measurement: Measurement) -> &'static Self {
        static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| Measurement::all().map(Family::new).collect());
        &FAMILIES[measurement.place()]
    }

    fn new(measurement: Measurement) -> Self {
        let (metric, unit, symbol) = (measurement.metric(), measurement.unit, measurement.unit.symbol());
        let help = Cow::Owned(measurement.help());
        match measurement.kind() {
            Kind::Gauge => {
                Self { unit: unit.suffix_of(&metric), name: metric.into(), kind: FamilyKind::Gauge, symbol, help }
            }
            Kind::StateSet(_) => Self { name: metric.into(), kind: FamilyKind::StateSet, unit: None, symbol, help },
            Kind::Info => {
                let name = metric.strip_suffix("_info").expect("the catalogue's test: an info's key ends so");
                Self { name: name.to_owned().into(), kind: FamilyKind::Info, unit: None, symbol, help }
            }
        }
    }

    /// What follows the family's name in the name of its samples.
    pub(super) fn suffix(&self) -> &'static str {
        match self.kind {
            FamilyKind::Counter => "_total",
            FamilyKind::Info => "_info",
            FamilyKind::Gauge | FamilyKind::StateSet => "",
        }
    }

    /// The name of its samples.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("{}{}", self.name, self.suffix())
    }
}

/// Names of labels that samples have by themselves and nobody may add.
pub fn own_labels() -> impl Iterator<Item = &'static str> {
    let of_readings = Measurement::all().flat_map(|measurement| measurement.labels).copied().map(LabelName::name);
    let families = Measurement::all().map(Family::of);
    let state_sets = families.filter(|family| family.kind == FamilyKind::StateSet).map(|family| &*family.name);
    ["profile", "measurement"].into_iter().chain(of_readings).chain(state_sets)
}
