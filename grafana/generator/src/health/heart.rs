//! Blood pressure, pulse, vessels, electrocardiograms.

use crate::colours::{BLOOD_PRESSURE_CLASSES, FIBRILLATION};
use crate::dashboard::Row;
use crate::expression::{blood_pressure_class, of, sum};
use crate::limits::{BLOOD_PRESSURE_LINES, PULSE_WAVE_LINE, SYSTOLIC};
use crate::panel::{Panel, lines, timeline};
use crate::quantity::{MMHG, PER_MINUTE, Quantity};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::open(
        "Blood pressure and heart",
        vec![
            blood_pressure().at(0, 0, 16, 10),
            heart_rate().at(16, 0, 8, 10),
            classes().at(0, 10, 16, 5),
            pulse_wave().at(16, 10, 8, 5),
            fibrillation().at(0, 15, 16, 5),
            intervals().at(16, 15, 8, 5),
        ],
    )
}

fn blood_pressure() -> Panel {
    let with_numbers = serde_json::json!({"legend": {
        "calcs": ["lastNotNull", "min", "max"], "displayMode": "table", "placement": "bottom", "showLegend": true,
    }});
    lines("Blood pressure")
        .about("The last reading of each day.", "no cuff was used in this time.")
        .unit(MMHG)
        .by_day()
        .behind(&BLOOD_PRESSURE_LINES, "dashed")
        .axis(60.0, 140.0)
        .options(with_numbers)
        .show(query("{{profile}}, systolic", of("systolic_blood_pressure_mmhg").measured()))
        .show(query("{{profile}}, diastolic", of("diastolic_blood_pressure_mmhg").measured()))
}

fn heart_rate() -> Panel {
    lines("Heart rate")
        .about(
            "The last pulse that a cuff or scale took on a day, that of an electrocardiogram, and the average of the \
             night that ended on it.",
            "none was measured in this time.",
        )
        .unit(PER_MINUTE)
        .by_day()
        .show(query("{{profile}}, pulse", of("heart_pulse_bpm").measured()))
        .show(query("{{profile}}, electrocardiogram", of("ecg_heart_rate_bpm").measured()))
        .show(query("{{profile}}, night", of("sleep_heart_rate_average_bpm").measured()))
}

fn classes() -> Panel {
    timeline("Class of the blood pressure", BLOOD_PRESSURE_CLASSES)
        .about("The higher class of both values, from each reading to the next.", "no cuff was used in this time.")
        .explained_by(&SYSTOLIC)
        .every("6h")
        .show(query("{{profile}}", blood_pressure_class()))
}

fn pulse_wave() -> Panel {
    lines("Pulse wave velocity")
        .about(
            "How fast the pulse runs through the large arteries: faster where they are stiffer.",
            "no scale measures it.",
        )
        .unit(Quantity::Plain("velocityms"))
        .by_day()
        .behind(&PULSE_WAVE_LINE, "dashed")
        .axis(5.0, 11.0)
        .show(query("{{profile}}", of("pulse_wave_velocity").measured()))
}

fn fibrillation() -> Panel {
    timeline("Atrial fibrillation and valves", FIBRILLATION)
        .about(
            "What electrocardiograms, pulse waves and stethoscopes have found, from each day with one to the next. A finding is \
             Withings' own and no diagnosis.",
            "none was taken in this time.",
        )
        .by_day()
        .show(query("{{profile}}, electrocardiogram", finding("ecg_classification")))
        .show(query("{{profile}}, pulse wave", finding("ppg_classification")))
        .show(query("{{profile}}, stethoscope", finding("stethoscope_classification")))
}

/// 2 for a finding, 1 for what is neither that nor its absence, else 0.
fn finding(key: &str) -> String {
    let state = |matcher: &str| of(key).with(&format!("withings_{key}{matcher}")).daily_state();
    sum([format!("2 * ({})", state(r#"=~"positive.*""#)), state(r#"!~"(positive|negative).*""#)])
}

fn intervals() -> Panel {
    lines("Intervals of the electrocardiogram")
        .about("How long the parts of a heartbeat take; QTc is QT corrected for the heart rate.", "none was taken.")
        .unit(Quantity::Milliseconds)
        .by_day()
        .show(query("{{profile}}, QRS", of("qrs_interval_seconds").measured()))
        .show(query("{{profile}}, PR", of("pr_interval_seconds").measured()))
        .show(query("{{profile}}, QT", of("qt_interval_seconds").measured()))
        .show(query("{{profile}}, QTc", of("corrected_qt_interval_seconds").measured()))
}
