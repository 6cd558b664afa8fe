//! A user of the cloud.

use super::history::History;
use super::people::Generator;
use super::person::Person;
use super::recording::Recording;

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
