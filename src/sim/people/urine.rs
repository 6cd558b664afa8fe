//! The urine analyzer: every third morning.

use std::sync::Arc;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const ACIDITY: u32 = 147;
const SPECIFIC_GRAVITY: u32 = 148;
const NITRITES: u32 = 151;
const KETONES: u32 = 204;
const VITAMIN_C: u32 = 205;
const CALCIUM: u32 = 248;
const CREATININE: u32 = 249;
const CALCIUM_TO_CREATININE: u32 = 251;

/// The cartridge uploads an hour later.
const UPLOAD_SECONDS: i64 = 3600;

pub(super) struct UrineAnalyzer {
    pub(super) device: Arc<Device>,
}

impl Recorder for UrineAnalyzer {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.is_every(3) {
            let group = MeasureGroup::new(day.at(6.7), analysis(day)).by(&self.device);
            entries.group(group, UPLOAD_SECONDS);
        }
    }
}

/// The values of one analysis; the ratio is that of the two amounts.
fn analysis(day: &Day) -> [Measure; 8] {
    let near = |what, mean, spread| day.random("urine").named(what).around(mean, spread);
    let calcium = whole(near("calcium", 3.2, 0.9) * 100.0);
    let creatinine = whole(near("creatinine", 9.5, 2.5) * 100.0);
    let ratio = whole(calcium as f64 / creatinine as f64 * 1000.0);
    [
        Measure::new(ACIDITY, whole(near("acidity", 6.1, 0.5) * 10.0), -1),
        Measure::new(SPECIFIC_GRAVITY, whole(near("gravity", 1.016, 0.006) * 1000.0), -3),
        Measure::new(NITRITES, 0, 0),
        Measure::new(KETONES, whole(near("ketones", 0.4, 0.2) * 10.0), -1),
        Measure::new(VITAMIN_C, whole(near("vitamin", 1.1, 0.4) * 10.0), -1),
        Measure::new(CALCIUM, calcium, -2),
        Measure::new(CREATININE, creatinine, -2),
        Measure::new(CALCIUM_TO_CREATININE, ratio, -3),
    ]
}
