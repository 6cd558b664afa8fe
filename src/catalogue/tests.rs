//! Tests of the table itself.

use std::collections::HashSet;

use super::{
    Call, DocumentFormat, Kind, LabelName, Measurement, Needs, Position, Source, WorkoutFact, ZONES, document,
    position_name, workout_category,
};

/// The thirty keys are a contract: they are written here a second time, literally, and never generated.
const THE_THIRTY: [&str; 30] = [
    "weight_kg",
    "height_m",
    "fat_free_mass_kg",
    "fat_ratio_pct",
    "fat_mass_kg",
    "diastolic_blood_pressure_mmhg",
    "systolic_blood_pressure_mmhg",
    "heart_pulse_bpm",
    "temperature_c",
    "body_temperature_c",
    "skin_temperature_c",
    "spo2_pct",
    "muscle_mass_kg",
    "hydration",
    "bone_mass_kg",
    "pulse_wave_velocity",
    "sleep_deep_duration_seconds",
    "sleep_light_duration_seconds",
    "sleep_rem_duration_seconds",
    "sleep_tosleep_duration_seconds",
    "sleep_towakeup_duration_seconds",
    "sleep_wakeup_count",
    "sleep_wakeup_duration_seconds",
    "sleep_heart_rate_average_bpm",
    "sleep_heart_rate_max_bpm",
    "sleep_heart_rate_min_bpm",
    "sleep_respiratory_average_bpm",
    "sleep_respiratory_max_bpm",
    "sleep_respiratory_min_bpm",
    "sleep_state",
];

#[test]
fn the_first_thirty_keys_are_the_given_ones() {
    let keys: Vec<_> = Measurement::all().map(|row| row.key).take(30).collect();
    assert_eq!(keys, THE_THIRTY);
}

#[test]
fn no_key_type_or_field_stands_twice() {
    let mut seen = HashSet::new();
    for row in Measurement::all() {
        assert!(seen.insert(row.key.to_owned()), "key {} twice", row.key);
        let mut once = |what: String| assert!(seen.insert(what), "{} takes what another row takes", row.key);
        match row.source {
            Source::Measure { meastypes, .. } => meastypes.iter().for_each(|meastype| once(format!("type {meastype}"))),
            Source::Classification { meastype } | Source::EcgClassification { meastype } => {
                once(format!("type {meastype}"));
            }
            Source::Summary { fields, .. } => fields.iter().for_each(|field| once(format!("night's {field}"))),
            Source::Activity { fields } => fields.iter().for_each(|field| once(format!("day's {field}"))),
            other => once(other.field()),
        }
    }
}

#[test]
fn each_type_and_field_of_a_labelled_row_has_its_own_label() {
    for row in Measurement::all() {
        match row.source {
            Source::Measure { meastypes, position, .. } => {
                let is_placed = matches!(position, Position::Labelled | Position::OfType(_));
                assert_eq!(row.labels.contains(&LabelName::Position), is_placed, "{}", row.key);
                let places = if let Position::OfType(places) = position { places.len() } else { 1 };
                assert_eq!(meastypes.len(), places, "{}", row.key);
            }
            Source::Activity { fields } | Source::Workout(WorkoutFact::Zones(fields)) => {
                let is_zoned = row.labels.contains(&LabelName::Zone);
                assert_eq!(fields.len(), if is_zoned { ZONES.len() } else { 1 }, "{}", row.key);
            }
            _ => {}
        }
    }
}

#[test]
fn withings_numbers_have_readable_names() {
    assert_eq!(
        [2, 12, 31, 32, -1].map(position_name),
        [Some("right_arm"), Some("torso"), Some("hold_left"), None, None]
    );
    assert_eq!([1, 36, 533, 568].map(workout_category), [Some("walk"), Some("other"), None, Some("cooking")]);
}

#[test]
fn names_are_valid_and_end_in_their_unit() {
    for row in Measurement::all() {
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(row.key.chars().all(valid) && row.key.starts_with(|c: char| c.is_ascii_lowercase()), "{}", row.key);
        // These two are given names, and a ratio of two concentrations has no range.
        let is_odd = ["hydration", "pulse_wave_velocity", "urine_calcium_creatinine_ratio"].contains(&row.key);
        assert_eq!(row.unit.suffix_of(row.key).is_none(), row.unit.symbol().is_empty() || is_odd, "{}", row.key);
    }
}

#[test]
fn help_is_one_line_that_names_unit_and_field() {
    for row in Measurement::all() {
        let help = row.help();
        assert!(!help.contains(['\n', '\\', '"']), "{help}");
        assert!(help.contains("last known") && help.contains(&row.source.field()), "{help}");
        assert!(row.kind() != Kind::Gauge || help.contains(row.unit.words()), "{help}");
        assert!(help.ends_with('.'), "{help}");
    }
    assert_eq!(
        Measurement::by_key("hydration").unwrap().help(),
        "Body water in kilograms, last known (Withings getmeas type 77)."
    );
}

