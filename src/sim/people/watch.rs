//! The watch: blood oxygen each morning, the rhythm of the heart, fitness each month, and what it measures through the day.

use std::sync::Arc;

use serde_json::json;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use super::heart::{INCONCLUSIVE, NEGATIVE, NEGATIVE_NORMAL_RATE, electrocardiogram, rate};
use crate::sim::device::Device;
use crate::sim::heart::HeartRecording;
use crate::sim::intraday::IntradayValues;
use crate::sim::measure::{Measure, MeasureGroup};

const OXYGEN: u32 = 54;
const FITNESS: u32 = 123;
const RHYTHM_OF_PULSE: u32 = 139;

/// The watch uploads when the phone's application runs, hours later.
const UPLOAD_SECONDS: i64 = 2 * 3600;

/// The watch measures by itself every ten minutes.
const EVERY_SECONDS: usize = 600;
/// The hours of the day in which it measures what it measures asleep only.
const NIGHT: std::ops::Range<i64> = 0..6;

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
            let afib = if unclear { INCONCLUSIVE } else { NEGATIVE };
            let ecg = HeartRecording::ecg(day.at(9.5), &self.device, rate(day, classification), afib);
            entries.recording(ecg, UPLOAD_SECONDS);
        }
    }

    fn through_the_day(&self, day: &Day) -> Vec<(i64, IntradayValues)> {
        let (begin, end) = (day.at(0.0), day.at(24.0));
        let times = (begin..end).step_by(EVERY_SECONDS);
        times.map(|at| (at + UPLOAD_SECONDS, self.measured(day, at, (at - begin) / 3600))).collect()
    }
}

impl Watch {
    /// What is measured at a time in this hour of the day: the heart rate always, the temperature hourly, and the rest at night.
    fn measured(&self, day: &Day, at: i64, hour: i64) -> IntradayValues {
        let random = day.random("through the day").fork(at.unsigned_abs());
        let near = |what: &str, mean, spread| random.named(what).around(mean, spread);
        let is_asleep = NIGHT.contains(&hour);
        let (rate, warmer) = (if is_asleep { 55.0 } else { 74.0 }, if day.fever.is_some() { 11.0 } else { 0.0 });
        let mut fields = vec![("heart_rate", json!(whole(near("heart", rate + warmer, 6.0))))];
        if at % 3600 == 0 {
            let warmth = near("core", day.fever.unwrap_or(36.8), 0.2);
            fields.push(("core_body_temperature", json!(whole(warmth * 100.0) as f64 / 100.0)));
        }
        if is_asleep {
            let rmssd = near("variability", 44.0, 9.0);
            fields.extend([
                ("rmssd", json!(whole(rmssd))),
                ("sdnn1", json!(whole(rmssd + 14.0))),
                ("hrv_quality", json!(80)),
                ("rr", json!(whole(near("breath", 14.0, 1.0)))),
                ("spo2_auto", json!(whole(near("oxygen", 96.0, 1.5)).min(100))),
            ]);
        }
        IntradayValues::new(at, &self.device, fields)
    }
}
