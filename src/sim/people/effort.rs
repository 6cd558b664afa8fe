//! The sums of moving: steps, meters, kilocalories.

/// The sums of a stretch of moving. Fractions are fine: a day is seen while it lasts.
#[derive(Clone, Copy, Default)]
pub(super) struct Effort {
    pub(super) steps: f64,
    /// Meters on foot.
    pub(super) meters: f64,
    /// Meters climbed.
    pub(super) climbed: f64,
    /// Seconds of light activity.
    pub(super) soft: f64,
    /// Seconds of moderate activity.
    pub(super) moderate: f64,
    /// Seconds of intense activity.
    pub(super) intense: f64,
    pub(super) kcal: f64,
}

impl Effort {
    /// The sums with this share of another effort.
    pub(super) fn and(self, share: f64, of: Self) -> Self {
        Self {
            steps: self.steps + share * of.steps,
            meters: self.meters + share * of.meters,
            climbed: self.climbed + share * of.climbed,
            soft: self.soft + share * of.soft,
            moderate: self.moderate + share * of.moderate,
            intense: self.intense + share * of.intense,
            kcal: self.kcal + share * of.kcal,
        }
    }
}
