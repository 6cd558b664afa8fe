//! Days and workouts of one person.

use serde_json::json;

use super::needs::{TRACKER, WATCH};
use crate::colours::{EFFORT, HIGHEST, LOWEST, MEAN};
use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::of;
use crate::panel::{Panel, lines, stacked, table, tiles};
use crate::quantity::{KCAL, PER_MINUTE, PERCENT, Quantity, STEPS};
use crate::target::query;

/// The zones of the heart rate: a title, and the value of the label.
const ZONES: [(&str, &str); 4] =
    [("Light", "light"), ("Moderate", "moderate"), ("Intense", "intense"), ("Maximal", "maximal")];

pub(super) fn row() -> Row {
    Row::collapsed(
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
    stacked("Steps")
        .about("The steps of each day; the dashed line is the goal for them.", TRACKER)
        .unit(STEPS)
        .by_own_day()
        .show(query("Steps", of("activity_steps").of_days()).colour(LOWEST))
        .show(query("Goal", of("goal_steps").on_days()).goal())
}

fn present_day() -> Panel {
    tiles("Today")
        .options(json!({"text": {"titleSize": 13, "valueSize": 17}}))
        .about(
            "What was counted since midnight where the person is, up to the last contact of the tracker.",
            "Nothing was counted on this day yet; it takes a watch, or the phone's steps",
        )
        .show(query("Steps", of("activity_steps").now()).unit(STEPS))
        .show(query("Distance", of("activity_distance_meters").now()).unit(Quantity::Distance))
        .show(query("Climbed", of("activity_elevation_meters").now()).unit(Quantity::Height))
        .show(query("Active", of("activity_active_duration_seconds").now()).unit(Quantity::Minutes))
        .show(query("Active energy", of("activity_active_energy_kcal").now()).unit(KCAL))
        .show(query("Total energy", of("activity_total_energy_kcal").now()).unit(KCAL))
}

fn effort() -> Panel {
    let durations = [
        ("Soft", "activity_soft_duration_seconds"),
        ("Moderate", "activity_moderate_duration_seconds"),
        ("Intense", "activity_intense_duration_seconds"),
    ];
    let panel = stacked("Active time")
        .about("How long somebody moved on each day.", TRACKER)
        .unit(Quantity::Hours)
        .by_own_day();
    durations
        .into_iter()
        .zip(EFFORT)
        .fold(panel, |panel, ((name, key), colour)| panel.show(query(name, of(key).of_days()).colour(colour)))
}

fn energy() -> Panel {
    let [active, total] = ["active", "total"].map(|kind| of(&format!("activity_{kind}_energy_kcal")).of_days());
    stacked("Energy")
        .about(
            "The active energy of each day, and above it that of the body at rest: the whole is the total energy.",
            TRACKER,
        )
        .unit(KCAL)
        .by_own_day()
        .show(query("Active energy", active.clone()).colour(EFFORT[2]))
        .show(query("At rest", format!("{total} - {active}")).colour(LOWEST))
}

fn distance() -> Panel {
    stacked("Distance")
        .about("How far somebody went on each day.", TRACKER)
        .unit(Quantity::Distance)
        .by_own_day()
        .show(query("Distance", of("activity_distance_meters").of_days()).colour(LOWEST))
}

fn heart_rate() -> Panel {
    lines("Heart rate of the day")
        .about("Highest, average and lowest that a watch has measured on each day.", WATCH)
        .unit(PER_MINUTE)
        .by_own_day()
        .axis(40.0, 160.0)
        .show(query("Highest", of("activity_heart_rate_max_bpm").of_days()).colour(HIGHEST))
        .show(query("Average", of("activity_heart_rate_average_bpm").of_days()).colour(MEAN))
        .show(query("Lowest", of("activity_heart_rate_min_bpm").of_days()).colour(LOWEST))
}

fn zones() -> Panel {
    let panel = stacked("Zones of the heart rate")
        .about("How long the heart rate was in each zone on each day.", WATCH)
        .unit(Quantity::Hours)
        .by_own_day();
    ZONES.into_iter().zip(EFFORT).fold(panel, |panel, ((name, zone), colour)| {
        let series = of("activity_heart_rate_zone_duration_seconds").with(&format!("zone=\"{zone}\""));
        panel.show(query(name, series.of_days()).colour(colour))
    })
}

fn workouts() -> Panel {
    let start = of("workout_start_timestamp_seconds").last();
    let duration = format!("{} - {start}", of("workout_end_timestamp_seconds").last());
    let last = |what: &str| of(&format!("workout_{what}")).last();
    let panel = table("Workouts")
        .about(
            "The newest workout of each kind.",
            "No workout in the last month; what no sensor has measured is left out",
        )
        .options(json!({"sortBy": [{"desc": true, "displayName": "Begin"}]}));
    let panel = by_category(
        panel,
        [
            ("Begin", Quantity::Time, start),
            ("Duration", Quantity::Minutes, duration),
            ("Energy", KCAL, last("active_energy_kcal")),
            ("Distance", Quantity::Distance, last("distance_meters")),
            ("Climbed", Quantity::Height, last("elevation_meters")),
            ("Steps", STEPS, last("steps")),
            ("Pauses", Quantity::Minutes, last("pause_duration_seconds")),
        ],
    );
    panel.or_row("category", "none yet")
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
        (title, Quantity::Minutes, series.last())
    });
    let panel = table("Heart in the workouts").about(
        "Heart rate, blood oxygen and the time in each zone of the heart rate in the newest workout of each kind.",
        WATCH,
    );
    by_category(panel, rates.into_iter().chain(zones)).or_row("category", "needs a watch")
}

/// The table with a line for each category of workouts, and these columns: title, quantity, expression.
fn by_category(panel: Panel, columns: impl IntoIterator<Item = (&'static str, Quantity, String)>) -> Panel {
    let panel = panel.columns([Column::label("category", "Workout").in_plain_words()]);
    ('A'..).zip(columns).fold(panel, |panel, (letter, (title, quantity, expression))| {
        let column = Column::value(letter, title, quantity);
        panel
            .show(query("", format!("max by (category) ({expression})")).unit(quantity))
            .columns([if matches!(quantity, Quantity::Time) { column.wide(160) } else { column }])
    })
}
