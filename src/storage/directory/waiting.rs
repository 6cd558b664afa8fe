//! The consents that wait for a person's word. They are only in memory, for a restart costs no more than another login.

use std::sync::{MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Directory;
use crate::storage::login::NewConsent;
use crate::storage::pending::STATE_LIFETIME;
use crate::storage::set_aside::{MOST, WaitingConsent};

/// The consents that wait, and those that nobody has confirmed.
#[derive(Debug, Default)]
pub(super) struct WaitingConsents {
    /// The oldest first.
    waiting: Vec<Waiting>,
    dropped: Vec<NewConsent>,
}

#[derive(Debug)]
struct Waiting {
    /// The digest of what confirms it.
    confirmation: String,
    since: Instant,
    content: WaitingConsent,
}

impl Directory {
    /// Keeps a consent under a confirmation with this digest.
    pub(in crate::storage) fn set_aside(&self, confirmation: String, content: WaitingConsent) {
        let mut consents = self.waiting();
        if consents.waiting.len() >= MOST {
            let oldest = consents.waiting.remove(0);
            consents.dropped.push(oldest.content.consent);
        }
        consents.waiting.push(Waiting { confirmation, since: Instant::now(), content });
    }

    /// The consent that waits for this confirmation, and goes on to wait.
    pub(in crate::storage) fn waiting_consent(&self, confirmation: &str) -> Option<NewConsent> {
        let consents = self.waiting();
        let waiting = consents.waiting.iter().find(|waiting| waiting.confirmation == confirmation)?;
        Some(waiting.content.consent.clone())
    }

    /// Takes the consent that waits for this confirmation.
    pub(in crate::storage) fn confirm(&self, confirmation: &str) -> Option<WaitingConsent> {
        let mut consents = self.waiting();
        let place = consents.waiting.iter().position(|waiting| waiting.confirmation == confirmation)?;
        Some(consents.waiting.remove(place).content)
    }

    /// Takes the consents that do not wait any more, and gives those that do as well.
    pub(in crate::storage) fn take_unconfirmed(&self) -> (Vec<NewConsent>, Vec<NewConsent>) {
        let mut consents = self.waiting();
        let dropped = std::mem::take(&mut consents.dropped);
        (dropped, consents.waiting.iter().map(|waiting| waiting.content.consent.clone()).collect())
    }

    /// Drops the consents that wait for `profile`, which was forgotten.
    pub(in crate::storage) fn drop_waiting(&self, profile: &str) {
        self.waiting().drop_where(|waiting| &*waiting.content.consent.profile == profile);
    }

    /// The consents, without those whose time is over.
    fn waiting(&self) -> MutexGuard<'_, WaitingConsents> {
        let mut consents = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        consents.drop_where(|waiting| waiting.since.elapsed() >= STATE_LIFETIME);
        consents
    }
}

impl WaitingConsents {
    fn drop_where(&mut self, is_dropped: impl Fn(&Waiting) -> bool) {
        let dropped = self.waiting.extract_if(.., |waiting| is_dropped(waiting));
        self.dropped.extend(dropped.map(|waiting| waiting.content.consent));
        // Nobody takes them in a command that ends soon, and a flood must not fill the memory.
        self.dropped.truncate(MOST);
    }
}
