//! Who may make how many of the requests: an exporter all of them, or its half while a backfill has the other.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::storage::Storage;
use crate::withings::pace::Pace;

/// How often an exporter looks whether there is a backfill.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a backfill waits before its first request: by then a running exporter has looked, so that no minute has more
/// requests than both may make together.
pub(super) const UNTIL_SEEN: Duration = Duration::from_secs(3);

/// What an exporter may make in a minute at this moment. Blocks.
fn of_exporter(storage: &Storage, whole: NonZeroU32) -> u32 {
    match storage.is_backfilling() {
        Ok(true) => whole.get() - whole.get() / 2,
        Ok(false) => whole.get(),
        Err(error) => {
            tracing::debug!(error = error.with_cause(), "it is not known whether a backfill runs");
            whole.get()
        }
    }
}

/// What a backfill may make in a minute.
pub(super) fn of_backfill(whole: NonZeroU32) -> Result<NonZeroU32> {
    match NonZeroU32::new(whole.get() / 2) {
        Some(half) => Ok(half),
        None => bail!("a backfill takes half of `requests_per_minute`, which is 1; allow at least 2"),
    }
}

/// Keeps an exporter to its share of `whole`, for ever.
pub(super) async fn keep_to_share(storage: Storage, pace: Pace, mut whole: watch::Receiver<NonZeroU32>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut share = whole.borrow().get();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            Ok(()) = whole.changed() => {}
        }
        let (looked, of) = (storage.clone(), *whole.borrow_and_update());
        let now = spawn_blocking(move || of_exporter(&looked, of)).await.expect("storage does not panic");
        if now != share {
            tracing::info!(requests_per_minute = now, "the requests that may be made in a minute have changed");
        }
        share = now;
        pace.set_rate(share);
    }
}
