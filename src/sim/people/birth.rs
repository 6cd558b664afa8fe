//! How a story begins.

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::story::{Gear, Life, Story};
use crate::sim::device::Device;
use crate::sim::noise::Noise;
use crate::sim::person::{Person, Resident};

/// Ids of one person: more than anybody measures in a life. The last two digits of the user ids differ.
const IDS_A_PERSON: u64 = 10_000_000;

/// Who a story is about, and what its days will have in common.
pub(super) struct Birth {
    pub(super) person: Person,
    pub(super) life: Life,
}

impl Birth {
    /// A person who begins `days` ago.
    pub(super) fn of(person: Person, seed: u64, days: u64, now: i64) -> Self {
        let began = person.local_date(now);
        let life = Life {
            noise: Noise::new(seed).fork(person.userid),
            timezone: person.timezone.clone(),
            first: began.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN),
            began,
            falls_ill: false,
            ids: IDS_A_PERSON * (person.userid % 100),
        };
        Self { person, life }
    }

    /// A device that the person has had from the beginning on; its id is that of its kind.
    pub(super) fn device(&self, kind: &str, model: &str, number: u32, battery: &str) -> Arc<Device> {
        let mut device = Device::new(kind, model, number, &self.life.noise.named(kind).hex());
        battery.clone_into(&mut device.battery);
        let noon = self.life.first.and_time(NaiveTime::MIN) + TimeDelta::hours(12);
        device.first_session = Some(noon.and_utc().timestamp());
        Arc::new(device)
    }

    /// Lets the person live with this gear, listed before any other device.
    pub(super) fn grow_up(mut self, gear: Vec<Box<dyn Gear>>) -> Resident {
        self.person.devices.splice(0..0, gear.iter().filter_map(|it| it.device()).cloned());
        Resident::living(self.person, Story::new(gear, self.life))
    }
}
