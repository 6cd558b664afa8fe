//! The weight of one person, and what goes with it.

use super::needs::{BODY_SCALE, SCALE};
use crate::colours::{BODY_MASS_INDEX, FAT, WEIGHT};
use crate::dashboard::Row;
use crate::expression::{body_mass_index, of};
use crate::limits;
use crate::panel::{Panel, lines, tiles};
use crate::quantity::{Quantity, SHARE_OF_BODY};
use crate::target::{gained_or_lost, query};

pub(super) fn row() -> Row {
    Row::open(
        "Weight · $profile",
        vec![weight().at(0, 0, 12, 8), fat().at(12, 0, 6, 8), mass_index().at(18, 0, 6, 8), change().at(0, 8, 24, 3)],
    )
}

fn weight() -> Panel {
    lines("Weight")
        .about("A dot is the last weigh-in of a day, the line the average of the 7 days until then.", SCALE)
        .unit(Quantity::Mass)
        .by_day()
        .show(query("Weigh-in", of("weight_kg").measured()).dots_beside(WEIGHT))
        .show(query("Average", of("weight_kg").average_of_week()).average().colour(WEIGHT))
        .show(query("Goal", of("weight_kg").beside(&of("goal_weight_kg").constant())).goal())
}

fn fat() -> Panel {
    lines("Fat")
        .about(
            "Fat as a share of the weight: a dot is a day, the line the average of the 7 days until then.",
            BODY_SCALE,
        )
        .unit(SHARE_OF_BODY)
        .by_day()
        .axis(20.0, 30.0)
        .show(query("Weigh-in", of("fat_ratio_pct").measured()).dots_beside(FAT))
        .show(query("Average", of("fat_ratio_pct").average_of_week()).average().colour(FAT))
}

fn mass_index() -> Panel {
    lines("Body mass index")
        .about(
            "Weight in kg by the square of the height in m, on each day with a weigh-in. Few measure their height more \
             than once: the last known one counts for all days.",
            "No weigh-in in this time, or no height; it takes a scale, and the height in Withings' application",
        )
        .by_day()
        .areas_at(&limits::BODY_MASS_INDEX)
        .axis(18.0, 31.0)
        .show(
            query("BMI", body_mass_index(&of("weight_kg").measured(), &of("height_m").constant()))
                .dots()
                .colour(BODY_MASS_INDEX)
                .decimals(1),
        )
}

fn change() -> Panel {
    let changes = [
        (["Gained in 7 days", "Lost in 7 days"], of("weight_kg").change(7)),
        (["Gained in 30 days", "Lost in 30 days"], of("weight_kg").change(30)),
        (["Gained in a year", "Lost in a year"], of("weight_kg").change(365)),
        (["Above the goal", "Below the goal"], of("weight_kg").above(&of("goal_weight_kg"))),
    ];
    let panel = tiles("Change of the weight")
        .about(
            "The average weight of the last 7 days against that of 7, of 30 and of 365 days before, and against the goal.",
            "No weigh-in in the last week; it takes a scale",
        )
        .unit(Quantity::Mass);
    changes.into_iter().flat_map(|(names, change)| gained_or_lost(names, &change)).fold(panel, Panel::show)
}
