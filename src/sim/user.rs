//! A user of the cloud, and captured answers in place of what is stored.

use std::collections::HashMap;

use serde_json::Value;

use super::call::{Action, Params};
use super::history::History;
use super::people::Generator;
use super::person::Person;

/// A user of the cloud: a person, and what is stored about them.
pub(super) struct User {
    pub(super) person: Person,
    /// Whether the consent page offers the person; the demo user is not offered.
    pub(super) offered: bool,
    pub(super) history: History,
    /// Captured answers, which are given in place of the history's.
    pub(super) recording: Option<Recording>,
}

impl User {
    /// A user about whom nothing is stored.
    pub(super) fn new(person: Person) -> Self {
        Self { person, offered: true, history: History::default(), recording: None }
    }

    /// A user whose rows are generated, and whose devices are listed before those that `person` has already.
    pub(super) fn generated(mut person: Person, generator: Generator) -> Self {
        person.devices.splice(0..0, generator.devices().cloned());
        Self { history: History::generated(generator), ..Self::new(person) }
    }
}

/// Captured answers of a person: the envelopes.
#[derive(Debug)]
pub(super) struct Recording(pub(super) HashMap<Action, Value>);

impl Recording {
    /// The captured answer. `None`: there is none, or the call asks for a page after the captured one.
    pub(super) fn answer(&self, action: Action, params: &Params) -> Option<&Value> {
        let follows = params.get("offset").is_some_and(|offset| offset != "0");
        self.0.get(&action).filter(|_| !follows)
    }
}
