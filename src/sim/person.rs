//! A person with an account, and what the cloud has stored about them.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use super::UserId;
use super::consent::SCOPES;
use super::device::{Device, Goals};
use super::measure::MeasureGroup;
use super::night::Night;
use super::people::Story;
use super::replay::Recording;

/// The ids of rows that were added by hand begin here; those of stories are smaller.
const FIRST_ADDED_ID: u64 = 9_000_000_000;

/// Who a person is.
#[derive(Clone, Debug)]
pub struct Person {
    /// Withings' number of the user.
    pub userid: UserId,
    /// The name on the consent page.
    pub name: String,
    /// Where the person lives: local days are taken there.
    pub timezone: Tz,
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
    pub fn new(userid: UserId, name: &str, timezone: Tz) -> Self {
        let scopes = SCOPES.map(str::to_owned).to_vec();
        Self { userid, name: name.to_owned(), timezone, scopes, devices: Vec::new(), goals: Goals::default() }
    }

    /// The day it is, or was, where the person lives.
    pub(super) fn local_date(&self, unix: i64) -> NaiveDate {
        let utc = DateTime::from_timestamp(unix, 0).unwrap_or_default();
        utc.with_timezone(&self.timezone).date_naive()
    }
}

/// A row as the cloud keeps it.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    /// `grpid` of a measure group, `id` of a night.
    pub id: u64,
    /// When it was stored, Unix seconds; it is visible from then on.
    pub created: i64,
    /// When it was last changed, Unix seconds.
    pub modified: i64,
    /// What was stored.
    pub row: T,
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

/// Everything stored about a person, including what will become visible later.
#[derive(Default)]
pub(super) struct Diary {
    groups: Vec<Stored<MeasureGroup>>,
    nights: Vec<Stored<Night>>,
    story: Option<Story>,
    added: u64,
}

impl Diary {
    /// Lets the person live until `now`.
    pub(super) fn continue_until(&mut self, now: i64) {
        if let Some(story) = &mut self.story {
            story.tell(now, &mut self.groups, &mut self.nights);
        }
    }

    /// The groups visible at `now`.
    pub(super) fn groups(&self, now: i64) -> impl Iterator<Item = &Stored<MeasureGroup>> {
        self.groups.iter().filter(move |it| it.created <= now)
    }

    /// The nights visible at `now`.
    pub(super) fn nights(&self, now: i64) -> impl Iterator<Item = &Stored<Night>> {
        self.nights.iter().filter(move |it| it.created <= now)
    }

    pub(super) fn groups_mut(&mut self) -> &mut Vec<Stored<MeasureGroup>> {
        &mut self.groups
    }

    pub(super) fn nights_mut(&mut self) -> &mut Vec<Stored<Night>> {
        &mut self.nights
    }

    /// An id that no other row has.
    pub(super) fn new_id(&mut self) -> u64 {
        self.added += 1;
        FIRST_ADDED_ID + self.added
    }

    /// When a device has last uploaded anything.
    pub(super) fn last_upload(&self, device: &str, now: i64) -> Option<i64> {
        let by = |it: &&Stored<MeasureGroup>| it.row.device.as_ref().is_some_and(|it| it.id == device);
        let groups = self.groups(now).filter(by).map(|it| it.created);
        let nights = self.nights(now).filter(|it| it.row.device.id == device).map(|it| it.created);
        groups.chain(nights).max()
    }
}
