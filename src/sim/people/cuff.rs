//! The cuff: blood pressure, three mornings out of five.

use std::sync::Arc;

use super::day::{Day, whole};
use super::story::{Entries, Gear};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const DIASTOLIC: u32 = 9;
const SYSTOLIC: u32 = 10;
const PULSE: u32 = 11;

/// The best of several readings in a row.
const BEST_OF_SEVERAL: u32 = 5;
/// Half of what the treatment does is done after so many days.
const HALF_LIFE_DAYS: f64 = 260.0;

pub(super) struct Cuff {
    pub(super) device: Arc<Device>,
    /// mmHg before the treatment.
    pub(super) systolic_from: f64,
    /// mmHg that the treatment arrives at.
    pub(super) systolic_to: f64,
}

impl Gear for Cuff {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.ahead > 1 && !day.noise("cuff").happens(0.6) {
            return;
        }
        let way = (-(day.age as f64) / HALF_LIFE_DAYS).exp2();
        let mean = self.systolic_to + (self.systolic_from - self.systolic_to) * way + 3.0 * day.winter();
        let systolic = day.noise("systolic").around(mean, 9.0);
        let diastolic = day.noise("diastolic").around(systolic * 0.62 + 2.0, 4.0);
        let pulse = day.noise("cuff pulse").around(64.0, 8.0);
        // Whole numbers from one firmware, hundredths from the other.
        let (scale, unit) = if day.age % 4 == 0 { (100, -2) } else { (1, 0) };
        let measures = [(DIASTOLIC, diastolic), (SYSTOLIC, systolic), (PULSE, pulse)]
            .map(|(kind, value)| Measure::new(kind, whole(value) * scale, unit));
        let attrib = if day.noise("attrib").happens(0.3) { BEST_OF_SEVERAL } else { 0 };
        let date = day.at(day.noise("cuff time").around(7.6, 0.5));
        entries.group(MeasureGroup::new(date, measures).by(&self.device).attributed(attrib), 9);
    }
}
