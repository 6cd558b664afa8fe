//! The last night of one person.

use serde_json::json;

use crate::colours::{IN_BED, STAGES};
use crate::expression::of;
use crate::panel::{Panel, tiles, timeline};
use crate::quantity::{COUNT, Quantity, SECONDS};
use crate::target::query;

/// The stages of the night in its course.
///
/// Each stage is one series with its begin as the value, which is then taken for the time.
pub(super) fn stages() -> Panel {
    let times = format!("1000 * max by (segment, stage) ({})", of("sleep_segment_start_timestamp_seconds").now());
    timeline("The last night", STAGES)
        .about(
            "The stages of the last night, if it began within the last 24 hours; an older one is outside of the range.",
            "no device has told the stages of a night.",
        )
        .show(query("", times))
        .more(json!({"timeFrom": "24h"}))
        .transformed_rows(&json!([
            {"id": "organize", "options": {
                "excludeByName": {"Time": true, "segment": true},
                "indexByName": {},
                "renameByName": {"Value": "start", "stage": "Stage"},
            }},
            {"id": "convertFieldType", "options": {
                "conversions": [{"destinationType": "time", "targetField": "start"}],
                "fields": {},
            }},
            {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "start"}]}},
        ]))
}

/// What else there is to say about it.
pub(super) fn details() -> Panel {
    tiles("More of the last night")
        .about(
            "Movement is Withings' average from 0 to 255; other sleep is that on the day of the night and since; who is \
             in bed now is known with webhooks alone.",
            "the device does not measure it, nobody has slept beside the night, or there are no webhooks.",
        )
        .show(query("To bed", of("sleep_start_timestamp_seconds").last()).unit(Quantity::Clock))
        .show(query("Up", of("sleep_end_timestamp_seconds").last()).unit(Quantity::Clock))
        .show(query("In bed", of("sleep_in_bed_duration_seconds").last()).unit(SECONDS))
        .show(query("Of it asleep", of("sleep_efficiency_ratio").last()).unit(Quantity::Share).decimals(0))
        .show(query("REM episodes", of("sleep_rem_episodes").last()).unit(COUNT))
        .show(query("Movement", of("sleep_movement_score").last()).unit(COUNT))
        .show(query("Moving", of("sleep_movement_duration_seconds").last()).unit(SECONDS))
        .show(query("Breathing sounds", of("sleep_breathing_sounds_duration_seconds").last()).unit(SECONDS))
        .show(query("Disturbances, index", of("sleep_breathing_disturbances_index").last()).unit(COUNT))
        .show(query("Other sleep", of("sleep_nap_duration_seconds").now()).unit(SECONDS))
        .show(query("In bed now", of("in_bed").now()).words(IN_BED))
}

/// Whether somebody sleeps, as far as it is known.
pub(super) fn state() -> Panel {
    let state = of("sleep_state").now();
    tiles("Last known state")
        .about("The state that the sleep device has reported last: it uploads hours late.", "there is no login.")
        .show(query("{{withings_sleep_state}}", format!("{state} == 1")))
        .names_alone()
}
