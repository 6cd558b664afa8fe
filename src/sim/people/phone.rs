//! A phone as sleep tracker, before there was a sleep mat: it knows how long a night was, and nothing else.

use std::sync::Arc;

use serde_json::{Value, json};

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use crate::sim::device::Device;
use crate::sim::night::Night;

pub(super) struct Phone {
    pub(super) device: Arc<Device>,
    /// The phone wrote the nights of so many first days.
    pub(super) days: i64,
}

impl Recorder for Phone {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.age >= self.days {
            return;
        }
        let up = day.at(day.random("alarm").around(7.2, 0.3));
        let in_bed = whole(day.random("in bed").between(420.0, 500.0)) * 60;
        let asleep = in_bed - whole(day.random("lying awake").between(15.0, 60.0)) * 60;
        // As seen in the fixtures, what is not known is missing in three ways: null, −1 and not there at all.
        let night = Night::unstaged(&self.device, up - in_bed, up, asleep).with([
            ("rr_average", Value::Null),
            ("rr_min", Value::Null),
            ("rr_max", Value::Null),
            ("breathing_disturbances_intensity", json!(-1)),
            ("apnea_hypopnea_index", json!(-1)),
        ]);
        entries.night(night, 1800);
    }
}
