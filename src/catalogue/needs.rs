//! What a measurement needs beside a login: a device, and perhaps a plan. Nobody publishes a full list; this is what is known.
//!
//! Devices: by the table of measure types (<https://developer.withings.com/api-reference/#tag/measure>) and the devices in captured
//! answers. Plans: since 2026 Withings' free plan for developers has a basic pack of fields, and those beyond it are absent with
//! status 0 (the-momentum/open-wearables#1645).

use super::{CatalogueRow, HeartFact, Source, WorkoutFact};

/// What a measurement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The kinds of device that measure it, or how else it comes about.
    pub device: &'static str,
    /// Whether it may be absent without a paid plan, for the application or the person.
    pub may_need_plan: bool,
}

const COMPOSITION: &str = "scale with body composition";
const SLEEP: &str = "sleep mat or watch";
const WATCH: &str = "watch";
const WATCH_OR_PHONE: &str = "watch or phone";
const ECG: &str = "device with electrodes";

/// Fields of a night that belong to a paid pack where a mat measures them: the score, heart and breathing rate, snoring, heart rate
/// variability.
const PAID_NIGHT_FIELDS: [&str; 6] = ["sleep_score", "hr_", "rr_", "snoring", "breathing_sounds", "rmssd_"];

impl CatalogueRow {
    /// What the measurement needs, as far as it is known.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let (device, may_need_plan) = match self.source {
            Source::Measure { meastypes, .. } => of_measure(meastypes[0]),
            Source::Classification { .. } | Source::Workout(WorkoutFact::Zones(_)) => (WATCH, false),
            Source::EcgClassification { .. } | Source::Heart(HeartFact::EcgHeartRate) => (ECG, false),
            Source::UnlistedMeasure | Source::Device(_) => ("any", false),
            Source::Summary { fields, .. } => of_night(fields[0]),
            Source::Night(_) | Source::NightSegments | Source::SleepState => (SLEEP, false),
            Source::NightVariability | Source::SleepMinute(_) => (SLEEP, true),
            Source::BedEvent => ("sleep mat", false),
            Source::Heart(HeartFact::Stethoscope) => ("BPM Core", false),
            Source::Activity { fields } => (if fields[0].starts_with("hr_") { WATCH } else { WATCH_OR_PHONE }, false),
            Source::ActivityDay | Source::Workout(WorkoutFact::Start | WorkoutFact::End) => (WATCH_OR_PHONE, false),
            Source::Intraday { field, .. } => (WATCH, !matches!(field, "heart_rate" | "spo2_auto")),
            Source::Workout(WorkoutFact::Data(fields)) => {
                let is_of_watch = fields[0].starts_with("hr_") || fields[0].starts_with("spo2_");
                (if is_of_watch { WATCH } else { WATCH_OR_PHONE }, false)
            }
            Source::Goal { .. } => ("a goal set in the app", false),
        };
        Needs { device, may_need_plan }
    }
}

/// What the measure types of `getmeas` come from, by the first of a row.
fn of_measure(meastype: u32) -> (&'static str, bool) {
    match meastype {
        1 => ("scale, or typed in", false),
        4 => ("typed in", false),
        9 | 10 => ("blood pressure cuff", false),
        11 => ("cuff or scale", false),
        12 | 71 => ("Thermo or BeamO", false),
        73 => ("Thermo", false),
        54 => ("watch or BeamO", false),
        91 => ("Body Cardio or Body Scan", true),
        119 => ("blood glucose meter", false),
        123 => (WATCH, false),
        135..=138 => (ECG, false),
        147 | 148 | 151 | 204 | 205 | 248 | 249 | 251 => ("U-Scan", false),
        155 => ("Body Cardio, Body Comp or Body Scan", false),
        158 | 159 | 167 | 226 | 227 => ("Body Comp or Body Scan", false),
        170 => ("Body Comp or Body Scan", true),
        168 | 169 | 173..=175 | 196..=198 | 229 => ("Body Scan", false),
        _ => (COMPOSITION, false),
    }
}

/// What a field of the night comes from.
fn of_night(field: &str) -> (&'static str, bool) {
    let is_paid = PAID_NIGHT_FIELDS.iter().any(|paid| field.starts_with(paid));
    match field {
        "apnea_hypopnea_index" => ("Sleep Analyzer of Europe or Australia", is_paid),
        "withings_index" => ("Sleep Rx of the USA", is_paid),
        "mvt_score_avg" | "mvt_active_duration" => ("Sleep Analyzer or Sleep Rx", is_paid),
        _ if field.starts_with("core_body_temperature") => (WATCH, is_paid),
        _ if field.starts_with("chest_movement") || field.starts_with("breathing") || field.starts_with("snoring") => {
            ("sleep mat", is_paid)
        }
        _ => (SLEEP, is_paid),
    }
}
