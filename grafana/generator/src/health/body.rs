//! Weight and what the body is made of.

use serde_json::json;

use crate::colours::{AIM, BONE, FAT, MUSCLE};
use crate::dashboard::Row;
use crate::expression::{body_mass_index, of};
use crate::limits::BODY_MASS_INDEX;
use crate::panel::{Panel, lines, stacked, tiles};
use crate::quantity::{PERCENT, Quantity};
use crate::target::query;

const NO_SCALE: &str = "nobody has stood on a scale that measures it in this time.";

pub(super) fn row() -> Row {
    Row::open(
        "Weight and body composition",
        vec![
            weight().at(0, 0, 16, 10),
            mass_index().at(16, 0, 8, 10),
            fat().at(0, 10, 16, 8),
            change().at(16, 10, 8, 8),
            composition().at(0, 18, 24, 8),
            water().at(0, 26, 12, 8),
            ages().at(12, 26, 12, 8),
        ],
    )
}

fn weight() -> Panel {
    lines("Weight")
        .about(
            "A dot is the last weigh-in of a day, the line the average of the 7 days until then, the dashed line the \
             goal. The tooltip has them in this order.",
            NO_SCALE,
        )
        .unit(Quantity::Mass)
        .by_day()
        .coloured_by_name()
        .show(query("{{profile}}", of("weight_kg").measured()).dots())
        .show(query("{{profile}}", of("weight_kg").average_of_week()).average())
        .show(query("{{profile}}, goal", of("goal_weight_kg").constant()).goal())
}

fn mass_index() -> Panel {
    lines("Body mass index")
        .about(
            "Weight in kg by the square of the height in m, on each day with a weigh-in. Few measure their height more \
             than once: the last known one counts for all days.",
            NO_SCALE,
        )
        .by_day()
        .behind(&BODY_MASS_INDEX, "area")
        .axis(18.0, 31.0)
        .show(
            query("{{profile}}", body_mass_index(&of("weight_kg").measured(), &of("height_m").constant()))
                .lone_dots()
                .decimals(1),
        )
}

fn fat() -> Panel {
    lines("Fat")
        .about(
            "Fat as a share of the weight: a dot is a day, the line the average of the 7 days until then. The tooltip \
             has them in this order.",
            NO_SCALE,
        )
        .unit(PERCENT)
        .by_day()
        .coloured_by_name()
        .show(query("{{profile}}", of("fat_ratio_pct").measured()).dots())
        .show(query("{{profile}}", of("fat_ratio_pct").average_of_week()).average())
}

fn change() -> Panel {
    tiles("Change of the weight")
        .about(
            "The average weight of the last 7 days against that of 7 and of 30 days before, and against the goal.",
            "there is no weight of that time, or no goal.",
        )
        .unit(Quantity::Mass)
        .show(query("{{profile}}, 7 days", of("weight_kg").change(7)).decimals(1))
        .show(query("{{profile}}, 30 days", of("weight_kg").change(30)).decimals(1))
        .show(query("{{profile}}, above the goal", of("weight_kg").above(&of("goal_weight_kg"))).decimals(1))
}

fn composition() -> Panel {
    stacked("Body composition · $profile")
        .about("What the body is made of, on each day with a weigh-in.", NO_SCALE)
        .unit(Quantity::Mass)
        .by_day()
        .more(json!({"maxPerRow": 2, "repeat": "profile", "repeatDirection": "h"}))
        .show(query("Muscle", of("muscle_mass_kg").measured()).colour(MUSCLE))
        .show(query("Fat", of("fat_mass_kg").measured()).colour(FAT))
        .show(query("Bone", of("bone_mass_kg").measured()).colour(BONE))
        .show(query("Weight goal", of("goal_weight_kg").constant()).goal().colour(AIM))
}

fn water() -> Panel {
    lines("Body water")
        .about("All the water of the body, and what of it is outside of the cells.", NO_SCALE)
        .unit(Quantity::Mass)
        .by_day()
        .show(query("{{profile}}", of("hydration").measured()))
        .show(query("{{profile}}, outside of cells", of("extracellular_water_kg").measured()))
}

fn ages() -> Panel {
    lines("Vascular and metabolic age")
        .about("The ages that the vessels and the metabolism look like, by Withings' own formula.", NO_SCALE)
        .unit(Quantity::Plain("suffix:years"))
        .by_day()
        .show(query("{{profile}}, vessels", of("vascular_age_years").measured()))
        .show(query("{{profile}}, metabolism", of("metabolic_age_years").measured()))
}
