//! A story: the days of a person, told as they come.

use std::sync::Arc;

use chrono::NaiveDate;

use super::day::Day;
use super::fever::fever;
use crate::sim::activity::Activity;
use crate::sim::device::Device;
use crate::sim::measure::MeasureGroup;
use crate::sim::night::Night;
use crate::sim::noise::Noise;
use crate::sim::rows::Rows;
use crate::sim::stored::Stored;
use crate::sim::workout::Workout;
use crate::zone::Zone;

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

/// What all days of a person have in common.
pub(super) struct Life {
    pub(super) noise: Noise,
    pub(super) timezone: Zone,
    /// The first day that is told.
    pub(super) first: NaiveDate,
    /// The day on which the cloud began.
    pub(super) began: NaiveDate,
    /// Whether the person has a fever now and then.
    pub(super) falls_ill: bool,
    /// Where the person's ids begin, counted from those of everybody.
    pub(super) ids: u64,
}

/// A person's life, told up to a day.
pub(in crate::sim) struct Story {
    gear: Vec<Box<dyn Gear>>,
    life: Life,
    next: NaiveDate,
}

impl Story {
    /// A story of which no day has been told.
    pub(super) fn new(gear: Vec<Box<dyn Gear>>, life: Life) -> Self {
        Self { gear, next: life.first, life }
    }

    /// Tells every day not yet told up to the local day of `now`, whole days.
    pub(in crate::sim) fn tell(&mut self, now: i64, rows: &mut Rows) {
        let today = self.life.timezone.date(now);
        while self.next <= today {
            let day = self.life.day(self.next);
            let next_id = FIRST_ID + self.life.ids + day.age.unsigned_abs() * IDS_A_DAY;
            let mut entries = Entries { now, next_id, rows };
            for gear in &self.gear {
                gear.live(&day, &mut entries);
            }
            self.next = self.next.succ_opt().unwrap_or(NaiveDate::MAX);
        }
    }
}

impl Life {
    fn day(&self, date: NaiveDate) -> Day {
        let age = (date - self.first).num_days();
        let ahead = (self.began - date).num_days();
        Day {
            date,
            age,
            ahead,
            fever: fever(ahead).filter(|_| self.falls_ill),
            timezone: self.timezone.clone(),
            noise: self.noise.fork(age.unsigned_abs()),
        }
    }
}

/// Where a day's entries go.
pub(super) struct Entries<'a> {
    now: i64,
    next_id: u64,
    rows: &'a mut Rows,
}

impl Entries<'_> {
    /// A group, uploaded so many seconds after it was measured.
    pub(super) fn group(&mut self, row: MeasureGroup, delay: i64) {
        let created = row.date + delay;
        let id = self.new_id();
        self.rows.groups.push(Stored { id, created, modified: created, row });
    }

    /// A night, uploaded so many seconds after its end. As seen, the service now and then stamps the creation a second
    /// after the change.
    pub(super) fn night(&mut self, row: Night, delay: i64) {
        let modified = row.enddate + delay;
        let id = self.new_id();
        self.rows.nights.push(Stored { id, created: modified + i64::from(id.is_multiple_of(3)), modified, row });
    }

    /// A workout, uploaded so many seconds after its end.
    pub(super) fn workout(&mut self, row: Workout, delay: i64) {
        let created = row.enddate + delay;
        let id = self.new_id();
        self.rows.workouts.push(Stored { id, created, modified: created, row });
    }

    /// A day of one source as it was written `at` each of these times, which ascend. What has already been written over
    /// is not kept.
    pub(super) fn activity(&mut self, times: &[i64], at: impl Fn(i64) -> Activity) {
        let id = self.new_id();
        let past = times.partition_point(|it| *it <= self.now);
        let versions = times[past.saturating_sub(1)..].iter();
        self.rows.activities.extend(versions.map(|&time| Stored { id, created: time, modified: time, row: at(time) }));
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
