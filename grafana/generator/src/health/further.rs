//! What few devices measure, for one person.

use super::needs::{GLUCOSE_METER, URINE_ANALYSER};
use crate::colours::GLUCOSE;
use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::of;
use crate::panel::{Panel, lines, table, tiles};
use crate::quantity::Quantity;
use crate::target::query;

pub(super) fn row() -> Row {
    Row::collapsed(
        "Further measurements · $profile",
        vec![glucose().at(0, 0, 12, 8), unlisted().at(12, 0, 12, 8), urine().at(0, 8, 24, 5)],
    )
}

fn glucose() -> Panel {
    lines("Blood glucose")
        .about("The last reading of each day.", GLUCOSE_METER)
        .unit(Quantity::Rounded("suffix:mg/dL", 0))
        .by_day()
        .axis(60.0, 180.0)
        .show(query("Glucose", of("glucose_mg_per_dl").measured()).colour(GLUCOSE))
}

fn urine() -> Panel {
    let concentrations = [
        ("Nitrites", "urine_nitrites_umol_per_l", "suffix:µmol/L", 1),
        ("Ketones", "urine_ketones_mmol_per_l", "suffix:mmol/L", 2),
        ("Vitamin C", "urine_vitamin_c_mmol_per_l", "suffix:mmol/L", 1),
        ("Calcium", "urine_calcium_mmol_per_l", "suffix:mmol/L", 1),
        ("Creatinine", "urine_creatinine_mmol_per_l", "suffix:mmol/L", 1),
        ("Calcium to creatinine", "urine_calcium_creatinine_ratio", "none", 2),
        ("pH", "urine_ph", "none", 1),
    ];
    let panel = tiles("Urine")
        .about("The last analysis.", URINE_ANALYSER)
        .small()
        .show(query("Specific gravity", of("urine_specific_gravity").last()).decimals(3));
    concentrations.into_iter().fold(panel, |panel, (name, key, unit, decimals)| {
        panel.show(query(name, of(key).last()).unit(Quantity::Rounded(unit, decimals)))
    })
}

fn unlisted() -> Panel {
    table("Measures of unknown types")
        .about(
            "The last values of measure types that this version of the exporter does not know, by Withings' numbers.",
            "There are none",
        )
        .unit(Quantity::Plain("none"))
        .show(query("", format!("max by (meastype, position) ({})", of("unlisted_measure").last())))
        .or_row("meastype", "none")
        .columns([
            Column::label("meastype", "Type"),
            Column::label("position", "Position").in_plain_words(),
            Column::value('A', "Value", Quantity::Plain("none")),
        ])
}
