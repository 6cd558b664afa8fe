//! What few devices measure, for one person.

use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::of;
use crate::panel::{Panel, lines, table, tiles};
use crate::quantity::{COUNT, KCAL, Quantity};
use crate::target::query;

const NOT_MEASURED: &str = "no device of the person measures it.";

pub(super) fn row() -> Row {
    Row::collapsed(
        "Further measurements · $profile",
        vec![
            body().at(0, 0, 12, 6),
            feet().at(12, 0, 12, 6),
            parts().at(0, 6, 12, 8),
            glucose().at(12, 6, 12, 8),
            urine().at(0, 14, 24, 5),
            unlisted().at(0, 19, 24, 5),
        ],
    )
}

fn body() -> Panel {
    tiles("More of the body")
        .about("The last value of each; the index of visceral fat is Withings' own.", NOT_MEASURED)
        .show(query("Without fat", of("fat_free_mass_kg").last()).unit(Quantity::Mass).decimals(1))
        .show(query("Water in cells", of("intracellular_water_kg").last()).unit(Quantity::Mass).decimals(1))
        .show(query("Visceral fat", of("visceral_fat_index").last()).unit(COUNT).decimals(1))
        .show(query("Energy at rest", of("basal_metabolic_rate_kcal").last()).unit(KCAL).decimals(0))
        .show(
            query("VO₂ max", of("vo2_max_ml_per_min_kg").last()).unit(Quantity::Plain("suffix:ml/min/kg")).decimals(1),
        )
}

fn feet() -> Panel {
    tiles("Nerves and sweat glands")
        .about(
            "The scores of a scale for nerve health and electrodermal activity, 0 to 100, and the conductance of the \
             skin.",
            NOT_MEASURED,
        )
        .show(query("Nerves, {{position}}", of("nerve_health_score").last()).decimals(0))
        .show(query("Activity, {{position}}", of("electrodermal_activity_score").last()).decimals(0))
        .show(
            query("Conductance, {{position}}", of("electrochemical_skin_conductance_microsiemens").last())
                .unit(Quantity::Plain("suffix:µS"))
                .decimals(0),
        )
}

fn parts() -> Panel {
    let values = [
        ("Without fat", "fat_free_mass_segment_kg"),
        ("Fat", "fat_mass_segment_kg"),
        ("Muscle", "muscle_mass_segment_kg"),
    ];
    let panel = table("Parts of the body")
        .about("What each part weighs, by the last full scan.", NOT_MEASURED)
        .unit(Quantity::Mass)
        .columns([Column::label("position", "Part")]);
    ('A'..).zip(values).fold(panel, |panel, (letter, (title, key))| {
        let newest = format!("max by (position) ({})", of(key).last());
        panel.show(query("", newest)).columns([Column::value(letter, title, Quantity::Mass)])
    })
}

fn glucose() -> Panel {
    lines("Blood glucose")
        .about("The last reading of each day.", NOT_MEASURED)
        .unit(Quantity::Plain("suffix:mg/dL"))
        .by_day()
        .show(query("{{profile}}", of("glucose_mg_per_dl").measured()))
}

fn urine() -> Panel {
    let concentrations = [
        ("Nitrites", "urine_nitrites_umol_per_l", "suffix:µmol/L"),
        ("Ketones", "urine_ketones_mmol_per_l", "suffix:mmol/L"),
        ("Vitamin C", "urine_vitamin_c_mmol_per_l", "suffix:mmol/L"),
        ("Calcium", "urine_calcium_mmol_per_l", "suffix:mmol/L"),
        ("Creatinine", "urine_creatinine_mmol_per_l", "suffix:mmol/L"),
        ("Calcium/creatinine", "urine_calcium_creatinine_ratio", "none"),
        ("pH", "urine_ph", "none"),
    ];
    let panel = tiles("Urine")
        .about("The last analysis.", NOT_MEASURED)
        .show(query("Specific gravity", of("urine_specific_gravity").last()).decimals(3));
    concentrations
        .into_iter()
        .fold(panel, |panel, (name, key, unit)| panel.show(query(name, of(key).last()).unit(Quantity::Plain(unit))))
}

fn unlisted() -> Panel {
    table("Measures of unknown types")
        .about(
            "The last values of measure types that this version of the exporter does not know, by Withings' numbers.",
            "there are none.",
        )
        .show(query("", format!("max by (meastype, position) ({})", of("unlisted_measure").last())))
        .columns([
            Column::label("meastype", "Type"),
            Column::label("position", "Position"),
            Column::value('A', "Value", COUNT),
        ])
}
