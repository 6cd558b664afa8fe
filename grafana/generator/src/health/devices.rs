//! What measures, and what brings it here.

use crate::colours::BATTERY;
use crate::columns::Column;
use crate::dashboard::Row;
use crate::expression::of;
use crate::limits::SILENT;
use crate::operator;
use crate::panel::{Panel, table};
use crate::quantity::AGE;
use crate::target::query;

pub(super) fn row() -> Row {
    Row::collapsed("Devices", vec![devices().at(0, 0, 24, 8)])
}

/// What is most important of the exporter's own dashboard.
pub(super) fn exporter() -> Row {
    Row::collapsed(
        "Exporter",
        vec![
            operator::logins().at(0, 0, 8, 5),
            operator::newest_refreshes().at(8, 0, 8, 5),
            operator::refreshes().at(16, 0, 8, 5),
        ],
    )
}

fn devices() -> Panel {
    let info = of("device_info").now();
    let battery = of("device_battery_state").now();
    let silent = of("device_last_seen_timestamp_seconds").elapsed();
    table("Devices")
        .about(
            "What Withings lists for each person. It tells how full a battery is in these words alone.",
            "Nobody owns a device, or the login lacks the permission",
        )
        .unit(AGE)
        .show(query("", format!("max by (profile, device, category, model) ({info})")))
        .show(query("", format!("max by (profile, device, withings_device_battery_state) ({battery} == 1)")))
        .show(query("", format!("max by (profile, device) ({silent})")))
        .or_row("profile", "none")
        .columns([
            Column::label("profile", "Person"),
            Column::label("category", "Kind"),
            Column::label("model", "Model"),
            Column::label("withings_device_battery_state", "Battery").words(BATTERY),
            Column::value('C', "Last contact", AGE).limits(&SILENT),
        ])
}
