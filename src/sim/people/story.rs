//! A story: the days of a person, told as they come.

use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::day::Day;
use crate::sim::device::Device;
use crate::sim::measure::MeasureGroup;
use crate::sim::night::Night;
use crate::sim::noise::Noise;
use crate::sim::person::Stored;

/// Ids of one day: more than anybody measures in a day.
const IDS_A_DAY: u64 = 100;
/// Ids begin above 2³², as Withings' do.
const FIRST_ID: u64 = 1 << 32;

/// Something that writes into a person's diary every day: a device, or the person's own hand.
pub(super) trait Gear: Send {
    /// The device that it is, if it is one.
    fn device(&self) -> Option<&Arc<Device>>;

    /// What it writes on this day.
    fn live(&self, day: &Day, entries: &mut Entries<'_>);
}

/// A person's life, told up to a day.
pub(in crate::sim) struct Story {
    gear: Vec<Box<dyn Gear>>,
    noise: Noise,
    timezone: Tz,
    first: NaiveDate,
    began: NaiveDate,
    next: NaiveDate,
    first_id: u64,
}

impl Story {
    /// A story from the day `first` on, in a cloud that began on the day `began`.
    pub(super) fn new(
        gear: Vec<Box<dyn Gear>>,
        noise: Noise,
        timezone: Tz,
        first: NaiveDate,
        began: NaiveDate,
        ids: u64,
    ) -> Self {
        Self { gear, noise, timezone, first, began, next: first, first_id: FIRST_ID + ids }
    }

    /// Tells every day not yet told up to the local day of `now`, whole days.
    pub(in crate::sim) fn tell(
        &mut self,
        now: i64,
        groups: &mut Vec<Stored<MeasureGroup>>,
        nights: &mut Vec<Stored<Night>>,
    ) {
        let now = chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
        let today = now.with_timezone(&self.timezone).date_naive();
        while self.next <= today {
            let day = self.day(self.next);
            let next_id = self.first_id + day.age.unsigned_abs() * IDS_A_DAY;
            let mut entries = Entries { next_id, groups, nights };
            for gear in &self.gear {
                gear.live(&day, &mut entries);
            }
            self.next = self.next.succ_opt().unwrap_or(NaiveDate::MAX);
        }
    }

    fn day(&self, date: NaiveDate) -> Day {
        let age = (date - self.first).num_days();
        Day {
            date,
            age,
            ahead: (self.began - date).num_days(),
            timezone: self.timezone,
            noise: self.noise.fork(age.unsigned_abs()),
        }
    }
}

/// Where a day's entries go.
pub(super) struct Entries<'a> {
    next_id: u64,
    groups: &'a mut Vec<Stored<MeasureGroup>>,
    nights: &'a mut Vec<Stored<Night>>,
}

impl Entries<'_> {
    /// A group, uploaded so many seconds after it was measured.
    pub(super) fn group(&mut self, row: MeasureGroup, delay: i64) {
        let created = row.date + delay;
        let id = self.new_id();
        self.groups.push(Stored { id, created, modified: created, row });
    }

    /// A night, uploaded so many seconds after its end. As seen, the service now and then stamps the creation a second
    /// after the change.
    pub(super) fn night(&mut self, row: Night, delay: i64) {
        let modified = row.enddate + delay;
        let id = self.new_id();
        self.nights.push(Stored { id, created: modified + i64::from(id.is_multiple_of(3)), modified, row });
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
