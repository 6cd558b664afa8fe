//! Blood pressure and heart rate of one person.

use super::needs::{CUFF, PULSE};
use crate::colours::{DIASTOLIC, ELECTROCARDIOGRAM, LIMIT, MEAN, OUTER_LIMIT, PULSE as OF_PULSE, SYSTOLIC};
use crate::dashboard::Row;
use crate::expression::{blood_pressure_class, limit, limit_of_pressure, of};
use crate::guideline::GUIDELINES;
use crate::panel::{Panel, lines, timeline};
use crate::quantity::{MMHG, PER_MINUTE};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::open(
        "Blood pressure · $profile",
        vec![blood_pressure().at(0, 0, 14, 9), heart_rate().at(14, 0, 10, 9), classes().at(0, 9, 24, 4)],
    )
}

fn blood_pressure() -> Panel {
    let with_numbers = serde_json::json!({"legend": {
        "calcs": ["lastNotNull", "min", "max"], "displayMode": "table", "placement": "bottom", "showLegend": true,
    }});
    let [systolic, diastolic] = ["systolic", "diastolic"].map(|reading| of(&format!("{reading}_blood_pressure_mmhg")));
    lines("Blood pressure")
        .about(
            "The last reading of each day. The dashed lines are the person's limits, from which the alerts call the average \
             of a week high.",
            CUFF,
        )
        .unit(MMHG)
        .by_day()
        .axis(60.0, 140.0)
        .options(with_numbers)
        .show(query("Systolic", systolic.measured()).colour(SYSTOLIC))
        .show(query("Diastolic", diastolic.measured()).colour(DIASTOLIC))
        .show(query("High, systolic", limit_of_pressure(&systolic, "systolic", "high")).limit(LIMIT).unlisted())
        .show(query("High, diastolic", limit_of_pressure(&diastolic, "diastolic", "high")).limit(LIMIT).unlisted())
}

fn heart_rate() -> Panel {
    lines("Heart rate")
        .about(
            "The last pulse that a cuff or scale took on a day, that of an electrocardiogram, and the average of the \
             night that ended on it. The dashed lines are the person's limits for the pulse, beyond which alerts begin.",
            PULSE,
        )
        .unit(PER_MINUTE)
        .by_day()
        .axis(40.0, 100.0)
        .show(query("Pulse", of("heart_pulse_bpm").measured()).colour(OF_PULSE))
        .show(query("ECG", of("ecg_heart_rate_bpm").measured()).colour(ELECTROCARDIOGRAM))
        .show(query("Night", of("sleep_heart_rate_average_bpm").measured()).colour(MEAN))
        .show(query("High", limit(&of("heart_pulse_bpm"), "high")).limit(LIMIT).unlisted())
        .show(query("Low", limit(&of("heart_pulse_bpm"), "low")).limit(OUTER_LIMIT).unlisted())
}

fn classes() -> Panel {
    let panel = timeline("Class of the blood pressure")
        .about("The higher class of both values, from each reading to the next.", CUFF)
        .explained_by(&GUIDELINES[0].systolic)
        .every("6h");
    GUIDELINES
        .iter()
        .fold(panel, |panel, guideline| {
            panel.show(query("Class", blood_pressure_class(guideline)).words(guideline.classes))
        })
        .or_nothing(&of("systolic_blood_pressure_mmhg"))
}
