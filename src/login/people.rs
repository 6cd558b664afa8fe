//! The person of each profile, and which profile shows a person that two profiles have logged in: to log one person in under
//! two names is the mistake that people make, for Withings' page remembers the last login (home-assistant/core#103063).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::storage::{KnownLogin, KnownLogins};

/// The persons of the configured profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(BTreeMap<Arc<str>, Person>);

/// The person of a profile, as its login says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The login.
    pub known: KnownLogin,
    /// The configured profile that shows the same person instead: then this login is not used, and no values of it are shown.
    pub duplicate_of: Option<Arc<str>>,
}

impl People {
    /// The persons of the profiles that are `configured`, each shown once: by the profile with the latest consent.
    #[must_use]
    pub fn of(logins: &KnownLogins, configured: &[Arc<str>]) -> Self {
        let known: BTreeMap<_, _> =
            configured.iter().filter_map(|profile| Some((Arc::clone(profile), logins.get(profile)?))).collect();
        let mut shown: BTreeMap<&str, (i64, &Arc<str>)> = BTreeMap::new();
        for (profile, KnownLogin { login, .. }) in known.iter().filter(|(_, known)| !known.login.demo) {
            let newest = shown.entry(&login.user_id).or_insert((login.connected_at, profile));
            *newest = (*newest).max((login.connected_at, profile));
        }
        let person = |(profile, known): (&Arc<str>, &&KnownLogin)| {
            let shown_by = shown.get(&*known.login.user_id).filter(|_| !known.login.demo).map(|(_, profile)| *profile);
            let duplicate_of = shown_by.filter(|shown_by| *shown_by != profile).cloned();
            (Arc::clone(profile), Person { known: (*known).clone(), duplicate_of })
        };
        Self(known.iter().map(person).collect())
    }

    /// The person of a configured profile; `None` without a login.
    #[must_use]
    pub fn get(&self, profile: &str) -> Option<&Person> {
        self.0.get(profile)
    }

    /// The persons that are shown, by their profiles.
    pub fn shown(&self) -> impl Iterator<Item = (&Arc<str>, &KnownLogin)> {
        self.0
            .iter()
            .filter(|(_, person)| person.duplicate_of.is_none())
            .map(|(profile, person)| (profile, &person.known))
    }

    /// The profile that shows the person with this id.
    #[must_use]
    pub fn profile_of(&self, user_id: &str) -> Option<&Arc<str>> {
        self.shown().find(|(_, known)| &*known.login.user_id == user_id).map(|(profile, _)| profile)
    }

    /// Whether a configured profile other than `profile` shows the person with this id.
    #[must_use]
    pub fn is_shared(&self, profile: &str, user_id: &str) -> bool {
        self.shown().any(|(other, known)| &**other != profile && &*known.login.user_id == user_id)
    }
}