#[test]
fn a_row_is_found_by_key_and_type() {
    let weight = Measurement::by_meastype(1).unwrap();
    assert_eq!(weight.key, "weight_kg");
    assert_eq!(Some(weight), Measurement::by_key("weight_kg"));

    assert_eq!(Measurement::by_key("weight"), None);
    assert_eq!(Measurement::by_meastype(999), None);
}

#[test]
fn only_the_bed_needs_no_data_call() {
    for row in Measurement::all() {
        let calls = row.source.calls();
        assert!(calls.iter().all(|call| Call::DATA.contains(call)), "{}", row.key);
        assert_eq!(calls.is_empty(), row.key == "in_bed");
    }
}

#[test]
fn the_json_document_has_every_row_whole() {
    let rows: serde_json::Value = serde_json::from_str(&document(DocumentFormat::Json)).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), Measurement::all().len());
    assert_eq!(
        rows[0],
        serde_json::json!({
            "key": "weight_kg",
            "metric": "withings_weight_kg",
            "unit": "kg",
            "ucum": "kg",
            "loinc": "29463-7",
            "kind": "gauge",
            "labels": [],
            "group": "body",
            "source": "getmeas type 1",
            "device": "scale, or typed in",
            "may_need_plan": false,
            "help": "Body weight in kilograms, last known (Withings getmeas type 1).",
        })
    );
}

/// The keys beyond the thirty are names of metrics: a dashboard breaks if one changes.
#[test]
fn further_keys_keep_their_names() {
    let keys: Vec<_> = Measurement::all().map(|row| row.key).skip(30).collect();
    insta::assert_snapshot!(keys.join("\n"));
}

/// Written by hand from the standards: what the code means there, and the unit that is usual for it.
#[test]
fn the_thirty_have_the_codes_of_the_standards() {
    let standards = [
        ("weight_kg", "29463-7", "kg", "Body weight"),
        ("height_m", "8302-2", "m", "Body height"),
        ("fat_ratio_pct", "41982-0", "%", "Percentage of body fat Measured"),
        ("fat_mass_kg", "73708-0", "kg", "Body fat [Mass] Calculated"),
        ("diastolic_blood_pressure_mmhg", "8462-4", "mm[Hg]", "Diastolic blood pressure"),
        ("systolic_blood_pressure_mmhg", "8480-6", "mm[Hg]", "Systolic blood pressure"),
        ("heart_pulse_bpm", "8867-4", "/min", "Heart rate"),
        ("body_temperature_c", "8310-5", "Cel", "Body temperature"),
        ("skin_temperature_c", "39106-0", "Cel", "Temperature of Skin"),
        ("spo2_pct", "59408-5", "%", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        ("sleep_deep_duration_seconds", "93831-6", "s", "Deep sleep duration"),
        ("sleep_light_duration_seconds", "93830-8", "s", "Light sleep duration"),
        ("sleep_rem_duration_seconds", "93829-0", "s", "REM sleep duration"),
    ];
    let coded = Measurement::all().filter_map(|row| Some((row.key, row.loinc()?, row.unit.ucum()?)));
    assert_eq!(coded.collect::<Vec<_>>(), standards.map(|(key, loinc, ucum, _)| (key, loinc, ucum)));
    let last_digit = |code: &str| code.rsplit_once('-').unwrap().1.parse::<u32>().unwrap();
    assert!(standards.iter().all(|(_, code, ..)| last_digit(code) == check_digit(code)), "a digit is mistyped");
}

/// The check digit that LOINC computes of the number before the hyphen (mod 10, Luhn).
fn check_digit(code: &str) -> u32 {
    let digits = code.split_once('-').unwrap().0.chars().rev().map(|digit| digit.to_digit(10).unwrap());
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    (10 - sum % 10) % 10
}

#[test]
fn the_documents_say_what_a_measurement_needs() {
    let needs = |key: &str| Measurement::by_key(key).unwrap().needs();
    assert_eq!(needs("pulse_wave_velocity"), Needs { device: "Body Cardio or Body Scan", may_need_plan: true });
    assert_eq!(needs("sleep_score"), Needs { device: "sleep mat or watch", may_need_plan: true });
    assert_eq!(needs("sleep_deep_duration_seconds"), Needs { device: "sleep mat or watch", may_need_plan: false });
    let table = document(DocumentFormat::Table);
    let line = table.lines().find(|line| line.starts_with("sleep_score ")).unwrap();
    assert!(line.ends_with("sleep mat or watch; perhaps a paid plan"), "{line}");
}
