//! What one wants to know in the morning, on one screen of a phone.

use serde_json::json;

use crate::dashboard::Row;
use crate::expression::{body_mass_index, firing, of};
use crate::limits::{
    APNEA, ASLEEP, BODY_MASS_INDEX, DIASTOLIC, OXYGEN, PULSE_WAVE, RESTING_PULSE, SCORE, STALE, SYSTOLIC, TEMPERATURE,
};
use crate::panel::{Panel, tiles};
use crate::quantity::{AGE, COUNT, MMHG, PER_MINUTE, PERCENT, Quantity, SECONDS};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::open(
        "Today · $profile",
        vec![
            body().at(0, 0, 8, 6),
            heart().at(8, 0, 8, 6),
            sleep().at(16, 0, 8, 6),
            ages().at(0, 6, 16, 4),
            alerts().at(16, 6, 8, 4),
        ],
    )
}

fn body() -> Panel {
    tiles("Body")
        .about(
            "The last weigh-in. The change is the average of the last week against that of the week before.",
            "no scale has measured it, or the change lacks a former week.",
        )
        .show(query("Weight", of("weight_kg").last()).unit(Quantity::Mass).decimals(1))
        .show(query("Change in a week", of("weight_kg").change(7)).unit(Quantity::Mass).decimals(1))
        .show(
            query("BMI", body_mass_index(&of("weight_kg").last(), &of("height_m").last()))
                .limits(&BODY_MASS_INDEX)
                .decimals(1),
        )
        .show(query("Fat", of("fat_ratio_pct").last()).unit(PERCENT).decimals(1))
}

fn heart() -> Panel {
    tiles("Heart")
        .about(
            "The last measurements of blood pressure, pulse, oxygen, temperature and pulse wave, which may be of \
             different days: their ages stand below.",
            "no device of the person measures it.",
        )
        .show(query("Systolic", of("systolic_blood_pressure_mmhg").last()).unit(MMHG).limits(&SYSTOLIC))
        .show(query("Diastolic", of("diastolic_blood_pressure_mmhg").last()).unit(MMHG).limits(&DIASTOLIC))
        .show(query("Pulse", of("heart_pulse_bpm").last()).unit(PER_MINUTE).limits(&RESTING_PULSE))
        .show(query("SpO₂", of("spo2_pct").last()).unit(PERCENT).limits(&OXYGEN))
        .show(
            query("Temperature", of("body_temperature_c").last())
                .unit(Quantity::Temperature)
                .limits(&TEMPERATURE)
                .decimals(1),
        )
        .show(
            query("Pulse wave", of("pulse_wave_velocity").last())
                .unit(Quantity::Plain("velocityms"))
                .limits(&PULSE_WAVE)
                .decimals(1),
        )
}

fn sleep() -> Panel {
    tiles("Sleep")
        .about(
            "The last night that a device has seen, and how long ago it ended.",
            "no device has seen a night, or it does not measure this.",
        )
        .show(query("Asleep", of("sleep_total_duration_seconds").last()).unit(SECONDS).limits(&ASLEEP))
        .show(query("Score", of("sleep_score").last()).unit(COUNT).limits(&SCORE))
        .show(query("Heart rate", of("sleep_heart_rate_average_bpm").last()).unit(PER_MINUTE))
        .show(
            query("Disturbances per hour", of("sleep_apnea_hypopnea_events_per_hour").last())
                .unit(COUNT)
                .limits(&APNEA),
        )
        .show(query("Up for", of("sleep_end_timestamp_seconds").elapsed()).unit(AGE))
}

fn ages() -> Panel {
    let ages = [
        ("Weight", "weight_kg"),
        ("Blood pressure", "systolic_blood_pressure_mmhg"),
        ("SpO₂", "spo2_pct"),
        ("Temperature", "body_temperature_c"),
        ("Pulse wave", "pulse_wave_velocity"),
        ("Electrocardiogram", "ecg_classification"),
        ("Night", "sleep_total_duration_seconds"),
        ("Steps", "activity_steps"),
    ];
    let panel = tiles("Age of the last measurement")
        .about(
            "How long ago each of them was measured. A value above is no newer than its age here.",
            "it was never measured.",
        )
        .unit(AGE)
        .limits(&STALE);
    ages.into_iter().fold(panel, |panel, (name, key)| panel.show(query(name, of(key).age())))
}

fn alerts() -> Panel {
    let severities = [("critical", "red"), ("warning", "orange"), ("info", "blue")];
    let panel = tiles("Alerts")
        .about(
            "The person's alerts that fire now by Prometheus' rules: red ones are critical, orange ones warnings, blue \
             ones for information.",
            "none fires, or Prometheus has no rules.",
        )
        .defaults(json!({"noValue": "none"}))
        .options(json!({"text": {"valueSize": 16}}))
        .names_alone();
    severities.into_iter().fold(panel, |panel, (severity, colour)| {
        let firing = firing(&format!("severity=\"{severity}\","));
        // Without the word that all of them begin with.
        let shortened = format!(r#"label_replace({firing}, "alert", "$1", "alertname", "Withings(.+)")"#);
        panel.show(query("{{alert}}", shortened).colour(colour))
    })
}
