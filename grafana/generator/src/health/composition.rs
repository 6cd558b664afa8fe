//! What the body of one person is made of.

use super::needs::{BODY_SCALE, BODY_SCAN};
use crate::colours::{BONE, FAT, MUSCLE, OUTER_WATER, VESSELS, WATER};
use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::{of, short_position};
use crate::panel::{Panel, lines, stacked, table, tiles};
use crate::quantity::{COUNT, KCAL, Quantity};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::collapsed(
        "Body composition · $profile",
        vec![
            composition().at(0, 0, 12, 8),
            water().at(12, 0, 6, 8),
            ages().at(18, 0, 6, 8),
            body().at(0, 8, 12, 5),
            feet().at(0, 13, 12, 5),
            parts().at(12, 8, 12, 10),
        ],
    )
}

fn composition() -> Panel {
    stacked("Body composition")
        .about("What the body is made of, on each day with a weigh-in.", BODY_SCALE)
        .unit(Quantity::Mass)
        .by_day()
        .show(query("Muscle", of("muscle_mass_kg").measured()).colour(MUSCLE))
        .show(query("Fat", of("fat_mass_kg").measured()).colour(FAT))
        .show(query("Bone", of("bone_mass_kg").measured()).colour(BONE))
        .show(query("Weight goal", of("muscle_mass_kg").beside(&of("goal_weight_kg").constant())).goal())
}

fn water() -> Panel {
    lines("Body water")
        .about("All the water of the body, and what of it is outside of the cells.", BODY_SCALE)
        .unit(Quantity::Mass)
        .by_day()
        .axis(10.0, 40.0)
        .show(query("All", of("hydration").measured()).colour(WATER))
        .show(query("Outside of cells", of("extracellular_water_kg").measured()).colour(OUTER_WATER))
}

fn ages() -> Panel {
    lines("Vascular and metabolic age")
        .about("The ages that the vessels and the metabolism look like, by Withings' own formula.", BODY_SCAN)
        .unit(Quantity::Rounded("suffix:years", 0))
        .by_day()
        .axis(20.0, 60.0)
        .show(query("Vessels", of("vascular_age_years").measured()).colour(VESSELS))
        .show(query("Metabolism", of("metabolic_age_years").measured()).colour(FAT))
}

fn body() -> Panel {
    tiles("More of the body")
        .about("The last value of each; the index of visceral fat is Withings' own.", BODY_SCALE)
        .small()
        .show(query("Fat-free mass", of("fat_free_mass_kg").last()).unit(Quantity::Mass))
        .show(query("Water in cells", of("intracellular_water_kg").last()).unit(Quantity::Mass))
        .show(query("Visceral fat", of("visceral_fat_index").last()).unit(COUNT).decimals(1))
        .show(query("Energy at rest", of("basal_metabolic_rate_kcal").last()).unit(KCAL))
        .show(query("VO₂ max, ml/min/kg", of("vo2_max_ml_per_min_kg").last()).unit(COUNT).decimals(1))
}

fn feet() -> Panel {
    let last = |key: &str| short_position(&of(key).last());
    tiles("Nerves and sweat glands")
        .about(
            "The scores of a scale for nerve health and electrodermal activity of each foot or of both, 0 to 100, and the \
             conductance of the skin.",
            BODY_SCAN,
        )
        .small()
        .show(query("Nerves, {{position}}", last("nerve_health_score")).unit(COUNT))
        .show(query("Activity, {{position}}", last("electrodermal_activity_score")).unit(COUNT))
        .show(
            query("Skin, {{position}}", last("electrochemical_skin_conductance_microsiemens"))
                .unit(Quantity::Rounded("suffix:µS", 0)),
        )
}

fn parts() -> Panel {
    let values = [
        ("Fat-free mass", "fat_free_mass_segment_kg"),
        ("Fat", "fat_mass_segment_kg"),
        ("Muscle", "muscle_mass_segment_kg"),
    ];
    let panel = table("Parts of the body")
        .about("What each part weighs, by the last full scan.", BODY_SCAN)
        .unit(Quantity::Mass)
        .columns([Column::label("position", "Part").in_plain_words()]);
    let panel = ('A'..).zip(values).fold(panel, |panel, (letter, (title, key))| {
        let newest = format!("max by (position) ({})", of(key).last());
        panel.show(query("", newest)).columns([Column::value(letter, title, Quantity::Mass)])
    });
    panel.or_row("position", "needs a Body Scan")
}
