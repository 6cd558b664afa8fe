//! A person's weight and fat over the years.

use super::day::{Day, whole};

/// How a person's weight and fat go from one state towards another.
#[derive(Clone, Copy)]
pub(super) struct Body {
    pub(super) from_kg: f64,
    pub(super) to_kg: f64,
    /// Half of the way is gone after so many days.
    pub(super) half_life_days: f64,
    /// So much more in the middle of winter, and so much less in summer.
    pub(super) winter_kg: f64,
    /// The fat's share of the weight at first.
    pub(super) fat_from: f64,
    /// The fat's share of the weight at last.
    pub(super) fat_to: f64,
    pub(super) height_cm: i64,
}

impl Body {
    /// The weight of the day in grams, as a scale shows it: in steps of 50 g.
    pub(super) fn grams(&self, day: &Day) -> i64 {
        let kg = self.along(self.from_kg, self.to_kg, day) + self.winter_kg * day.winter();
        whole(day.random("weight").around(kg, 0.6) * 20.0) * 50
    }

    /// The fat's share of the weight of the day.
    pub(super) fn fat(&self, day: &Day) -> f64 {
        day.random("fat").around(self.along(self.fat_from, self.fat_to, day), 0.006)
    }

    fn along(&self, from: f64, to: f64, day: &Day) -> f64 {
        to + (from - to) * (-(day.age as f64) / self.half_life_days).exp2()
    }
}
