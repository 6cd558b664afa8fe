//! The thermometer: every fifth day, and every few hours with a fever.

use std::sync::Arc;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const TEMPERATURE: u32 = 12;
const BODY_TEMPERATURE: u32 = 71;
const SKIN_TEMPERATURE: u32 = 73;

pub(super) struct Thermometer {
    pub(super) device: Arc<Device>,
}

impl Recorder for Thermometer {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        match day.fever {
            Some(fever) => {
                for hour in [8.0, 13.5, 18.0, 21.5] {
                    self.measure(day, hour, fever, entries);
                }
            }
            None if day.is_every(5) => self.measure(day, 8.2, 36.6, entries),
            None => {}
        }
    }
}

impl Thermometer {
    fn measure(&self, day: &Day, hour: f64, mean: f64, entries: &mut Entries<'_>) {
        let body = day.random("body").fork(whole(hour).unsigned_abs()).around(mean, 0.15);
        let skin = day.random("skin").around(body - 3.1, 0.4);
        let measures = [
            Measure::new(TEMPERATURE, whole(body * 100.0), -2),
            Measure::new(BODY_TEMPERATURE, whole(body * 1000.0), -3),
            Measure::new(SKIN_TEMPERATURE, whole(skin * 10.0), -1),
        ];
        entries.group(MeasureGroup::new(day.at(hour), measures).by(&self.device), 3);
    }
}
