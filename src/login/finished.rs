//! Logins that were finished a moment ago: a browser that loads the page of their end again is told so once more.
//!
//! They are in the memory of this process. Of many replicas another one says that the login was used already, and the landing
//! page of each shows that it works.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::login_flow::Connected;
use crate::storage::STATE_LIFETIME;

/// How many are remembered, the latest ones.
const MOST: usize = 64;

/// The logins that were finished a moment ago, the oldest first.
#[derive(Default)]
pub(super) struct FinishedLogins(Mutex<VecDeque<FinishedLogin>>);

struct FinishedLogin {
    state: String,
    at: Instant,
    profile: Arc<str>,
    demo: bool,
}

impl FinishedLogins {
    /// Remembers the login that was begun with `state` and is finished now.
    pub(super) fn note(&self, state: String, connected: &Connected) {
        let mut finished = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.len() >= MOST {
            finished.pop_front();
        }
        finished.push_back(FinishedLogin {
            state,
            at: Instant::now(),
            profile: Arc::clone(&connected.profile),
            demo: connected.demo,
        });
    }

    /// The login that was begun with `state`, if it was finished less than 10 minutes ago.
    pub(super) fn find(&self, state: &str) -> Option<Connected> {
        let finished = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |login: &&FinishedLogin| login.state == state && login.at.elapsed() < STATE_LIFETIME;
        let login = finished.iter().find(is_it)?;
        Some(Connected { profile: Arc::clone(&login.profile), demo: login.demo, former: None })
    }
}
