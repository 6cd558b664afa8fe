//! The watch: blood oxygen each morning, the rhythm of the heart, fitness each month.

use std::sync::Arc;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use super::heart::{INCONCLUSIVE, NEGATIVE, NEGATIVE_NORMAL_RATE, electrocardiogram};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const OXYGEN: u32 = 54;
const FITNESS: u32 = 123;
const RHYTHM_OF_PULSE: u32 = 139;

/// The watch uploads when the phone's application runs, hours later.
const UPLOAD_SECONDS: i64 = 2 * 3600;

pub(super) struct Watch {
    pub(super) device: Arc<Device>,
}

impl Recorder for Watch {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        let date = day.at(day.random("watch").around(5.5, 1.0));
        let mut write = |date, measures: Vec<Measure>| {
            entries.group(MeasureGroup::new(date, measures).by(&self.device), UPLOAD_SECONDS);
        };
        write(date, vec![Measure::new(OXYGEN, whole(day.random("oxygen").around(96.2, 2.0)).min(100), 0)]);
        let unclear = day.random("unclear").happens(0.1);
        if day.is_every(2) {
            let rhythm = if unclear { INCONCLUSIVE } else { NEGATIVE };
            write(date + 30, vec![Measure::new(RHYTHM_OF_PULSE, rhythm, 0)]);
        }
        if day.is_every(30) {
            let fitness = whole(day.random("fitness").around(38.0, 1.5) * 10.0);
            write(date + 60, vec![Measure::new(FITNESS, fitness, -1)]);
        }
        if day.is_every(10) {
            let classification = if unclear { INCONCLUSIVE } else { NEGATIVE_NORMAL_RATE };
            write(day.at(9.5), electrocardiogram(day, classification));
        }
    }
}
