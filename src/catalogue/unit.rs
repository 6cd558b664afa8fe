//! The units of exported values.

/// The unit of an exported value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// kg.
    Kilograms,
    /// m.
    Meters,
    /// Percent, 0 to 100.
    Percent,
    /// A share, 0 to 1.
    Ratio,
    /// mmHg.
    MillimetersOfMercury,
    /// Heart beats per minute.
    BeatsPerMinute,
    /// Breaths per minute.
    BreathsPerMinute,
    /// Events per minute.
    PerMinute,
    /// Events per hour.
    PerHour,
    /// °C.
    DegreesCelsius,
    /// m/s.
    MetersPerSecond,
    /// s.
    Seconds,
    /// Seconds since the beginning of 1970 in UTC.
    UnixTime,
    /// Years.
    Years,
    /// kcal.
    Kilocalories,
    /// ml/min/kg.
    MillilitersPerMinutePerKilogram,
    /// mg/dL.
    MilligramsPerDeciliter,
    /// mmol/L.
    MillimolesPerLiter,
    /// µmol/L.
    MicromolesPerLiter,
    /// µS.
    Microsiemens,
    /// A number of things.
    Count,
    /// A number on a scale of Withings' own, such as a score.
    Scale,
    /// No number: one of several states, or 1 beside labels that tell something.
    None,
}

/// What is said about a unit.
struct Words {
    symbol: &'static str,
    spelled: &'static str,
    /// How names of metrics in this unit may end.
    suffixes: &'static [&'static str],
}

impl Unit {
    /// The unit as documents write it; empty for plain numbers and states.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.said().symbol
    }

    /// The unit in words, for HELP; empty for plain numbers and states.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.said().spelled
    }

    /// The unit as it ends the metric's name `name`, which is what OpenMetrics calls UNIT; `None` where it does not.
    #[must_use]
    pub fn suffix_of(self, name: &str) -> Option<&'static str> {
        let ends = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('_'));
        self.said().suffixes.iter().copied().find(|suffix| ends(suffix))
    }

    fn said(self) -> Words {
        let (symbol, spelled, suffixes): (_, _, &[&str]) = match self {
            Self::Kilograms => ("kg", "kilograms", &["kg"]),
            Self::Meters => ("m", "meters", &["m", "meters"]),
            Self::Percent => ("%", "percent", &["pct"]),
            Self::Ratio => ("0–1", "a ratio of 0 to 1", &["ratio"]),
            Self::MillimetersOfMercury => ("mmHg", "millimeters of mercury", &["mmhg"]),
            Self::BeatsPerMinute => ("beats/min", "beats per minute", &["bpm"]),
            Self::BreathsPerMinute => ("breaths/min", "breaths per minute", &["bpm"]),
            Self::PerMinute => ("1/min", "events per minute", &["per_minute"]),
            Self::PerHour => ("1/h", "events per hour", &["per_hour"]),
            Self::DegreesCelsius => ("°C", "degrees Celsius", &["c"]),
            Self::MetersPerSecond => ("m/s", "meters per second", &[]),
            Self::Seconds => ("s", "seconds", &["seconds"]),
            Self::UnixTime => ("Unix s", "Unix seconds", &["seconds"]),
            Self::Years => ("years", "years", &["years"]),
            Self::Kilocalories => ("kcal", "kilocalories", &["kcal"]),
            Self::MillilitersPerMinutePerKilogram => {
                ("ml/min/kg", "milliliters per minute and kilogram", &["ml_per_min_kg"])
            }
            Self::MilligramsPerDeciliter => ("mg/dL", "milligrams per deciliter", &["mg_per_dl"]),
            Self::MillimolesPerLiter => ("mmol/L", "millimoles per liter", &["mmol_per_l"]),
            Self::MicromolesPerLiter => ("µmol/L", "micromoles per liter", &["umol_per_l"]),
            Self::Microsiemens => ("µS", "microsiemens", &["microsiemens"]),
            Self::Count | Self::Scale | Self::None => ("", "", &[]),
        };
        Words { symbol, spelled, suffixes }
    }
}
