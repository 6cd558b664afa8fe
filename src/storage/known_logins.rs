//! What is known of the logins, and what a new consent does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::StorageError;
use super::login::{Login, LoginInfo, NewConsent};
use super::queue::StoredWork;

/// A login as this process knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLogin {
    /// The login without its tokens.
    pub login: LoginInfo,
    /// A number that tells this consent from all others that this process has seen.
    pub consent: u64,
}

/// All logins, by profile.
pub type KnownLogins = BTreeMap<Arc<str>, KnownLogin>;

/// A new consent was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The person belongs to another configured profile.
    #[error("this is the person of {0}")]
    Taken(Arc<str>),
    /// The profile belongs to another person, whose replacement was not confirmed.
    #[error("the profile has been another person's")]
    AnotherPerson,
    /// A login could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a `forget` has deleted.
#[derive(Debug)]
pub struct Forgotten {
    /// The login, if there was one that could be read.
    pub login: Option<Login>,
    /// How many files or rows there were.
    pub items: usize,
}

/// What was changed by others since the last look.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The profiles whose login is new or another one; `None`: there is none any more.
    pub(super) logins: Vec<(Arc<str>, Option<LoginInfo>)>,
    /// What other hosts did with the work of profiles.
    pub(super) work: Vec<(Arc<str>, StoredWork)>,
    /// The profiles whose readings other hosts have changed.
    pub(super) readings: BTreeSet<Arc<str>>,
}

/// The profiles that other hosts have refreshed, or that were forgotten there, and that are to be shown anew.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Those with other readings.
    pub readings: BTreeSet<Arc<str>>,
    /// Those with another plan and the same readings.
    pub plans: BTreeSet<Arc<str>>,
}

impl NewConsent {
    /// Whether a login is one of the same person. Withings' demo user is nobody.
    pub(super) fn is_of_the_person_of(&self, login: &Login) -> bool {
        !self.demo && !login.demo && login.user_id == self.new.user_id
    }

    /// The login of another person whose place this consent takes, of the `present` one of its profile. Refused if it is another
    /// person's and `may_replace` is false.
    pub(super) fn replaces(&self, present: Option<&Login>, may_replace: bool) -> Result<Option<Login>, ConnectError> {
        let is_of_another = |login: &&Login| login.user_id != self.new.user_id;
        if !may_replace && present.is_some_and(|login| !login.demo && (self.demo || is_of_another(&login))) {
            return Err(ConnectError::AnotherPerson);
        }
        Ok(present.filter(is_of_another).cloned())
    }
}
