//! The last night of one person.

use serde_json::{Value, json};

use super::needs::NIGHT;
use crate::colours::{IN_BED, STAGES};
use crate::columns::in_time;
use crate::expression::of;
use crate::limits::STAGE;
use crate::panel::{Panel, lines, tiles};
use crate::pieces::mappings;
use crate::quantity::{COUNT, DURATION, Quantity};
use crate::target::query;

/// Each stage as its number; what ends the night is to be awake.
const LEVELS: [(&str, u8); 6] = [("unknown", 0), ("deep", 1), ("light", 2), ("rem", 3), ("awake", 4), ("none", 4)];

/// The stages of the night in its course, as stairs.
///
/// Each stage is one series with its begin as the value, which is then taken for the time.
pub(super) fn stages() -> Panel {
    let begins = of("sleep_segment_start_timestamp_seconds").now();
    let of_last_day = format!("{begins} > time() - 86400");
    let numbered = LEVELS.iter().fold(of_last_day, |stages, (stage, level)| {
        format!("label_replace({stages}, \"level\", \"{level}\", \"stage\", \"{stage}\")")
    });
    let stairs = lines("The last night")
        .about(
            "The stages of the last night, as far as it lies in the last 24 hours.",
            "No night in the last 24 hours; it takes a sleep mat or a watch",
        )
        .limits(&STAGE)
        .defaults(json!({
            "color": {"mode": "thresholds"},
            "mappings": mappings(STAGES),
            "max": 4,
            "min": 0,
        }))
        .custom(json!({
            "gradientMode": "scheme",
            "lineInterpolation": "stepAfter",
            "lineWidth": 3,
            "showPoints": "never",
        }))
        .options(json!({"legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false}}))
        .show(query("", format!("1000 * max by (segment, level) ({numbered})")))
        .more(json!({"timeFrom": "24h"}));
    stairs.transformed_rows(&Value::Array([vec![only_begin_and_level()], in_time_of_levels()].concat()))
}

fn only_begin_and_level() -> Value {
    json!({"id": "organize", "options": {
        "excludeByName": {"Time": true, "segment": true},
        "indexByName": {},
        "renameByName": {"Value": "Begin", "level": "Stage"},
    }})
}

fn in_time_of_levels() -> Vec<Value> {
    let number = json!({"conversions": [{"destinationType": "number", "targetField": "Stage"}], "fields": {}});
    let numbered = json!({"id": "convertFieldType", "options": number});
    [vec![numbered], in_time("Begin", &["time"])].concat()
}

/// What else there is to say about it.
pub(super) fn details() -> Panel {
    tiles("More of the last night")
        .about(
            "Movement is Withings' average from 0 to 255; other sleep is that on the day of the night and since; who is \
             in bed now is known with webhooks alone.",
            NIGHT,
        )
        .small()
        .show(query("To bed", of("sleep_start_timestamp_seconds").last()).unit(Quantity::Clock))
        .show(query("Up", of("sleep_end_timestamp_seconds").last()).unit(Quantity::Clock))
        .show(query("In bed", of("sleep_in_bed_duration_seconds").last()).unit(DURATION))
        .show(query("Sleep efficiency", of("sleep_efficiency_ratio").last()).unit(Quantity::Share))
        .show(query("REM episodes", of("sleep_rem_episodes").last()).unit(COUNT))
        .show(query("Movement", of("sleep_movement_score").last()).unit(COUNT))
        .show(query("Moving", of("sleep_movement_duration_seconds").last()).unit(Quantity::Minutes))
        .show(query("Breathing sounds", of("sleep_breathing_sounds_duration_seconds").last()).unit(Quantity::Minutes))
        .show(query("Breathing index", of("sleep_breathing_disturbances_index").last()).unit(COUNT))
        .show(query("Other sleep", of("sleep_nap_duration_seconds").now()).unit(Quantity::Minutes))
        .show(query("In bed now", of("in_bed").now()).words(IN_BED))
}

/// Whether somebody sleeps, as far as it is known: everybody with a login has a state, but only nights make it one.
pub(super) fn state() -> Panel {
    let sleeper = of("sleep_end_timestamp_seconds").last();
    let state = format!("{} == 1 and on (job, instance, profile) {sleeper}", of("sleep_state").now());
    tiles("Last known state")
        .about("The state that the sleep device has reported last: it uploads hours late.", NIGHT)
        // A tile of names does not say what it means when it is empty.
        .show(query(NIGHT, format!("vector(1) unless on () ({state})")))
        .show(query("{{withings_sleep_state}}", state))
        .names_alone()
}
