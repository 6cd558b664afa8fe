//! Codes of the first thirty measurements in LOINC, and of all units in UCUM, with which others make FHIR of the catalogue
//! (<https://loinc.org>, <https://ucum.org>).

use super::{CatalogueRow, Unit};

/// LOINC codes of what means the same. A measurement without one has no code that is clearly its own: `temperature_c` may be a
/// room's, and Withings' fat-free mass, muscle and water are results of its own formulas.
const LOINC: [(&str, &str); 13] = [
    ("weight_kg", "29463-7"),
    ("height_m", "8302-2"),
    ("fat_ratio_pct", "41982-0"),
    ("fat_mass_kg", "73708-0"),
    ("diastolic_blood_pressure_mmhg", "8462-4"),
    ("systolic_blood_pressure_mmhg", "8480-6"),
    ("heart_pulse_bpm", "8867-4"),
    ("body_temperature_c", "8310-5"),
    ("skin_temperature_c", "39106-0"),
    ("spo2_pct", "59408-5"),
    ("sleep_deep_duration_seconds", "93831-6"),
    ("sleep_light_duration_seconds", "93830-8"),
    ("sleep_rem_duration_seconds", "93829-0"),
];

impl CatalogueRow {
    /// The code in LOINC; `None` where no code is clearly this measurement's.
    #[must_use]
    pub fn loinc(&self) -> Option<&'static str> {
        LOINC.iter().find_map(|(key, code)| (*key == self.key).then_some(*code))
    }
}

impl Unit {
    /// The unit in UCUM; `None` for times, states and scales of Withings' own.
    #[must_use]
    pub fn ucum(self) -> Option<&'static str> {
        Some(match self {
            Self::Kilograms => "kg",
            Self::Meters => "m",
            Self::Percent => "%",
            Self::Ratio | Self::Count => "1",
            Self::MillimetersOfMercury => "mm[Hg]",
            Self::BeatsPerMinute | Self::BreathsPerMinute | Self::PerMinute => "/min",
            Self::PerHour => "/h",
            Self::DegreesCelsius => "Cel",
            Self::MetersPerSecond => "m/s",
            Self::Seconds => "s",
            Self::Years => "a",
            Self::Kilocalories => "kcal",
            Self::MillilitersPerMinutePerKilogram => "mL/min/kg",
            Self::MilligramsPerDeciliter => "mg/dL",
            Self::MillimolesPerLiter => "mmol/L",
            Self::MicromolesPerLiter => "umol/L",
            Self::Microsiemens => "uS",
            Self::UnixTime | Self::Scale | Self::None => return None,
        })
    }
}
