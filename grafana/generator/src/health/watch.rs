//! What a watch and a mat measure by themselves through day and night, for one person.

use super::needs::{WATCH, WATCH_OR_MAT};
use crate::colours::{HIGHEST, LIGHT, LOWEST, MEAN};
use crate::dashboard::Row;
use crate::expression::of;
use crate::panel::{Panel, lines, tiles};
use crate::quantity::{PER_MINUTE, PERCENT, Quantity};
use crate::target::query;

/// A watch measures every ten minutes as a rule.
const STEP: &str = "15m";

pub(super) fn row() -> Row {
    Row::collapsed(
        "Through day and night · $profile",
        vec![newest().at(0, 0, 24, 4), heart_rate().at(0, 4, 12, 8), variability().at(12, 4, 12, 8)],
    )
}

fn newest() -> Panel {
    tiles("Newest of the watch")
        .about("The newest value of each, up to the last contact of the watch.", WATCH)
        .show(query("Heart rate", of("intraday_heart_rate_bpm").last()).unit(PER_MINUTE))
        .show(query("Breaths", of("intraday_respiratory_bpm").last()).unit(PER_MINUTE))
        .show(query("Oxygen", of("intraday_spo2_pct").last()).unit(PERCENT))
        .show(query("Core temp.", of("intraday_core_body_temperature_c").last()).unit(Quantity::Temperature))
}

fn heart_rate() -> Panel {
    lines("Heart rate and breaths")
        .about(
            "What was measured by day and by night; `backfill --intraday --sleep-stages` fills in the past.",
            WATCH_OR_MAT,
        )
        .unit(PER_MINUTE)
        .every(STEP)
        .axis(10.0, 100.0)
        .show(query("Heart rate", of("intraday_heart_rate_bpm").latest()).colour(HIGHEST))
        .show(query("Heart rate asleep", of("sleep_heart_rate_bpm").latest()).colour(MEAN))
        .show(query("Breaths asleep", of("sleep_respiratory_bpm").latest()).colour(LOWEST))
}

fn variability() -> Panel {
    lines("Heart rate variability by day and night")
        .about("RMSSD and SDNN of a watch, and RMSSD of the minutes asleep.", WATCH_OR_MAT)
        .unit(Quantity::Milliseconds)
        .every(STEP)
        .axis(0.0, 0.1)
        .show(query("RMSSD", of("intraday_heart_rate_variability_rmssd_seconds").latest()).colour(MEAN))
        .show(query("SDNN", of("intraday_heart_rate_variability_sdnn_seconds").latest()).colour(HIGHEST))
        .show(query("RMSSD asleep", of("sleep_heart_rate_variability_seconds").latest()).colour(LIGHT))
}
