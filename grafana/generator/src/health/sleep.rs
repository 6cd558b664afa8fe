//! Nights of one person.

use super::needs::NIGHT;
use super::night;
use crate::colours::{AWAKE, DEEP, HIGHEST, LIGHT, LIMIT, LOWEST, MEAN, REM};
use crate::dashboard::Row;
use crate::expression::{limit, of};
use crate::limits::{APNEA, SCORE};
use crate::panel::{Panel, lines, stacked};
use crate::quantity::{COUNT, PER_MINUTE, Quantity};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::open(
        "Sleep · $profile",
        vec![
            night::stages().at(0, 0, 12, 9),
            nights().at(12, 0, 12, 9),
            score().at(0, 9, 12, 6),
            breathing().at(12, 9, 12, 6),
        ],
    )
}

/// What is looked at less often.
pub(super) fn more() -> Row {
    Row::collapsed(
        "More of the nights · $profile",
        vec![
            night::details().at(0, 0, 18, 7),
            night::state().at(18, 0, 6, 7),
            heart_rate().at(0, 7, 8, 8),
            breaths().at(8, 7, 8, 8),
            variability().at(16, 7, 8, 8),
            interruptions().at(0, 15, 8, 8),
            awake().at(8, 15, 8, 8),
            snoring().at(16, 15, 8, 8),
        ],
    )
}

fn nights() -> Panel {
    stacked("Sleep by night")
        .about("The stages of each night, on the day of getting up; the dashed line is the goal for sleep.", NIGHT)
        .unit(Quantity::Hours)
        .by_day()
        .show(query("Deep", of("sleep_deep_duration_seconds").measured()).colour(DEEP))
        .show(query("Light", of("sleep_light_duration_seconds").measured()).colour(LIGHT))
        .show(query("REM", of("sleep_rem_duration_seconds").measured()).colour(REM))
        .show(query("Awake", of("sleep_wakeup_duration_seconds").measured()).colour(AWAKE))
        .show(
            query("Goal", of("sleep_deep_duration_seconds").beside(&of("goal_sleep_duration_seconds").constant()))
                .goal(),
        )
}

fn score() -> Panel {
    stacked("Sleep score")
        .about("Withings' score of each night, 0 to 100.", NIGHT)
        .by_day()
        .defaults(serde_json::json!({"max": 100}))
        .show_classes(&SCORE, &["Low", "Medium", "High"], &of("sleep_score").measured())
}

fn breathing() -> Panel {
    let pauses = of("sleep_apnea_hypopnea_events_per_hour").measured();
    stacked("Pauses in breathing")
        .about(
            "Pauses in breathing and shallow breathing for each hour of sleep; the dots are pauses alone, which mats of the \
             USA tell. The dashed line is the person's limit, from which the alert calls the average of two weeks \
             moderate.",
            NIGHT,
        )
        .by_day()
        .defaults(serde_json::json!({"decimals": 1}))
        .show_classes(&APNEA, &["None", "Mild", "Moderate", "Severe"], &pauses)
        .show(query("Pauses alone", of("sleep_apnea_events_per_hour").measured()).dots().unstacked().colour(HIGHEST))
        .show(query("Limit", limit(&of("sleep_apnea_hypopnea_events_per_hour"), "moderate")).limit(LIMIT).unlisted())
}

fn heart_rate() -> Panel {
    span("Heart rate at night", "sleep_heart_rate", "bpm").axis(40.0, 90.0)
}

fn breaths() -> Panel {
    span("Breaths at night", "sleep_respiratory", "bpm").axis(8.0, 24.0)
}

/// Highest, average and lowest of each night, per minute.
fn span(title: &'static str, key: &str, unit: &str) -> Panel {
    let daily = |which: &str| of(&format!("{key}_{which}_{unit}")).measured();
    lines(title)
        .about("Highest, average and lowest of each night.", NIGHT)
        .unit(PER_MINUTE)
        .by_day()
        .show(query("Highest", daily("max")).colour(HIGHEST))
        .show(query("Average", daily("average")).colour(MEAN))
        .show(query("Lowest", daily("min")).colour(LOWEST))
}

fn variability() -> Panel {
    lines("Heart rate variability")
        .about(
            "How much the time between heartbeats varies (RMSSD), at the start and at the end of each night and in its \
             mean. Compare with your own trend.",
            NIGHT,
        )
        .unit(Quantity::Milliseconds)
        .by_day()
        .axis(0.0, 0.1)
        .show(query("Mean", of("sleep_heart_rate_variability_average_seconds").measured()).colour(MEAN))
        .show(query("Begin", of("sleep_heart_rate_variability_start_seconds").measured()).colour(LOWEST))
        .show(query("End", of("sleep_heart_rate_variability_end_seconds").measured()).colour(HIGHEST))
}

fn interruptions() -> Panel {
    stacked("Interruptions")
        .about("How often somebody woke up, left the bed, snored for a minute or more, or breathed loudly.", NIGHT)
        .unit(COUNT)
        .by_day()
        .show(query("Awakenings", of("sleep_wakeup_count").measured()).colour(AWAKE))
        .show(query("Out of bed", of("sleep_out_of_bed_episodes").measured()).colour(HIGHEST))
        .show(query("Snoring", of("sleep_snoring_episodes").measured()).colour(LIGHT))
        .show(query("Breathing sounds", of("sleep_breathing_sounds_episodes").measured()).colour(MEAN))
}

fn awake() -> Panel {
    stacked("Awake in bed")
        .about("Before falling asleep, between sleeping, and after waking up.", NIGHT)
        .unit(Quantity::Minutes)
        .by_day()
        .show(query("To fall asleep", of("sleep_tosleep_duration_seconds").measured()).colour(LIGHT))
        .show(query("In between", of("sleep_awake_after_onset_duration_seconds").measured()).colour(AWAKE))
        .show(query("To get up", of("sleep_towakeup_duration_seconds").measured()).colour(HIGHEST))
}

fn snoring() -> Panel {
    stacked("Snoring")
        .about("How long somebody snored in each night.", NIGHT)
        .unit(Quantity::Minutes)
        .by_day()
        .show(query("Snoring", of("sleep_snoring_duration_seconds").measured()).colour(LIGHT))
}
