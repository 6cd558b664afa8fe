//! The table itself. Its order is the order of exposition.

use super::Group::{Activity, Body, Devices, Goals, Heart, Sleep, Urine, Workouts};
use super::Position::{Anywhere, Labelled, OfType, WholeBody};
use super::Unit::{
    BeatsPerMinute, BreathsPerMinute, Count, DegreesCelsius, Kilocalories, Kilograms, Meters, MetersPerSecond,
    MicromolesPerLiter, Microsiemens, MilligramsPerDeciliter, MillilitersPerMinutePerKilogram, MillimetersOfMercury,
    MillimolesPerLiter, None, PerHour, PerMinute, Percent, Ratio, Scale, Seconds, UnixTime, Years,
};
use super::{
    CatalogueRow, DeviceFact, Group, HeartFact, LabelName, MinuteField, NightFact, Position, Source, Unit, WorkoutFact,
};

#[rustfmt::skip]
pub(super) static ROWS: &[CatalogueRow] = &[
    // The first thirty are given: they are Home Assistant's of 2019, and they never change.
    measure("weight_kg", "Body weight", Kilograms, Body, &[1], Anywhere),
    CatalogueRow {
        // Most people typed their height in when they made their account and never again.
        source: Source::Measure { meastypes: &[4], position: Anywhere, at_account_creation: true, exponent: 0 },
        ..measure("height_m", "Body height", Meters, Body, &[4], Anywhere)
    },
    measure("fat_free_mass_kg", "Fat-free mass", Kilograms, Body, &[5], WholeBody),
    measure("fat_ratio_pct", "Fat mass as a share of body weight", Percent, Body, &[6], WholeBody),
    measure("fat_mass_kg", "Fat mass", Kilograms, Body, &[8], WholeBody),
    measure("diastolic_blood_pressure_mmhg", "Diastolic blood pressure", MillimetersOfMercury, Heart, &[9], Anywhere),
    measure("systolic_blood_pressure_mmhg", "Systolic blood pressure", MillimetersOfMercury, Heart, &[10], Anywhere),
    measure("heart_pulse_bpm", "Pulse of a cuff or scale", BeatsPerMinute, Heart, &[11], Anywhere),
    CatalogueRow {
        // It may be a room's.
        believed_above: Option::None,
        ..measure("temperature_c", "Temperature", DegreesCelsius, Body, &[12], Anywhere)
    },
    measure("body_temperature_c", "Body temperature", DegreesCelsius, Body, &[71], Anywhere),
    measure("skin_temperature_c", "Skin temperature", DegreesCelsius, Body, &[73], Anywhere),
    measure("spo2_pct", "Blood oxygen saturation", Percent, Body, &[54], Anywhere),
    measure("muscle_mass_kg", "Muscle mass", Kilograms, Body, &[76], WholeBody),
    measure("hydration", "Body water", Kilograms, Body, &[77], WholeBody),
    measure("bone_mass_kg", "Bone mass", Kilograms, Body, &[88], WholeBody),
    measure("pulse_wave_velocity", "Pulse wave velocity", MetersPerSecond, Heart, &[91], WholeBody),
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
    summary("sleep_respiratory_average_bpm", "Average breathing rate of the last night", BreathsPerMinute, &["rr_average", "chest_movement_rate_wellness_average"]),
    summary("sleep_respiratory_max_bpm", "Highest breathing rate of the last night", BreathsPerMinute, &["rr_max", "chest_movement_rate_wellness_max"]),
    summary("sleep_respiratory_min_bpm", "Lowest breathing rate of the last night", BreathsPerMinute, &["rr_min", "chest_movement_rate_wellness_min"]),
    row("sleep_state", "Sleep state", None, Sleep, Source::SleepState),

    measure("vo2_max_ml_per_min_kg", "Highest oxygen uptake", MillilitersPerMinutePerKilogram, Body, &[123], Anywhere),
    measure("extracellular_water_kg", "Water outside of the cells", Kilograms, Body, &[168], WholeBody),
    measure("intracellular_water_kg", "Water in the cells", Kilograms, Body, &[169], WholeBody),
    measure("visceral_fat_index", "Index of the fat around the organs", Scale, Body, &[170], WholeBody),
    measure("vascular_age_years", "Age that the blood vessels look like", Years, Body, &[155], Anywhere),
    measure("metabolic_age_years", "Age that the metabolism looks like", Years, Body, &[227], Anywhere),
    measure("basal_metabolic_rate_kcal", "Energy that the body needs at rest for a day", Kilocalories, Body, &[226], WholeBody),
    measure("glucose_mg_per_dl", "Blood glucose", MilligramsPerDeciliter, Body, &[119], Anywhere),
    placed("fat_free_mass_segment_kg", "Fat-free mass of a part of the body", Kilograms, &[173], Labelled),
    placed("fat_mass_segment_kg", "Fat mass of a part of the body", Kilograms, &[174], Labelled),
    placed("muscle_mass_segment_kg", "Muscle mass of a part of the body", Kilograms, &[175], Labelled),
    placed("nerve_health_score", "Nerve health of a foot or of both", Scale, &[158, 159, 167], OfType(&["left_foot", "right_foot", "feet"])),
    placed("electrodermal_activity_score", "Electrodermal activity of a foot or of both, 0 to 100", Scale, &[197, 198, 196], OfType(&["left_foot", "right_foot", "feet"])),
    placed("electrochemical_skin_conductance_microsiemens", "Electrochemical skin conductance", Microsiemens, &[229], Labelled),
    CatalogueRow {
        labels: &[LabelName::Meastype, LabelName::Position],
        ..row("unlisted_measure", "Measure of a type that this version does not know, as Withings sends it", Scale, Body, Source::UnlistedMeasure)
    },

    interval("qrs_interval_seconds", "QRS interval of an electrocardiogram", &[135]),
    interval("pr_interval_seconds", "PR interval of an electrocardiogram", &[136]),
    interval("qt_interval_seconds", "QT interval of an electrocardiogram", &[137]),
    interval("corrected_qt_interval_seconds", "QT interval of an electrocardiogram, corrected for the heart rate", &[138]),
    row("ecg_classification", "What an electrocardiogram says about atrial fibrillation", None, Heart, Source::EcgClassification { meastype: 130 }),
    row("ppg_classification", "What the pulse wave says about atrial fibrillation", None, Heart, Source::Classification { meastype: 139 }),
    row("ecg_heart_rate_bpm", "Heart rate of the newest electrocardiogram", BeatsPerMinute, Heart, Source::Heart(HeartFact::EcgHeartRate)),
    row("stethoscope_classification", "What a stethoscope says about the valves of the heart, its numbers taken for those of atrial fibrillation", None, Heart, Source::Heart(HeartFact::Stethoscope)),

    measure("urine_ph", "pH of the urine", Scale, Urine, &[147], Anywhere),
    measure("urine_specific_gravity", "Specific gravity of the urine", Scale, Urine, &[148], Anywhere),
    measure("urine_nitrites_umol_per_l", "Nitrites in the urine", MicromolesPerLiter, Urine, &[151], Anywhere),
    measure("urine_ketones_mmol_per_l", "Ketones in the urine", MillimolesPerLiter, Urine, &[204], Anywhere),
    measure("urine_vitamin_c_mmol_per_l", "Vitamin C in the urine", MillimolesPerLiter, Urine, &[205], Anywhere),
    measure("urine_calcium_mmol_per_l", "Calcium in the urine", MillimolesPerLiter, Urine, &[248], Anywhere),
    measure("urine_creatinine_mmol_per_l", "Creatinine in the urine", MillimolesPerLiter, Urine, &[249], Anywhere),
    measure("urine_calcium_creatinine_ratio", "Calcium in the urine for each part of creatinine", Scale, Urine, &[251], Anywhere),

    summary("sleep_total_duration_seconds", "Sleep of the last night", Seconds, &["total_sleep_time", "asleepduration"]),
    summary("sleep_in_bed_duration_seconds", "Time in bed, last night", Seconds, &["total_timeinbed"]),
    summary("sleep_awake_after_onset_duration_seconds", "Time awake between falling asleep and waking up, last night", Seconds, &["waso"]),
    summary("sleep_efficiency_ratio", "Share of the time in bed that was sleep, last night", Ratio, &["sleep_efficiency"]),
    summary("sleep_score", "Score of the last night, 0 to 100", Scale, &["sleep_score"]),
    summary("sleep_snoring_duration_seconds", "Snoring of the last night", Seconds, &["snoring"]),
    summary("sleep_snoring_episodes", "Number of snoring episodes of at least a minute in the last night", Count, &["snoringepisodecount"]),
    summary("sleep_rem_episodes", "Number of REM episodes in the last night", Count, &["nb_rem_episodes"]),
    summary("sleep_out_of_bed_episodes", "Number of times out of bed in the last night", Count, &["out_of_bed_count"]),
    // Of the half: home-assistant/core#103568.
    summary("sleep_breathing_disturbances_index", "Index of breathing disturbances in the last night: below 30 low, from 60 high; the app may show half of it", Scale, &["breathing_disturbances_intensity", "breathing_quality_assessment"]),
    summary("sleep_apnea_hypopnea_events_per_hour", "Pauses in breathing and shallow breathing in the last night", PerHour, &["apnea_hypopnea_index"]),
    summary("sleep_apnea_events_per_hour", "Pauses in breathing in the last night, of sleep mats sold in the USA", PerHour, &["withings_index"]),
    summary("sleep_breathing_sounds_duration_seconds", "Breathing sounds of the last night", Seconds, &["breathing_sounds"]),
    summary("sleep_breathing_sounds_episodes", "Number of episodes of breathing sounds in the last night", Count, &["breathing_sounds_episode_count"]),
    summary("sleep_movement_duration_seconds", "Movement of the last night", Seconds, &["mvt_active_duration"]),
    summary("sleep_movement_score", "Average movement of the last night, 0 to 255", Scale, &["mvt_score_avg"]),
    summary("sleep_core_body_temperature_average_c", "Average core body temperature of the last night", DegreesCelsius, &["core_body_temperature_avg"]),
    summary("sleep_core_body_temperature_min_c", "Lowest core body temperature of the last night", DegreesCelsius, &["core_body_temperature_min"]),
    summary("sleep_core_body_temperature_max_c", "Highest core body temperature of the last night", DegreesCelsius, &["core_body_temperature_max"]),
    variability("sleep_heart_rate_variability_start_seconds", "Heart rate variability (RMSSD) at the start of the last night", &["rmssd_start_avg"]),
    variability("sleep_heart_rate_variability_end_seconds", "Heart rate variability (RMSSD) at the end of the last night", &["rmssd_end_avg"]),
    row("sleep_heart_rate_variability_average_seconds", "Mean heart rate variability (RMSSD) of the last night", Seconds, Sleep, Source::NightVariability),
    row("sleep_heart_rate_bpm", "Heart rate of the newest minute asleep", BeatsPerMinute, Sleep, Source::SleepMinute(MinuteField::HeartRate)),
    row("sleep_respiratory_bpm", "Breathing rate of the newest minute asleep", BreathsPerMinute, Sleep, Source::SleepMinute(MinuteField::Respiratory)),
    row("sleep_heart_rate_variability_seconds", "Heart rate variability (RMSSD) of the newest minute asleep", Seconds, Sleep, Source::SleepMinute(MinuteField::Rmssd)),
    summary("sleep_chest_movement_average_per_minute", "Average chest movement of the last night", PerMinute, &["chest_movement_rate_average"]),
    summary("sleep_chest_movement_min_per_minute", "Lowest chest movement of the last night", PerMinute, &["chest_movement_rate_min"]),
    summary("sleep_chest_movement_max_per_minute", "Highest chest movement of the last night", PerMinute, &["chest_movement_rate_max"]),
    row("sleep_start_timestamp_seconds", "Begin of the last night", UnixTime, Sleep, Source::Night(NightFact::Start)),
    row("sleep_end_timestamp_seconds", "End of the last night", UnixTime, Sleep, Source::Night(NightFact::End)),
    row("sleep_nap_duration_seconds", "Other sleep on the day of the last night and since, naps among it", Seconds, Sleep, Source::Night(NightFact::Naps)),
    CatalogueRow {
        labels: &[LabelName::Segment, LabelName::Stage],
        ..row("sleep_segment_start_timestamp_seconds", "Begin of each stage of the last night and of getting up (stage none)", UnixTime, Sleep, Source::NightSegments)
    },
    row("in_bed", "Whether somebody is in bed, with webhooks only", None, Sleep, Source::BedEvent),

    activity("activity_steps", "Steps of the present day", Count, &["steps"]),
    activity("activity_distance_meters", "Distance of the present day", Meters, &["distance"]),
    // The documentation says floors; the app shows a third of the number, and Withings counts 3 m a floor
    // (home-assistant/core#104424).
    activity("activity_elevation_meters", "Climbing of the present day", Meters, &["elevation"]),
    activity("activity_soft_duration_seconds", "Soft activity of the present day", Seconds, &["soft"]),
    activity("activity_moderate_duration_seconds", "Moderate activity of the present day", Seconds, &["moderate"]),
    activity("activity_intense_duration_seconds", "Intense activity of the present day", Seconds, &["intense"]),
    activity("activity_active_duration_seconds", "Moderate and intense activity of the present day", Seconds, &["active"]),
    activity("activity_active_energy_kcal", "Energy of the present day's activity", Kilocalories, &["calories"]),
    activity("activity_total_energy_kcal", "Energy of the present day's activity and of the body at rest", Kilocalories, &["totalcalories"]),
    activity("activity_heart_rate_average_bpm", "Average heart rate of the present day", BeatsPerMinute, &["hr_average"]),
    activity("activity_heart_rate_min_bpm", "Lowest heart rate of the present day", BeatsPerMinute, &["hr_min"]),
    activity("activity_heart_rate_max_bpm", "Highest heart rate of the present day", BeatsPerMinute, &["hr_max"]),
    CatalogueRow {
        labels: &[LabelName::Zone],
        ..activity("activity_heart_rate_zone_duration_seconds", "Time in a zone of the heart rate on the present day", Seconds, &["hr_zone_0", "hr_zone_1", "hr_zone_2", "hr_zone_3"])
    },
    row("activity_day_start_timestamp_seconds", "Begin of the present day where the person is", UnixTime, Activity, Source::ActivityDay),

    intraday("intraday_heart_rate_bpm", "Newest heart rate of a watch", BeatsPerMinute, "heart_rate"),
    intraday("intraday_spo2_pct", "Newest blood oxygen saturation that a watch has measured by itself", Percent, "spo2_auto"),
    intraday("intraday_core_body_temperature_c", "Newest core body temperature of a watch", DegreesCelsius, "core_body_temperature"),
    intraday("intraday_heart_rate_variability_rmssd_seconds", "Newest heart rate variability (RMSSD) of a watch", Seconds, "rmssd"),
    intraday("intraday_heart_rate_variability_sdnn_seconds", "Newest heart rate variability (SDNN) of a watch", Seconds, "sdnn1"),
    intraday("intraday_respiratory_bpm", "Newest breathing rate of a watch", BreathsPerMinute, "rr"),

    row("goal_steps", "Goal for the steps of a day", Count, Goals, Source::Goal { field: "steps" }),
    row("goal_sleep_duration_seconds", "Goal for the sleep of a night", Seconds, Goals, Source::Goal { field: "sleep" }),
    row("goal_weight_kg", "Goal for the body weight", Kilograms, Goals, Source::Goal { field: "weight" }),

    workout("workout_start_timestamp_seconds", "Begin of the newest workout of the category", UnixTime, WorkoutFact::Start),
    workout("workout_end_timestamp_seconds", "End of the newest workout of the category", UnixTime, WorkoutFact::End),
    workout("workout_active_energy_kcal", "Energy of the newest workout of the category", Kilocalories, WorkoutFact::Data(&["calories", "manual_calories"])),
    workout("workout_distance_meters", "Distance of the newest workout of the category", Meters, WorkoutFact::Data(&["distance", "manual_distance"])),
    workout("workout_heart_rate_average_bpm", "Average heart rate of the newest workout of the category", BeatsPerMinute, WorkoutFact::Data(&["hr_average"])),
    workout("workout_heart_rate_min_bpm", "Lowest heart rate of the newest workout of the category", BeatsPerMinute, WorkoutFact::Data(&["hr_min"])),
    workout("workout_heart_rate_max_bpm", "Highest heart rate of the newest workout of the category", BeatsPerMinute, WorkoutFact::Data(&["hr_max"])),
    CatalogueRow {
        labels: &[LabelName::Category, LabelName::Zone],
        ..workout("workout_heart_rate_zone_duration_seconds", "Time in a zone of the heart rate in the newest workout of the category", Seconds, WorkoutFact::Zones(&["hr_zone_0", "hr_zone_1", "hr_zone_2", "hr_zone_3"]))
    },
    workout("workout_spo2_average_pct", "Average blood oxygen saturation of the newest workout of the category", Percent, WorkoutFact::Data(&["spo2_average"])),
    workout("workout_steps", "Steps of the newest workout of the category", Count, WorkoutFact::Data(&["steps"])),
    workout("workout_elevation_meters", "Climbing of the newest workout of the category", Meters, WorkoutFact::Data(&["elevation"])),
    workout("workout_pause_duration_seconds", "Pauses of the newest workout of the category", Seconds, WorkoutFact::Data(&["pause_duration", "algo_pause_duration"])),

    CatalogueRow {
        labels: &[LabelName::Device, LabelName::Category, LabelName::Model],
        ..device("device_info", "Device of the person", None, DeviceFact::Info)
    },
    device("device_battery_state", "Battery of the device", None, DeviceFact::Battery),
    device("device_last_seen_timestamp_seconds", "When the device last spoke to Withings", UnixTime, DeviceFact::LastSeen),
];

