//! Nights of one person.

use super::night;
use crate::colours::{AIM, AWAKE, DEEP, HIGHEST, LIGHT, LOWEST, MEAN, REM};
use crate::dashboard::Row;
use crate::expression::of;
use crate::limits::{APNEA, SCORE};
use crate::panel::{Panel, bars, lines, stacked};
use crate::quantity::{COUNT, PER_MINUTE, Quantity};
use crate::target::query;

const NO_NIGHT: &str = "no device that measures it has seen a night in this time.";

pub(super) fn row() -> Row {
    Row::open(
        "Sleep · $profile",
        vec![
            night::stages().at(0, 0, 24, 5),
            nights().at(0, 5, 16, 10),
            score().at(16, 5, 8, 5),
            breathing().at(16, 10, 8, 5),
            heart_rate().at(0, 15, 8, 7),
            breaths().at(8, 15, 8, 7),
            variability().at(16, 15, 8, 7),
            interruptions().at(0, 22, 8, 7),
            awake().at(8, 22, 8, 7),
            snoring().at(16, 22, 8, 7),
            night::details().at(0, 29, 18, 5),
            night::state().at(18, 29, 6, 5),
        ],
    )
}

fn nights() -> Panel {
    stacked("Sleep by night")
        .about("The stages of each night, on the day of getting up; the dashed line is the goal for sleep.", NO_NIGHT)
        .unit(Quantity::Hours)
        .by_day()
        .show(query("Deep", of("sleep_deep_duration_seconds").measured()).colour(DEEP))
        .show(query("Light", of("sleep_light_duration_seconds").measured()).colour(LIGHT))
        .show(query("REM", of("sleep_rem_duration_seconds").measured()).colour(REM))
        .show(query("Awake", of("sleep_wakeup_duration_seconds").measured()).colour(AWAKE))
        .show(query("Goal", of("goal_sleep_duration_seconds").constant()).goal().colour(AIM))
}

fn score() -> Panel {
    bars("Sleep score")
        .about("Withings' score of each night, 0 to 100.", NO_NIGHT)
        .by_day()
        .coloured(&SCORE)
        .defaults(serde_json::json!({"max": 100}))
        .show(query("Score", of("sleep_score").measured()))
}

fn breathing() -> Panel {
    bars("Breathing disturbances")
        .about("Pauses in breathing and shallow breathing for each hour of sleep.", NO_NIGHT)
        .by_day()
        .coloured(&APNEA)
        .show(query("Per hour", of("sleep_apnea_hypopnea_events_per_hour").measured()))
        .show(query("Pauses per hour, mats of the USA", of("sleep_apnea_events_per_hour").measured()))
}

fn heart_rate() -> Panel {
    span("Heart rate at night", "sleep_heart_rate", "bpm").about("Highest, average and lowest of each night.", NO_NIGHT)
}

fn breaths() -> Panel {
    span("Breaths at night", "sleep_respiratory", "bpm").about("Highest, average and lowest of each night.", NO_NIGHT)
}

/// Highest, average and lowest of each night, per minute.
fn span(title: &'static str, key: &str, unit: &str) -> Panel {
    let daily = |which: &str| of(&format!("{key}_{which}_{unit}")).measured();
    lines(title)
        .unit(PER_MINUTE)
        .by_day()
        .show(query("Highest", daily("max")).colour(HIGHEST))
        .show(query("Average", daily("average")).colour(MEAN))
        .show(query("Lowest", daily("min")).colour(LOWEST))
}

fn variability() -> Panel {
    lines("Heart rate variability")
        .about(
            "How much the time between heartbeats varies (RMSSD), at the begin and at the end of each night and in its \
             mean. Compare with your own trend.",
            NO_NIGHT,
        )
        .unit(Quantity::Milliseconds)
        .by_day()
        .show(query("Mean", of("sleep_heart_rate_variability_average_seconds").measured()).colour(HIGHEST))
        .show(query("Begin", of("sleep_heart_rate_variability_start_seconds").measured()).colour(LOWEST))
        .show(query("End", of("sleep_heart_rate_variability_end_seconds").measured()).colour(MEAN))
}

fn interruptions() -> Panel {
    bars("Interruptions")
        .about("How often somebody woke up, left the bed, snored for a minute or more, or breathed loudly.", NO_NIGHT)
        .unit(COUNT)
        .by_day()
        .show(query("Awakenings", of("sleep_wakeup_count").measured()).colour(AWAKE))
        .show(query("Out of bed", of("sleep_out_of_bed_episodes").measured()).colour(HIGHEST))
        .show(query("Snoring", of("sleep_snoring_episodes").measured()).colour(LIGHT))
        .show(query("Breathing sounds", of("sleep_breathing_sounds_episodes").measured()).colour(MEAN))
}

fn awake() -> Panel {
    stacked("Awake in bed")
        .about("Before falling asleep, between sleeping, and after waking up.", NO_NIGHT)
        .unit(Quantity::Minutes)
        .by_day()
        .show(query("To fall asleep", of("sleep_tosleep_duration_seconds").measured()).colour(LIGHT))
        .show(query("In between", of("sleep_awake_after_onset_duration_seconds").measured()).colour(AWAKE))
        .show(query("To get up", of("sleep_towakeup_duration_seconds").measured()).colour(HIGHEST))
}

fn snoring() -> Panel {
    bars("Snoring")
        .about("How long somebody snored in each night.", NO_NIGHT)
        .unit(Quantity::Minutes)
        .by_day()
        .show(query("Snoring", of("sleep_snoring_duration_seconds").measured()).colour(LIGHT))
}
