//! What one wants to know in the morning, on one screen of a phone.

use super::alerts;
use crate::dashboard::Row;
use crate::expression::{body_mass_index, by_guideline, of};
use crate::guideline::GUIDELINES;
use crate::limits::{APNEA, ASLEEP, BODY_MASS_INDEX, OXYGEN, PULSE_WAVE, RESTING_PULSE, SCORE, STALE, TEMPERATURE};
use crate::panel::{Panel, tiles};
use crate::quantity::{AGE, COUNT, DURATION, MMHG, PER_MINUTE, PERCENT, Quantity, VELOCITY};
use crate::target::{gained_or_lost, query};

pub(super) fn row() -> Row {
    Row::open(
        "Today · $profile",
        vec![
            body().at(0, 0, 8, 6),
            heart().at(8, 0, 8, 6),
            sleep().at(16, 0, 8, 6),
            ages().at(0, 6, 18, 5),
            alerts::firing_now().at(18, 6, 6, 5),
        ],
    )
}

fn body() -> Panel {
    let [gained, lost] = gained_or_lost(["Gained in a week", "Lost in a week"], &of("weight_kg").change(7));
    tiles("Body")
        .about(
            "The last weigh-in. What was gained or lost is the average of the last week against that of the week before.",
            "No weigh-in yet; it takes a scale",
        )
        .show(query("Weight", of("weight_kg").last()).unit(Quantity::Mass))
        .show(gained.unit(Quantity::Mass))
        .show(lost.unit(Quantity::Mass))
        .show(
            query("BMI", body_mass_index(&of("weight_kg").last(), &of("height_m").last()))
                .limits(&BODY_MASS_INDEX)
                .decimals(1),
        )
        .show(query("Fat", of("fat_ratio_pct").last()).unit(PERCENT).decimals(1))
}

fn heart() -> Panel {
    let panel = tiles("Heart").about(
        "The last measurements of blood pressure, pulse, oxygen, temperature and pulse wave, which may be of different \
         days: their ages stand below. The colours are for everybody, also for a person with limits of their own.",
        "Nothing yet; it takes a blood pressure cuff, a watch or a thermometer",
    );
    let panel = GUIDELINES.iter().fold(panel, |panel, guideline| {
        let last = |key| by_guideline(guideline, &of(key).last());
        panel
            .show(query("Systolic", last("systolic_blood_pressure_mmhg")).unit(MMHG).limits(&guideline.systolic))
            .show(query("Diastolic", last("diastolic_blood_pressure_mmhg")).unit(MMHG).limits(&guideline.diastolic))
    });
    panel
        .show(query("Pulse", of("heart_pulse_bpm").last()).unit(PER_MINUTE).limits(&RESTING_PULSE))
        .show(query("SpO₂", of("spo2_pct").last()).unit(PERCENT).limits(&OXYGEN))
        .show(query("Temperature", of("body_temperature_c").last()).unit(Quantity::Temperature).limits(&TEMPERATURE))
        .show(query("Pulse wave", of("pulse_wave_velocity").last()).unit(VELOCITY).limits(&PULSE_WAVE))
}

fn sleep() -> Panel {
    tiles("Sleep")
        .about("The last night that a device has seen.", "No night yet; it takes a sleep mat or a watch")
        .show(query("Asleep", of("sleep_total_duration_seconds").last()).unit(DURATION).limits(&ASLEEP))
        .show(query("Score", of("sleep_score").last()).unit(COUNT).limits(&SCORE))
        .show(query("Heart rate", of("sleep_heart_rate_average_bpm").last()).unit(PER_MINUTE))
        .show(query("Pauses per hour", of("sleep_apnea_hypopnea_events_per_hour").last()).unit(COUNT).limits(&APNEA))
        .show(query("Awake since", of("sleep_end_timestamp_seconds").last()).unit(Quantity::Clock))
}

fn ages() -> Panel {
    let ages = [
        ("Weight", "weight_kg"),
        ("Pressure", "systolic_blood_pressure_mmhg"),
        ("SpO₂", "spo2_pct"),
        ("Temp.", "body_temperature_c"),
        ("Pulse wave", "pulse_wave_velocity"),
        ("ECG", "ecg_classification"),
        ("Night", "sleep_total_duration_seconds"),
        ("Steps", "activity_steps"),
    ];
    let panel = tiles("Age of the last measurement")
        .about(
            "How long ago each of them was measured. A value above is no newer than its age here.",
            "Nothing was measured yet",
        )
        .small()
        .unit(AGE)
        .limits(&STALE);
    ages.into_iter().fold(panel, |panel, (name, key)| panel.show(query(name, of(key).age())))
}
