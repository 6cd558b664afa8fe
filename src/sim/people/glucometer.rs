//! The glucometer: every other morning before breakfast.

use std::sync::Arc;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const GLUCOSE: u32 = 119;

pub(super) struct Glucometer {
    pub(super) device: Arc<Device>,
}

impl Recorder for Glucometer {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.is_every(2) {
            let glucose = Measure::new(GLUCOSE, whole(day.random("glucose").around(108.0, 9.0)), 0);
            entries.group(MeasureGroup::new(day.at(7.2), [glucose]).by(&self.device), 30);
        }
    }
}
