//! New logins of another person, which wait until the replacement is confirmed: nothing is changed before. They are only in
//! memory, for a restart costs no more than another login.

use std::collections::BTreeMap;

use super::login::NewConsent;
use super::{Storage, login_states::STATE_LIFETIME};

/// How many consents may wait. One more drops the oldest, so that a flood of logins cannot fill the memory.
const MOST: usize = 20;

/// The consents that wait, by their confirmation, each with the time since when, Unix seconds.
pub(in crate::storage) type WaitingConsents = BTreeMap<String, (i64, NewConsent)>;

impl Storage {
    /// Keeps a consent for 10 minutes under a confirmation that nobody can guess.
    pub fn set_aside(&self, confirmation: &str, consent: NewConsent) {
        let now = self.0.clock.unix();
        let mut waiting = self.waiting();
        waiting.retain(|_, (since, _)| now - *since < STATE_LIFETIME);
        while waiting.len() >= MOST {
            let oldest =
                waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(confirmation, _)| confirmation.clone());
            waiting.remove(&oldest.expect("there are MOST, so there is an oldest"));
        }
        waiting.insert(confirmation.to_owned(), (now, consent));
    }

    /// Takes the consent that waits for this confirmation: once, and within 10 minutes.
    #[must_use]
    pub fn confirm(&self, confirmation: &str) -> Option<NewConsent> {
        let now = self.0.clock.unix();
        let (_, consent) = self.waiting().remove(confirmation).filter(|(since, _)| now - since < STATE_LIFETIME)?;
        Some(consent)
    }
}
