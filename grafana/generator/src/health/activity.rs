//! Days and workouts of one person.

use serde_json::json;

use crate::colours::{AIM, EFFORT, HIGHEST, LOWEST, MEAN};
use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::of;
use crate::panel::{Panel, bars, lines, stacked, table, tiles};
use crate::quantity::{KCAL, PER_MINUTE, PERCENT, Quantity, SECONDS};
use crate::target::query;

/// The zones of the heart rate: a title, and the value of the label.
const ZONES: [(&str, &str); 4] =
    [("Light", "light"), ("Moderate", "moderate"), ("Intense", "intense"), ("Maximal", "maximal")];

const NO_DAY: &str = "no tracker or phone has counted in this time.";

pub(super) fn row() -> Row {
    Row::open(
        "Activity and goals · $profile",
        vec![
            steps().at(0, 0, 16, 8),
            present_day().at(16, 0, 8, 8),
            effort().at(0, 8, 8, 7),
            energy().at(8, 8, 8, 7),
            distance().at(16, 8, 8, 7),
            heart_rate().at(0, 15, 12, 7),
            zones().at(12, 15, 12, 7),
            workouts().at(0, 22, 24, 8),
            heart_of_workouts().at(0, 30, 24, 7),
        ],
    )
}

fn steps() -> Panel {
    bars("Steps")
        .about("The steps of each day; the dashed line is the goal for them.", NO_DAY)
        .unit(Quantity::Plain("locale"))
        .by_day()
        .show(query("Steps", of("activity_steps").highest_of_day()).colour(LOWEST))
        .show(query("Goal", of("goal_steps").constant()).goal().colour(AIM))
}

fn present_day() -> Panel {
    tiles("The present day")
        .about(
            "What was counted since midnight where the person is, up to the last contact of the tracker.",
            "nothing was counted on this day yet.",
        )
        .show(query("Steps", of("activity_steps").now()).unit(Quantity::Plain("locale")))
        .show(query("Distance", of("activity_distance_meters").now()).unit(Quantity::Distance).decimals(1))
        .show(query("Climbed", of("activity_elevation_meters").now()).unit(Quantity::Height).decimals(0))
        .show(query("Active", of("activity_active_duration_seconds").now()).unit(SECONDS))
        .show(query("Of activity", of("activity_active_energy_kcal").now()).unit(KCAL).decimals(0))
        .show(query("In all", of("activity_total_energy_kcal").now()).unit(KCAL).decimals(0))
}

fn effort() -> Panel {
    let durations = [
        ("Soft", "activity_soft_duration_seconds"),
        ("Moderate", "activity_moderate_duration_seconds"),
        ("Intense", "activity_intense_duration_seconds"),
    ];
    let panel =
        stacked("Active time").about("How long somebody moved on each day.", NO_DAY).unit(Quantity::Hours).by_day();
    durations
        .into_iter()
        .zip(EFFORT)
        .fold(panel, |panel, ((name, key), colour)| panel.show(query(name, of(key).highest_of_day()).colour(colour)))
}

fn energy() -> Panel {
    bars("Energy")
        .about("The energy of each day: that of the activity, and that of the body at rest with it.", NO_DAY)
        .unit(KCAL)
        .by_day()
        .show(query("Of activity", of("activity_active_energy_kcal").highest_of_day()).colour(EFFORT[2]))
        .show(query("In all", of("activity_total_energy_kcal").highest_of_day()).colour(LOWEST))
}

fn distance() -> Panel {
    bars("Distance")
        .about("How far somebody went on each day.", NO_DAY)
        .unit(Quantity::Distance)
        .by_day()
        .show(query("Distance", of("activity_distance_meters").highest_of_day()).colour(LOWEST))
}

fn heart_rate() -> Panel {
    lines("Heart rate of the day")
        .about("Highest, average and lowest that a watch has measured on each day.", NO_DAY)
        .unit(PER_MINUTE)
        .by_day()
        .show(query("Highest", of("activity_heart_rate_max_bpm").measured()).colour(HIGHEST))
        .show(query("Average", of("activity_heart_rate_average_bpm").measured()).colour(MEAN))
        .show(query("Lowest", of("activity_heart_rate_min_bpm").measured()).colour(LOWEST))
}

fn zones() -> Panel {
    let panel = stacked("Zones of the heart rate")
        .about("How long the heart rate was in each zone on each day.", NO_DAY)
        .unit(Quantity::Hours)
        .by_day();
    ZONES.into_iter().zip(EFFORT).fold(panel, |panel, ((name, zone), colour)| {
        let series = of("activity_heart_rate_zone_duration_seconds").with(&format!("zone=\"{zone}\""));
        panel.show(query(name, series.highest_of_day()).colour(colour))
    })
}

fn workouts() -> Panel {
    let start = of("workout_start_timestamp_seconds").last();
    let duration = format!("{} - {start}", of("workout_end_timestamp_seconds").last());
    let last = |what: &str| of(&format!("workout_{what}")).last();
    let panel = table("Workouts")
        .about("The newest workout of each kind.", "there was none; what no sensor has measured is left out.")
        .options(json!({"sortBy": [{"desc": true, "displayName": "Begin"}]}));
    by_category(
        panel,
        [
            ("Begin", Quantity::Time, start),
            ("Duration", SECONDS, duration),
            ("Energy", KCAL, last("active_energy_kcal")),
            ("Distance", Quantity::Distance, last("distance_meters")),
            ("Climbed", Quantity::Height, last("elevation_meters")),
            ("Steps", Quantity::Plain("locale"), last("steps")),
            ("Pauses", SECONDS, last("pause_duration_seconds")),
        ],
    )
}

fn heart_of_workouts() -> Panel {
    let last = |what: &str| of(&format!("workout_{what}")).last();
    let rates = [
        ("Average", PER_MINUTE, last("heart_rate_average_bpm")),
        ("Lowest", PER_MINUTE, last("heart_rate_min_bpm")),
        ("Highest", PER_MINUTE, last("heart_rate_max_bpm")),
        ("Oxygen", PERCENT, last("spo2_average_pct")),
    ];
    let zones = ZONES.map(|(title, zone)| {
        let series = of("workout_heart_rate_zone_duration_seconds").with(&format!("zone=\"{zone}\""));
        (title, SECONDS, series.last())
    });
    let panel = table("Heart in the workouts").about(
        "Heart rate, blood oxygen and the time in each zone of the heart rate in the newest workout of each kind.",
        "no watch has measured it.",
    );
    by_category(panel, rates.into_iter().chain(zones))
}

/// The table with a line for each category of workouts, and these columns: title, quantity, expression.
fn by_category(panel: Panel, columns: impl IntoIterator<Item = (&'static str, Quantity, String)>) -> Panel {
    let panel = panel.columns([Column::label("category", "Workout")]);
    ('A'..).zip(columns).fold(panel, |panel, (letter, (title, quantity, expression))| {
        panel
            .show(query("", format!("max by (category) ({expression})")).unit(quantity))
            .columns([Column::value(letter, title, quantity)])
    })
}
