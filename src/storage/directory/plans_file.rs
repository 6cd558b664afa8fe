//! The plans of all profiles in one file. It is not synced: if a power cut undoes the last write, some calls are made a little
//! too soon.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::{Directory, StorageError, json_file, root};
use crate::storage::plan::{Now, StoredPlan, StoredPlans};
use crate::storage::queue::{Queue, REPEAT_AFTER};

const FILE: &str = "plans.json";

impl Directory {
    /// Gives `queue` the plans that the former process has stored, and notes that this one has not ended in good order yet.
    /// Blocks.
    pub(in crate::storage) fn restore_plans(&self, queue: &Queue) -> Result<(), StorageError> {
        let path = self.root().join(FILE);
        let stored = match read(self.root()) {
            Ok(Some(stored)) => stored,
            // Before the first login nothing was sent that the same could follow.
            Ok(None) => {
                StoredPlans { orderly: !root::has_logins(self.root()).unwrap_or(true), ..StoredPlans::default() }
            }
            Err(error) => {
                queue.rest(Instant::now() + REPEAT_AFTER);
                return Err(error);
            }
        };
        let now = Now::of(&self.0.clock);
        let plans = stored.profiles.iter().map(|(profile, plan)| (profile.as_str().into(), plan.clone().restored(now)));
        let sent = stored.sent.iter().filter_map(|(digest, at)| {
            let ago = u64::try_from(now.unix_ms - at).ok()?;
            Some((*digest, now.monotonic.checked_sub(Duration::from_millis(ago))?))
        });
        queue.restore(plans.collect(), sent.collect());
        if !stored.orderly {
            // What the former process has sent since it last stored its plans is not known.
            queue.rest(now.monotonic + REPEAT_AFTER);
        }
        if let Err(error) = json_file::save_unsynced(&path, &StoredPlans { orderly: false, ..stored }) {
            tracing::debug!(error = error.with_cause(), "it could not be noted that a process has begun");
        }
        Ok(())
    }

    /// Stores the plans, and the calls that were sent of late.
    pub(in crate::storage) async fn store_plans(&self, queue: &Queue, orderly: bool) -> Result<(), StorageError> {
        let (plans, sent) = queue.plans();
        let (now, path) = (Now::of(&self.0.clock), self.root().join(FILE));
        let profiles = plans.iter().map(|(profile, plan)| (profile.to_string(), StoredPlan::of(plan, now))).collect();
        let sent = sent.into_iter().map(|(digest, at)| (digest, now.unix_ms(at))).collect();
        let stored = StoredPlans { orderly, profiles, sent };
        self.disk().aside(move || json_file::save_unsynced(&path, &stored)).await
    }

    /// Removes the plan of a profile.
    pub(super) fn forget_plan(&self, profile: &str) -> Result<(), StorageError> {
        let Some(mut stored) = read(self.root())? else { return Ok(()) };
        match stored.profiles.remove(profile) {
            Some(_) => write(self.root(), &stored),
            None => Ok(()),
        }
    }
}

/// The stored plans.
pub(super) fn read(root: &Path) -> Result<Option<StoredPlans>, StorageError> {
    json_file::load(&root.join(FILE))
}

/// Writes the plans.
pub(super) fn write(root: &Path, plans: &StoredPlans) -> Result<(), StorageError> {
    json_file::save_unsynced(&root.join(FILE), plans)
}
