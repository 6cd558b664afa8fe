//! The limit of scrapes that run at one time.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// How long a scrape counts whose client does not take the page: longer than one that does takes, and so short that the
/// clients of all connections together cannot use up the usual limit.
const COUNTS_FOR: Duration = Duration::from_secs(2);

/// How many scrapes may run at one time, over all listeners. Clones share the count.
#[derive(Clone, Debug)]
pub struct Scrapes {
    pub(super) limit: usize,
    running: Arc<Mutex<Vec<RunningScrape>>>,
}

#[derive(Debug)]
struct RunningScrape {
    since: Instant,
    /// Gone when the scrape has ended.
    token: Weak<()>,
}

/// A scrape, until this is dropped.
pub(super) struct Scrape(
    #[expect(dead_code, reason = "the list of running scrapes sees whether it is still there")] Arc<()>,
);

impl Scrapes {
    /// At most `limit`; 0 for no limit.
    #[must_use]
    pub fn at_most(limit: usize) -> Self {
        Self { limit, running: Arc::default() }
    }

    /// Begins a scrape; `None` if as many run as may.
    pub(super) fn begin(&self) -> Option<Scrape> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|scrape| scrape.token.strong_count() > 0 && scrape.since.elapsed() < COUNTS_FOR);
        if self.limit > 0 && running.len() >= self.limit {
            return None;
        }
        let token = Arc::new(());
        running.push(RunningScrape { since: Instant::now(), token: Arc::downgrade(&token) });
        Some(Scrape(token))
    }
}
