//! One local day of one person.

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};

use crate::sim::random::Random;
use crate::zone::Zone;

/// One local day of one person.
#[derive(Clone)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    /// Days since the person's first generated day.
    pub(super) age: i64,
    /// Days until the day on which the cloud began; negative later.
    pub(super) ahead: i64,
    /// °C of a fever on this day, if the person has one.
    pub(super) fever: Option<f64>,
    pub(super) timezone: Zone,
    pub(super) random: Random,
}

impl Day {
    /// The day's random numbers for one purpose, so that drawing for one does not move another.
    pub(super) fn random(&self, purpose: &str) -> Random {
        self.random.named(purpose)
    }

    /// The local time `hour` (7.5 is half past seven, 25 is one o'clock tomorrow) in Unix seconds.
    pub(super) fn at(&self, hour: f64) -> i64 {
        let local = self.date.and_time(NaiveTime::MIN) + TimeDelta::seconds(whole(hour * 3600.0));
        // The hour that daylight saving time skips is the one after it.
        let time = self.timezone.earliest(local).or_else(|| self.timezone.earliest(local + TimeDelta::hours(1)));
        time.unwrap_or_else(|| local.and_utc().timestamp())
    }

    /// Whether this is every `days`-th day, the day on which the cloud began included.
    pub(super) fn is_every(&self, days: i64) -> bool {
        self.ahead.rem_euclid(days) == 0
    }

    /// 1 in the middle of winter, −1 in the middle of summer.
    pub(super) fn winter(&self) -> f64 {
        (f64::from(self.date.ordinal0()) / 365.0 * std::f64::consts::TAU).cos()
    }
}

/// The nearest whole number.
#[allow(clippy::cast_possible_truncation, reason = "what bodies and clocks give is far from the limits of i64")]
pub(super) fn whole(number: f64) -> i64 {
    number.round() as i64
}
