//! What all days of a generated person have in common.

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::day::Day;
use super::fever::fever;
use crate::sim::device::Device;
use crate::sim::person::Person;
use crate::sim::random::Random;
use crate::zone::Zone;

/// Row ids of one person: more than a person ever has rows. The last two digits of the user ids differ.
const IDS_A_PERSON: u64 = 10_000_000;

/// What all days of a generated person have in common.
pub(super) struct Profile {
    random: Random,
    pub(super) timezone: Zone,
    /// The first generated day.
    pub(super) first_day: NaiveDate,
    /// The day on which the cloud began.
    cloud_began: NaiveDate,
    /// Whether the person has a fever now and then.
    pub(super) falls_ill: bool,
    /// Where the person's row ids begin, counted from those of all people.
    pub(super) first_id: u64,
}

impl Profile {
    /// The profile of a person whose rows begin `days` days before `now`, when the cloud begins.
    pub(super) fn of(person: &Person, seed: u64, days: u64, now: i64) -> Self {
        let cloud_began = person.local_date(now);
        Self {
            random: Random::new(seed).fork(person.userid),
            timezone: person.timezone.clone(),
            first_day: cloud_began.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN),
            cloud_began,
            falls_ill: false,
            first_id: IDS_A_PERSON * (person.userid % 100),
        }
    }

    /// A device that the person has had since the first day; its id is made of the kind, so that two devices of a kind
    /// have the same id.
    pub(super) fn device(&self, kind: &str, model: &str, number: u32, battery: &str) -> Arc<Device> {
        let mut device = Device::new(kind, model, number, &self.random.named(kind).hex());
        battery.clone_into(&mut device.battery);
        let noon = self.first_day.and_time(NaiveTime::MIN) + TimeDelta::hours(12);
        device.first_session = Some(noon.and_utc().timestamp());
        Arc::new(device)
    }

    /// The person's day on this date.
    pub(super) fn day(&self, date: NaiveDate) -> Day {
        let age = (date - self.first_day).num_days();
        let ahead = (self.cloud_began - date).num_days();
        Day {
            date,
            age,
            ahead,
            fever: fever(ahead).filter(|_| self.falls_ill),
            timezone: self.timezone.clone(),
            random: self.random.fork(age.unsigned_abs()),
        }
    }
}
