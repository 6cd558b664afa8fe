//! Heart and vessels of one person.

use super::needs::{ELECTRODES, PULSE_WAVE};
use crate::colours::{DEEP, ELECTROCARDIOGRAM, FIBRILLATION, LIGHT, MEAN, VESSELS};
use crate::dashboard::Row;
use crate::expression::{of, sum};
use crate::limits::PULSE_WAVE_LINE;
use crate::panel::{Panel, lines, timeline};
use crate::quantity::{Quantity, VELOCITY};
use crate::target::query;

pub(super) fn row() -> Row {
    Row::collapsed(
        "Heart and vessels · $profile",
        vec![fibrillation().at(0, 0, 24, 6), intervals().at(0, 6, 12, 8), pulse_wave().at(12, 6, 12, 8)],
    )
}

fn fibrillation() -> Panel {
    timeline("Atrial fibrillation and valves")
        .about(
            "What electrocardiograms, pulse waves and stethoscopes have found, from each one to the next. A finding is \
             Withings' own and no diagnosis.",
            ELECTRODES,
        )
        .every("6h")
        .show(query("ECG", finding("ecg_classification")).words(FIBRILLATION))
        .show(query("Pulse wave", finding("ppg_classification")).words(FIBRILLATION))
        .show(query("Stethoscope", finding("stethoscope_classification")).words(FIBRILLATION))
        .or_nothing(&of("ecg_classification"))
}

/// 2 for a finding, 1 for what is neither that nor its absence, else 0.
fn finding(key: &str) -> String {
    let state = |matcher: &str| of(key).with(&format!("withings_{key}{matcher}")).held_state();
    sum([format!("2 * ({})", state(r#"=~"positive.*""#)), state(r#"!~"(positive|negative).*""#)])
}

fn intervals() -> Panel {
    lines("Intervals of the electrocardiogram")
        .about("How long the parts of a heartbeat take; QTc is QT corrected for the heart rate.", ELECTRODES)
        .unit(Quantity::Milliseconds)
        .by_day()
        .axis(0.0, 0.5)
        .show(query("QRS", of("qrs_interval_seconds").measured()).colour(DEEP))
        .show(query("PR", of("pr_interval_seconds").measured()).colour(LIGHT))
        .show(query("QT", of("qt_interval_seconds").measured()).colour(MEAN))
        .show(query("QTc", of("corrected_qt_interval_seconds").measured()).colour(ELECTROCARDIOGRAM))
}

fn pulse_wave() -> Panel {
    lines("Pulse wave velocity")
        .about("How fast the pulse runs through the large arteries: faster where they are stiffer.", PULSE_WAVE)
        .unit(VELOCITY)
        .by_day()
        .dashed_at(&PULSE_WAVE_LINE)
        .axis(5.0, 11.0)
        .show(query("Velocity", of("pulse_wave_velocity").measured()).colour(VESSELS))
}