const fn row(key: &'static str, what: &'static str, unit: Unit, group: Group, source: Source) -> CatalogueRow {
    CatalogueRow { key, what, unit, group, source, labels: &[], believed_above: Option::None }
}

/// What a measure of a living body is believed above. A zero or less is no measurement, and would replace the good one before.
const fn living(unit: Unit) -> Option<f64> {
    match unit {
        BeatsPerMinute | DegreesCelsius | Kilograms | MetersPerSecond | MillimetersOfMercury | Percent => Some(0.0),
        _ => Option::None,
    }
}

const fn measure(
    key: &'static str,
    what: &'static str,
    unit: Unit,
    group: Group,
    meastypes: &'static [u32],
    position: Position,
) -> CatalogueRow {
    let source = Source::Measure { meastypes, position, at_account_creation: false, exponent: 0 };
    CatalogueRow { believed_above: living(unit), ..row(key, what, unit, group, source) }
}

/// A measure of parts of the body.
const fn placed(
    key: &'static str,
    what: &'static str,
    unit: Unit,
    meastypes: &'static [u32],
    position: Position,
) -> CatalogueRow {
    CatalogueRow { labels: &[LabelName::Position], ..measure(key, what, unit, Body, meastypes, position) }
}

/// An interval of the electrocardiogram, which Withings gives in ms.
const fn interval(key: &'static str, what: &'static str, meastypes: &'static [u32]) -> CatalogueRow {
    let source = Source::Measure { meastypes, position: Anywhere, at_account_creation: false, exponent: -3 };
    row(key, what, Seconds, Heart, source)
}

