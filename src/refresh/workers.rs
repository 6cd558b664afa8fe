//! The workers: eight at a time, each with one claim. They listen for nothing but the next claim.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Refresher;
use crate::storage::Claim;

/// How many profiles are refreshed at a time: enough to use the budget of 120 requests a minute where an answer takes seconds.
const WORKERS: usize = 8;

impl Refresher {
    /// Refreshes the profiles that are due until this future is dropped, and with it every refresh that is under way. A token
    /// pair that comes after that is stored all the same, by the task of its rotation.
    pub async fn run(&self) {
        let workers = Arc::new(Semaphore::new(WORKERS));
        let mut work = JoinSet::new();
        loop {
            let worker = Arc::clone(&workers).acquire_owned().await.expect("the semaphore is never closed");
            let claim = self.storage().claim().await;
            while work.try_join_next().is_some() {}
            let refresher = self.clone();
            work.spawn(async move {
                refresher.work(claim).await;
                drop(worker);
            });
        }
    }

    /// Does the work of one claim. A panic ends this claim only.
    async fn work(&self, claim: Claim) {
        let (refresher, held) = (self.clone(), claim.clone());
        if has_panicked(async move { refresher.refresh(held).await }).await {
            tracing::error!(profile = %claim.profile, "a refresh has failed for a mistake in this program, please report it");
            self.fail(claim, "a mistake in this program; its log says more").await;
        }
    }
}

/// Does `work` in a task of its own, which ends with its caller; returns whether it has panicked.
async fn has_panicked(work: impl Future<Output = ()> + Send + 'static) -> bool {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    tasks.join_next().await.is_some_and(|ended| ended.is_err_and(|error| error.is_panic()))
}

#[cfg(test)]
#[path = "workers_tests.rs"]
mod tests;
