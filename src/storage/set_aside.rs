//! New logins that wait until a person confirms them: nothing is changed before. They are only in memory, for a restart costs
//! no more than another login.

use super::Storage;
use super::login::NewConsent;
use super::pending::STATE_LIFETIME;

/// How many consents may wait. One more drops the oldest, so that a flood of logins cannot fill the memory.
const MOST: usize = 20;

/// The consents that wait, and those that nobody has confirmed.
#[derive(Debug, Default)]
pub(super) struct WaitingConsents {
    /// The oldest first.
    waiting: Vec<Waiting>,
    dropped: Vec<NewConsent>,
}

#[derive(Debug)]
struct Waiting {
    confirmation: String,
    /// Unix seconds.
    since: i64,
    content: WaitingConsent,
}

/// A consent that waits until a person confirms it.
#[derive(Clone, Debug)]
pub struct WaitingConsent {
    /// The consent.
    pub consent: NewConsent,
    /// Whether the person was asked about the replacement of another one, and not only whose account it is.
    pub may_replace: bool,
}

impl Storage {
    /// Keeps a consent for 10 minutes under a confirmation that nobody can guess.
    pub fn set_aside(&self, confirmation: &str, content: WaitingConsent) {
        let since = self.0.clock.unix();
        let mut consents = self.waiting();
        consents.drop_old(since);
        if consents.waiting.len() >= MOST {
            let oldest = consents.waiting.remove(0);
            consents.dropped.push(oldest.content.consent);
        }
        consents.waiting.push(Waiting { confirmation: confirmation.to_owned(), since, content });
    }

    /// The consent that waits for this confirmation, and goes on to wait.
    #[must_use]
    pub fn waiting_consent(&self, confirmation: &str) -> Option<NewConsent> {
        let mut consents = self.waiting();
        consents.drop_old(self.0.clock.unix());
        let waiting = consents.waiting.iter().find(|waiting| waiting.confirmation == confirmation)?;
        Some(waiting.content.consent.clone())
    }

    /// Takes the consent that waits for this confirmation: once, and within 10 minutes.
    #[must_use]
    pub fn confirm(&self, confirmation: &str) -> Option<WaitingConsent> {
        let mut consents = self.waiting();
        consents.drop_old(self.0.clock.unix());
        let place = consents.waiting.iter().position(|waiting| waiting.confirmation == confirmation)?;
        Some(consents.waiting.remove(place).content)
    }

    /// Takes the consents that nobody has confirmed in time, or that others have pushed out; but for those of a person of whom
    /// another consent waits.
    #[must_use]
    pub fn take_unconfirmed(&self) -> Vec<NewConsent> {
        let mut consents = self.waiting();
        consents.drop_old(self.0.clock.unix());
        let mut dropped = std::mem::take(&mut consents.dropped);
        let user_of = |waiting: &Waiting| waiting.content.consent.new.user_id.clone();
        dropped.retain(|dropped| !consents.waiting.iter().any(|waiting| user_of(waiting) == dropped.new.user_id));
        dropped
    }

    /// Drops the consents that wait for `profile`.
    pub(super) fn drop_waiting(&self, profile: &str) {
        self.waiting().drop_where(|waiting| &*waiting.content.consent.profile == profile);
    }
}

impl WaitingConsents {
    fn drop_old(&mut self, now: i64) {
        self.drop_where(|waiting| !(0..STATE_LIFETIME).contains(&(now - waiting.since)));
    }

    fn drop_where(&mut self, is_dropped: impl Fn(&Waiting) -> bool) {
        let dropped = self.waiting.extract_if(.., |waiting| is_dropped(waiting));
        self.dropped.extend(dropped.map(|waiting| waiting.content.consent));
        // Nobody takes them in a command that ends soon, and a flood must not fill the memory.
        self.dropped.truncate(MOST);
    }
}
