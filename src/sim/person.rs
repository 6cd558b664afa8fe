//! A person with an account, and what the cloud has stored about them.

use std::sync::Arc;

use chrono::NaiveDate;

use super::UserId;
use super::activity::{Activity, Source};
use super::device::{Device, Goals};
use super::measure::MeasureGroup;
use super::night::Night;
use super::people::Story;
use super::recording::Recording;
use super::rows::Rows;
use super::stored::Stored;
use super::workout::Workout;
use crate::zone::Zone;

/// The ids of rows that were added by hand begin here; those of stories are smaller.
const FIRST_ADDED_ID: u64 = 9_000_000_000;

/// The scopes that exist.
pub(super) const SCOPES: [&str; 5] = ["user.info", "user.metrics", "user.activity", "user.sleepevents", "user.data"];

/// Who a person is.
#[derive(Clone, Debug)]
pub struct Person {
    /// Withings' number of the user.
    pub userid: UserId,
    /// The name on the consent page.
    pub name: String,
    /// Where the person lives: local days are taken there.
    pub timezone: Zone,
    /// The scopes the person grants if asked for; all of them by default.
    pub scopes: Vec<String>,
    /// What the person owns.
    pub devices: Vec<Arc<Device>>,
    /// What the person aims for.
    pub goals: Goals,
}

impl Person {
    /// A person who grants every scope, owns nothing and aims for nothing.
    #[must_use]
    pub fn new(userid: UserId, name: &str, timezone: Zone) -> Self {
        let scopes = SCOPES.map(str::to_owned).to_vec();
        Self { userid, name: name.to_owned(), timezone, scopes, devices: Vec::new(), goals: Goals::default() }
    }

    /// The day it is, or was, where the person lives.
    pub(super) fn local_date(&self, unix: i64) -> NaiveDate {
        self.timezone.date(unix)
    }
}

/// A person of this cloud.
pub(super) struct Resident {
    pub(super) person: Person,
    /// Whether the consent page offers the person; the demo user is not offered.
    pub(super) offered: bool,
    pub(super) diary: Diary,
    /// Captured answers, which take the place of the diary's.
    pub(super) recording: Option<Recording>,
}

impl Resident {
    pub(super) fn new(person: Person) -> Self {
        Self { person, offered: true, diary: Diary::default(), recording: None }
    }

    pub(super) fn living(person: Person, story: Story) -> Self {
        let diary = Diary { story: Some(story), ..Diary::default() };
        Self { diary, ..Self::new(person) }
    }
}

/// Everything that is stored about a person.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) rows: Rows,
    story: Option<Story>,
    added: u64,
}

impl Diary {
    /// Lets the person live until `now`.
    pub(super) fn continue_until(&mut self, now: i64) {
        if let Some(story) = &mut self.story {
            story.tell(now, &mut self.rows);
        }
    }

    /// The groups visible at `now`.
    pub(super) fn groups(&self, now: i64) -> impl Iterator<Item = &Stored<MeasureGroup>> {
        self.rows.groups.iter().filter(move |it| it.created <= now)
    }

    /// The nights visible at `now`.
    pub(super) fn nights(&self, now: i64) -> impl Iterator<Item = &Stored<Night>> {
        self.rows.nights.iter().filter(move |it| it.created <= now)
    }

    /// The days visible at `now`, each as it was written last.
    pub(super) fn activities(&self, now: i64) -> impl Iterator<Item = &Stored<Activity>> {
        let versions = self.rows.activities.chunk_by(|a, b| a.id == b.id);
        versions.filter_map(move |it| it.iter().rfind(|it| it.created <= now))
    }

    /// The workouts visible at `now`.
    pub(super) fn workouts(&self, now: i64) -> impl Iterator<Item = &Stored<Workout>> {
        self.rows.workouts.iter().filter(move |it| it.created <= now)
    }

    /// Whether the person lives by themselves.
    pub(super) fn goes_on(&self) -> bool {
        self.story.is_some()
    }

    /// An id that no other row has.
    pub(super) fn new_id(&mut self) -> u64 {
        self.added += 1;
        FIRST_ADDED_ID + self.added
    }

    /// When a device has last uploaded anything.
    pub(super) fn last_upload(&self, device: &str, now: i64) -> Option<i64> {
        let measured = |it: &&Stored<MeasureGroup>| it.row.device.as_ref().is_some_and(|it| it.id == device);
        let groups = self.groups(now).filter(measured).map(|it| it.created);
        let nights = self.nights(now).filter(|it| it.row.device.id == device).map(|it| it.created);
        let counted = |it: &Source| it.device_id() == Some(device);
        let activities = self.activities(now).filter(|it| counted(&it.row.source)).map(|it| it.created);
        let workouts = self.workouts(now).filter(|it| counted(&it.row.source)).map(|it| it.created);
        groups.chain(nights).chain(activities).chain(workouts).max()
    }
}
