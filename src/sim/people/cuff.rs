//! The cuff: blood pressure, three mornings out of five.

use std::sync::Arc;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use super::heart::{INCONCLUSIVE, NEGATIVE, POSITIVE, PULSE, electrocardiogram, rate};
use crate::sim::device::Device;
use crate::sim::heart::HeartRecording;
use crate::sim::measure::{Measure, MeasureGroup};

const DIASTOLIC: u32 = 9;
const SYSTOLIC: u32 = 10;

/// The attribution of the best of several readings in a row.
const BEST_OF_SEVERAL: u32 = 5;

/// The treatment began so many days before the cloud.
const TREATED_FOR_DAYS: i64 = 240;
/// Half of what the treatment does is done after so many days.
const HALF_LIFE_DAYS: f64 = 35.0;

/// Days from one electrocardiogram to the next.
const DAYS_BETWEEN_RHYTHMS: i64 = 3;
/// The electrocardiogram with atrial fibrillation: on the evening before the cloud begins, so that it is the last one
/// by then.
const FIBRILLATION: i64 = 1;

/// What the stethoscope says about healthy valves.
const HEALTHY_VALVES: i64 = 0;

pub(super) struct Cuff {
    pub(super) device: Arc<Device>,
    /// mmHg without treatment.
    pub(super) systolic: f64,
    /// mmHg that the treatment takes away, 0 without one.
    pub(super) relief: f64,
    /// Whether the cuff records electrocardiograms, too.
    pub(super) electrodes: bool,
}

impl Recorder for Cuff {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.ahead <= 1 || day.random("cuff").happens(0.6) {
            entries.group(self.pressure(day).by(&self.device), 9);
        }
        if self.electrodes && (day.ahead - FIBRILLATION).rem_euclid(DAYS_BETWEEN_RHYTHMS) == 0 {
            let (at, class) = (day.at(19.4), classification(day));
            entries.group(MeasureGroup::new(at, electrocardiogram(day, class)).by(&self.device), 40);
            let ecg = HeartRecording::ecg(at, &self.device, rate(day, class), class);
            let systolic = self.mean(day);
            let pressure = Some((whole(systolic), whole(systolic * 0.62 + 2.0)));
            entries.recording(HeartRecording { vhd: Some(HEALTHY_VALVES), pressure, ..ecg }, 40);
        }
    }
}

impl Cuff {
    fn pressure(&self, day: &Day) -> MeasureGroup {
        let systolic = day.random("systolic").around(self.mean(day), 10.0);
        let diastolic = day.random("diastolic").around(systolic * 0.62 + 2.0, 4.0);
        let pulse = day.random("cuff pulse").around(64.0, 8.0);
        // Whole numbers or hundredths, as seen in the fixtures for the same type.
        let (scale, unit) = if day.age % 4 == 0 { (100, -2) } else { (1, 0) };
        let measures = [(DIASTOLIC, diastolic), (SYSTOLIC, systolic), (PULSE, pulse)]
            .map(|(kind, value)| Measure::new(kind, whole(value) * scale, unit));
        let attrib = if day.random("attrib").happens(0.3) { BEST_OF_SEVERAL } else { 0 };
        MeasureGroup::new(day.at(day.random("cuff time").around(7.6, 0.5)), measures).attributed(attrib)
    }

    /// The mean systolic pressure of the day.
    fn mean(&self, day: &Day) -> f64 {
        let treated = (TREATED_FOR_DAYS - day.ahead).max(0) as f64;
        self.systolic - self.relief * (1.0 - (-treated / HALF_LIFE_DAYS).exp2()) + 3.0 * day.winter()
    }
}

fn classification(day: &Day) -> i64 {
    match day.ahead {
        FIBRILLATION => POSITIVE,
        _ if day.random("unclear").happens(0.06) => INCONCLUSIVE,
        _ => NEGATIVE,
    }
}
