//! Values that the person types in.

use std::sync::Arc;

use super::body::Body;
use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use super::scale::WEIGHT;
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};

const HEIGHT: u32 = 4;

/// The attribution of a value that was typed in.
const BY_HAND: u32 = 2;
/// The attribution of a value that was typed in when the account was opened.
const AT_ACCOUNT_CREATION: u32 = 4;

/// The person, as a source of rows.
pub(super) struct ManualEntry {
    pub(super) body: Body,
    /// The weight that the person aims for.
    pub(super) goal_kg: Option<i64>,
}

impl Recorder for ManualEntry {
    fn device(&self) -> Option<&Arc<Device>> {
        None
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        let noon = day.at(12.0);
        if day.age == 0 {
            let height = MeasureGroup::new(noon, [Measure::new(HEIGHT, self.body.height_cm, -2)]);
            entries.group(height.attributed(AT_ACCOUNT_CREATION), 0);
        }
        if day.random("travels").happens(0.02) {
            // At the hotel's scale, which knows whole kilograms; typed in back home.
            let weight =
                MeasureGroup::new(noon, [Measure::new(WEIGHT, whole(self.body.grams(day) as f64 / 1000.0), 0)]);
            entries.group(weight.attributed(BY_HAND), 5 * 86_400);
        }
        if let Some(kg) = self.goal_kg.filter(|_| day.age == 0 || day.ahead == 1 || day.is_every(120)) {
            let goal = MeasureGroup::new(day.at(20.0), [Measure::new(WEIGHT, kg * 1000, -3)]);
            entries.group(goal.attributed(BY_HAND).as_goal(), 0);
        }
    }
}