const fn summary(key: &'static str, what: &'static str, unit: Unit, fields: &'static [&'static str]) -> CatalogueRow {
    row(key, what, unit, Sleep, Source::Summary { fields, exponent: 0 })
}

/// A heart rate variability, which Withings gives in ms.
const fn variability(key: &'static str, what: &'static str, fields: &'static [&'static str]) -> CatalogueRow {
    row(key, what, Seconds, Sleep, Source::Summary { fields, exponent: -3 })
}

/// What a watch measures through the day; a heart rate variability in ms.
const fn intraday(key: &'static str, what: &'static str, unit: Unit, field: &'static str) -> CatalogueRow {
    let exponent = if matches!(unit, Seconds) { -3 } else { 0 };
    row(key, what, unit, Activity, Source::Intraday { field, exponent })
}

const fn activity(key: &'static str, what: &'static str, unit: Unit, fields: &'static [&'static str]) -> CatalogueRow {
    row(key, what, unit, Activity, Source::Activity { fields })
}

const fn workout(key: &'static str, what: &'static str, unit: Unit, fact: WorkoutFact) -> CatalogueRow {
    CatalogueRow { labels: &[LabelName::Category], ..row(key, what, unit, Workouts, Source::Workout(fact)) }
}

const fn device(key: &'static str, what: &'static str, unit: Unit, fact: DeviceFact) -> CatalogueRow {
    CatalogueRow { labels: &[LabelName::Device], ..row(key, what, unit, Devices, Source::Device(fact)) }
}
