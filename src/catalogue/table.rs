//! The table itself. Its order is the order of exposition.

use super::Group::{Body, Heart, Sleep};
use super::Position::{Anywhere, WholeBody};
use super::Unit::{
    BeatsPerMinute, BreathsPerMinute, Count, DegreesCelsius, Kilograms, Meters, MetersPerSecond, MillimetersOfMercury,
    Percent, Seconds, State,
};
use super::{Group, Position, Row, Source, Unit};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    // The first thirty are given: they are Home Assistant's of 2019, and they never change.
    measure("weight_kg", "Body weight", Kilograms, Body, 1, Anywhere),
    Row {
        key: "height_m",
        what: "Body height",
        unit: Meters,
        group: Body,
        // Most people typed their height in when they made their account and never again.
        source: Source::Measure { meastype: 4, position: Anywhere, at_account_creation: true },
    },
    measure("fat_free_mass_kg", "Fat-free mass", Kilograms, Body, 5, WholeBody),
    measure("fat_ratio_pct", "Fat mass as a share of body weight", Percent, Body, 6, WholeBody),
    measure("fat_mass_kg", "Fat mass", Kilograms, Body, 8, WholeBody),
    measure("diastolic_blood_pressure_mmhg", "Diastolic blood pressure", MillimetersOfMercury, Heart, 9, Anywhere),
    measure("systolic_blood_pressure_mmhg", "Systolic blood pressure", MillimetersOfMercury, Heart, 10, Anywhere),
    measure("heart_pulse_bpm", "Pulse of a cuff or scale", BeatsPerMinute, Heart, 11, Anywhere),
    measure("temperature_c", "Temperature", DegreesCelsius, Body, 12, Anywhere),
    measure("body_temperature_c", "Body temperature", DegreesCelsius, Body, 71, Anywhere),
    measure("skin_temperature_c", "Skin temperature", DegreesCelsius, Body, 73, Anywhere),
    measure("spo2_pct", "Blood oxygen saturation", Percent, Body, 54, Anywhere),
    measure("muscle_mass_kg", "Muscle mass", Kilograms, Body, 76, WholeBody),
    measure("hydration", "Body water", Kilograms, Body, 77, WholeBody),
    measure("bone_mass_kg", "Bone mass", Kilograms, Body, 88, WholeBody),
    measure("pulse_wave_velocity", "Pulse wave velocity", MetersPerSecond, Heart, 91, WholeBody),
    summary("sleep_deep_duration_seconds", "Deep sleep of the last night", Seconds, &["deepsleepduration"]),
    summary("sleep_light_duration_seconds", "Light sleep of the last night", Seconds, &["lightsleepduration"]),
    summary("sleep_rem_duration_seconds", "REM sleep of the last night", Seconds, &["remsleepduration"]),
    summary("sleep_tosleep_duration_seconds", "Time in bed before falling asleep, last night", Seconds, &["durationtosleep", "sleep_latency"]),
    summary("sleep_towakeup_duration_seconds", "Time in bed after waking up, last night", Seconds, &["durationtowakeup", "wakeup_latency"]),
    summary("sleep_wakeup_count", "Number of awakenings in the last night", Count, &["wakeupcount"]),
    summary("sleep_wakeup_duration_seconds", "Time awake in bed, last night", Seconds, &["wakeupduration"]),
    summary("sleep_heart_rate_average_bpm", "Average heart rate of the last night", BeatsPerMinute, &["hr_average"]),
    summary("sleep_heart_rate_max_bpm", "Highest heart rate of the last night", BeatsPerMinute, &["hr_max"]),
    summary("sleep_heart_rate_min_bpm", "Lowest heart rate of the last night", BeatsPerMinute, &["hr_min"]),
    summary("sleep_respiratory_average_bpm", "Average breathing rate of the last night", BreathsPerMinute, &["rr_average"]),
    summary("sleep_respiratory_max_bpm", "Highest breathing rate of the last night", BreathsPerMinute, &["rr_max"]),
    summary("sleep_respiratory_min_bpm", "Lowest breathing rate of the last night", BreathsPerMinute, &["rr_min"]),
    Row { key: "sleep_state", what: "Sleep state", unit: State, group: Sleep, source: Source::SleepState },
];

const fn measure(
    key: &'static str,
    what: &'static str,
    unit: Unit,
    group: Group,
    meastype: u32,
    position: Position,
) -> Row {
    Row { key, what, unit, group, source: Source::Measure { meastype, position, at_account_creation: false } }
}

const fn summary(key: &'static str, what: &'static str, unit: Unit, fields: &'static [&'static str]) -> Row {
    Row { key, what, unit, group: Sleep, source: Source::Summary { fields } }
}
