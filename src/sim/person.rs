//! A person with an account.

use std::sync::Arc;

use chrono::NaiveDate;

use super::UserId;
use super::device::{Device, Goals};
use crate::zone::Zone;

/// The scopes that exist.
pub(super) const SCOPES: [&str; 5] = ["user.info", "user.metrics", "user.activity", "user.sleepevents", "user.data"];

/// Who a person is.
#[derive(Clone, Debug)]
pub struct Person {
    /// Withings' number of the user.
    pub userid: UserId,
    /// The name on the consent page.
    pub name: String,
    /// Where the person lives: local days are taken there, and a row keeps the zone in which it was added.
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
