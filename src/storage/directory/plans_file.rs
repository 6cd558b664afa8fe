//! The plans of all profiles in one file. It is not synced: if a power cut undoes the last write, some calls are made a little
//! too soon.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Now, StoredPlan, StoredPlans};
use super::queue::REPEAT_AFTER;
use super::{Storage, StorageError, json_file};

const FILE: &str = "plans.json";

/// How often the plans are stored at the most.
const STORED_EVERY: Duration = Duration::from_mins(1);

impl Storage {
    /// Takes the plans that the former process has stored, and notes that this one has not ended in good order yet.
    pub(in crate::storage) fn restore_plans(&self) -> Result<(), StorageError> {
        let path = self.0.root.join(FILE);
        let Some(stored) = json_file::load::<StoredPlans>(&path)? else { return Ok(()) };
        let now = self.now();
        let plans = stored.profiles.iter().map(|(profile, plan)| (profile.as_str().into(), plan.clone().restored(now)));
        let sent = stored.sent.iter().filter_map(|(digest, at)| {
            let ago = u64::try_from(now.unix_ms - at).ok()?;
            Some((*digest, now.monotonic.checked_sub(Duration::from_millis(ago))?))
        });
        self.0.queue.restore(plans.collect(), sent.collect());
        if !stored.orderly {
            // What the former process has sent since it last stored its plans is not known.
            self.0.queue.rest(now.monotonic + REPEAT_AFTER);
        }
        if let Err(error) = json_file::save_unsynced(&path, &StoredPlans { orderly: false, ..stored }) {
            tracing::debug!(error = error.with_cause(), "it could not be noted that a process has begun");
        }
        Ok(())
    }

    /// Stores the plans if that was not done in the last minute.
    pub async fn keep_plans(&self) {
        let is_due = {
            let mut stored_at = self.0.plans_stored_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let is_due = stored_at.elapsed() >= STORED_EVERY;
            if is_due {
                *stored_at = Instant::now();
            }
            is_due
        };
        if is_due {
            self.store_plans(false).await;
        }
    }

    /// Stores the plans at the end of the process.
    pub async fn end_in_order(&self) {
        self.store_plans(true).await;
    }

    async fn store_plans(&self, orderly: bool) {
        let (now, path) = (self.now(), self.0.root.join(FILE));
        let (plans, sent) = self.0.queue.plans();
        let profiles = plans.iter().map(|(profile, plan)| (profile.to_string(), StoredPlan::of(plan, now))).collect();
        let sent = sent.into_iter().map(|(digest, at)| (digest, now.unix_ms(at))).collect();
        let stored = StoredPlans { orderly, profiles, sent };
        if let Err(error) = self.0.disk.aside(move || json_file::save_unsynced(&path, &stored)).await {
            tracing::debug!(error = error.with_cause(), "the plans could not be stored");
        }
    }

    fn now(&self) -> Now {
        Now { monotonic: Instant::now(), unix_ms: self.0.clock.unix_ms() }
    }
}

/// Removes the plan of a profile.
pub(super) fn forget(root: &Path, profile: &str) -> Result<(), StorageError> {
    let path = root.join(FILE);
    let Some(mut stored) = json_file::load::<StoredPlans>(&path)? else { return Ok(()) };
    match stored.profiles.remove(profile) {
        Some(_) => json_file::save_unsynced(&path, &stored),
        None => Ok(()),
    }
}
