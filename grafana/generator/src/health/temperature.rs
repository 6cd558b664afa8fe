//! Temperature and oxygen of one person.

use super::needs::{THERMOMETER, WATCH};
use crate::colours::{HIGHEST, LIMIT, LOWEST, MEAN, OUTER_LIMIT, OXYGEN as OF_OXYGEN, SKIN, TEMPERATURE};
use crate::dashboard::Row;
use crate::expression::{limit, of};
use crate::panel::{Panel, lines};
use crate::quantity::{PERCENT, Quantity};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::collapsed(
        "Temperature and oxygen · $profile",
        vec![body().at(0, 0, 12, 8), oxygen().at(12, 0, 12, 8), night().at(0, 8, 12, 8), skin().at(12, 8, 12, 8)],
    )
}

fn body() -> Panel {
    temperatures("Body temperature")
        .about(
            "The last reading of a thermometer on each day. The dashed lines are the person's limits, from which it is a \
             fever and a high one.",
            THERMOMETER,
        )
        .axis(35.5, 39.0)
        .show(query("Temperature", of("body_temperature_c").measured()).colour(TEMPERATURE))
        .show(query("Fever", limit(&of("body_temperature_c"), "fever")).limit(LIMIT).unlisted())
        .show(query("High fever", limit(&of("body_temperature_c"), "high_fever")).limit(OUTER_LIMIT).unlisted())
}

fn oxygen() -> Panel {
    lines("Oxygen saturation (SpO₂)")
        .about(
            "The last reading of each day. The dashed lines are the person's limits, up to which it is low and very low.",
            WATCH,
        )
        .unit(PERCENT)
        .by_day()
        .axis(90.0, 100.0)
        .show(query("SpO₂", of("spo2_pct").measured()).dots().colour(OF_OXYGEN))
        .show(query("Low", limit(&of("spo2_pct"), "low")).limit(LIMIT).unlisted())
        .show(query("Very low", limit(&of("spo2_pct"), "very_low")).limit(OUTER_LIMIT).unlisted())
}

fn night() -> Panel {
    temperatures("Core temperature at night")
        .about("Highest, average and lowest of each night.", WATCH)
        .axis(35.5, 38.0)
        .show(query("Highest", of("sleep_core_body_temperature_max_c").measured()).colour(HIGHEST))
        .show(query("Average", of("sleep_core_body_temperature_average_c").measured()).colour(MEAN))
        .show(query("Lowest", of("sleep_core_body_temperature_min_c").measured()).colour(LOWEST))
}

fn skin() -> Panel {
    temperatures("Other temperatures")
        .about(
            "The last temperature of the skin on each day, and the last that Withings does not say the place of.",
            THERMOMETER,
        )
        .axis(30.0, 38.0)
        .show(query("Skin", of("skin_temperature_c").measured()).colour(SKIN))
        .show(query("Unknown place", of("temperature_c").measured()).colour(TEMPERATURE))
}

fn temperatures(title: &'static str) -> Panel {
    lines(title).unit(Quantity::Temperature).by_day()
}
