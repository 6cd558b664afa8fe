//! The generator: it writes the rows of a person's days as the clock reaches them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;

use super::day::Day;
use super::profile::Profile;
use crate::sim::activity::Activity;
use crate::sim::device::Device;
use crate::sim::heart::HeartRecording;
use crate::sim::intraday::IntradayValues;
use crate::sim::measure::MeasureGroup;
use crate::sim::night::Night;
use crate::sim::rows::Rows;
use crate::sim::stored::Stored;
use crate::sim::workout::Workout;
use crate::zone::Zone;

/// Days are written so many seconds before they begin.
const HALF_A_DAY: i64 = 12 * 3600;
/// Row ids of one day: more than a day has rows.
const IDS_A_DAY: u64 = 100;
/// Row ids begin above 2³², as Withings' do, so that a reader that keeps 32 bits fails.
const FIRST_ID: u64 = 1 << 32;

/// A source of rows: a device, or the person's own entries.
pub(super) trait Recorder: Send {
    /// The device, if the recorder is one that `getdevice` lists.
    fn device(&self) -> Option<&Arc<Device>>;

    /// Writes the rows of this day.
    fn record(&self, day: &Day, entries: &mut Entries<'_>);

    /// What the device measures through this day by itself, with the time at which it is uploaded, Unix seconds.
    fn through_the_day(&self, _: &Day) -> Vec<(i64, IntradayValues)> {
        Vec::new()
    }
}

/// The recorders of a person, and up to which day they have written.
pub(in crate::sim) struct Generator {
    recorders: Vec<Box<dyn Recorder>>,
    profile: Profile,
    next: NaiveDate,
}

impl Generator {
    /// A generator that has written no day.
    pub(super) fn new(recorders: Vec<Box<dyn Recorder>>, profile: Profile) -> Self {
        Self { recorders, next: profile.first_day, profile }
    }

    /// The devices among the recorders.
    pub(in crate::sim) fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.recorders.iter().filter_map(|recorder| recorder.device())
    }

    /// What the recorders measured through the days of a period (Unix seconds) and have uploaded until `now`.
    pub(in crate::sim) fn intraday(&self, period: &RangeInclusive<i64>, now: i64) -> Vec<IntradayValues> {
        let zone = &self.profile.timezone;
        let (first, last) = (zone.date(*period.start()).max(self.profile.first_day), zone.date(*period.end()));
        let days = first.iter_days().take_while(|date| *date <= last).map(|date| self.profile.day(date));
        let measured =
            days.flat_map(|day| self.recorders.iter().flat_map(move |recorder| recorder.through_the_day(&day)));
        measured.filter(|(uploaded, _)| *uploaded <= now).map(|(_, values)| values).collect()
    }

    /// Writes every day not yet written up to the local day in 12 hours, for its night begins on the evening before. They are
    /// whole days: rows that lie ahead of the clock are not visible yet.
    pub(in crate::sim) fn write_until(&mut self, now: i64, rows: &mut Rows) {
        let last = self.profile.timezone.date(now + HALF_A_DAY);
        while self.next <= last {
            let day = self.profile.day(self.next);
            let next_id = FIRST_ID + self.profile.first_id + day.age.unsigned_abs() * IDS_A_DAY;
            let mut entries = Entries { now, next_id, zone: &self.profile.timezone, rows };
            for recorder in &self.recorders {
                recorder.record(&day, &mut entries);
            }
            self.next = self.next.succ_opt().unwrap_or(NaiveDate::MAX);
        }
    }
}

/// The rows of a day, as its recorders write them.
pub(super) struct Entries<'a> {
    now: i64,
    next_id: u64,
    zone: &'a Zone,
    rows: &'a mut Rows,
}

impl Entries<'_> {
    /// Writes a group, uploaded so many seconds after it was measured.
    pub(super) fn group(&mut self, row: MeasureGroup, delay: i64) {
        let group = self.stored(row.date + delay, row);
        self.rows.groups.push(group);
    }

    /// Writes a night, uploaded so many seconds after its end. As seen in the fixtures, the creation of one in three is
    /// a second after the change.
    pub(super) fn night(&mut self, row: Night, delay: i64) {
        let night = self.stored(row.enddate + delay, row);
        let created = night.created + i64::from(night.id.is_multiple_of(3));
        self.rows.nights.push(Stored { created, ..night });
    }

    /// Writes a workout, uploaded so many seconds after its end.
    pub(super) fn workout(&mut self, row: Workout, delay: i64) {
        let workout = self.stored(row.enddate + delay, row);
        self.rows.workouts.push(workout);
    }

    /// Writes a recording of the heart, uploaded so many seconds after it was made.
    pub(super) fn recording(&mut self, row: HeartRecording, delay: i64) {
        let recording = self.stored(row.timestamp + delay, row);
        self.rows.recordings.push(recording);
    }

    /// Writes the versions of a day of one source, one for each of these times, which ascend. As documented, the
    /// service rewrites the day until it is over. Versions that another has replaced before now are not kept.
    pub(super) fn activity(&mut self, times: &[i64], at: impl Fn(i64) -> Activity) {
        let (id, zone) = (self.new_id(), self.zone);
        let past = times.partition_point(|time| *time <= self.now);
        let versions = times[past.saturating_sub(1)..].iter();
        let version = |&time| Stored { id, created: time, modified: time, zone: zone.clone(), row: at(time) };
        self.rows.activities.extend(versions.map(version));
    }

    /// A row that was stored at this time, Unix seconds, and not changed since.
    fn stored<T>(&mut self, created: i64, row: T) -> Stored<T> {
        Stored { id: self.new_id(), created, modified: created, zone: self.zone.clone(), row }
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
