//! Temperature and oxygen.

use crate::dashboard::Row;
use crate::expression::of;
use crate::limits::{FEVER_LINES, OXYGEN};
use crate::panel::{Panel, lines};
use crate::quantity::{PERCENT, Quantity};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::open(
        "Temperature and oxygen",
        vec![body().at(0, 0, 12, 8), oxygen().at(12, 0, 12, 8), night().at(0, 8, 12, 8), skin().at(12, 8, 12, 8)],
    )
}

fn body() -> Panel {
    temperatures("Body temperature")
        .about("The last reading of a thermometer on each day.", "no thermometer was used in this time.")
        .behind(&FEVER_LINES, "dashed")
        .axis(35.5, 38.5)
        .show(query("{{profile}}", of("body_temperature_c").measured()))
}

fn oxygen() -> Panel {
    lines("Oxygen saturation (SpO₂)")
        .about("The last reading of each day.", "no watch has measured it in this time.")
        .unit(PERCENT)
        .by_day()
        .behind(&OXYGEN, "area")
        .axis(86.0, 100.0)
        .show(query("{{profile}}", of("spo2_pct").measured()).lone_dots())
}

fn night() -> Panel {
    temperatures("Core temperature at night")
        .about("Highest, average and lowest of each night.", "no watch or mat has measured it in this time.")
        .show(query("{{profile}}, highest", of("sleep_core_body_temperature_max_c").measured()))
        .show(query("{{profile}}, average", of("sleep_core_body_temperature_average_c").measured()))
        .show(query("{{profile}}, lowest", of("sleep_core_body_temperature_min_c").measured()))
}

fn skin() -> Panel {
    temperatures("Other temperatures")
        .about(
            "The last temperature of the skin on each day, and the last that Withings does not say the place of.",
            "neither was measured in this time.",
        )
        .show(query("{{profile}}, skin", of("skin_temperature_c").measured()))
        .show(query("{{profile}}, somewhere", of("temperature_c").measured()))
}

fn temperatures(title: &'static str) -> Panel {
    lines(title).unit(Quantity::Temperature).by_day()
}
