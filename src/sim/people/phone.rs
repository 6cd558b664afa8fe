//! The phone on the bedside table, before there was a sleep mat: how long, and nothing else.

use std::sync::Arc;

use serde_json::{Value, json};

use super::day::{Day, whole};
use super::story::{Entries, Gear};
use crate::sim::device::Device;
use crate::sim::night::Night;

pub(super) struct Phone {
    pub(super) device: Arc<Device>,
    /// It wrote the nights of so many first days.
    pub(super) days: i64,
}

impl Gear for Phone {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.age >= self.days {
            return;
        }
        let up = day.at(day.noise("alarm").around(7.2, 0.3));
        let in_bed = whole(day.noise("in bed").between(420.0, 500.0)) * 60;
        let asleep = in_bed - whole(day.noise("lying awake").between(15.0, 60.0)) * 60;
        // What it does not know is missing in three ways: null, −1 and not there at all.
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
