//! The rows of the work: who refreshes which profile, what is planned, and of what Withings has news.

use std::sync::Arc;
use std::time::Duration;

use super::{Postgres, StorageError};
use crate::catalogue::Call;
use crate::storage::plan::Plan;
use crate::storage::queue::Claim;
use crate::storage::queue::Hold;

impl Postgres {
    /// Takes the right to refresh a profile.
    pub(in crate::storage) async fn hold(&self, _profile: &str) -> Result<Hold, StorageError> {
        todo!("W")
    }

    /// Gives that right back, and nothing was done.
    pub(in crate::storage) async fn let_go(&self, _profile: &str, _fence: u64) {
        todo!("W")
    }

    /// Keeps that right; returns false if it is lost.
    pub(in crate::storage) async fn renew(&self, _claim: &Claim) -> Result<bool, StorageError> {
        todo!("W")
    }

    /// Stores the plan of a claim that goes on, or that has ended.
    pub(in crate::storage) async fn store_work(&self, _claim: &Claim, _has_ended: bool) -> Result<(), StorageError> {
        todo!("W")
    }

    /// Stores plans that a start or a reload has changed, unless another replica is at work on them.
    pub(in crate::storage) async fn store_plans_of(&self, _plans: Vec<(Arc<str>, Plan)>) -> Result<(), StorageError> {
        todo!("W")
    }

    /// Stores that Withings has news for these calls.
    pub(in crate::storage) async fn mark(&self, _profile: &str, _calls: &[Call]) -> Result<(), StorageError> {
        todo!("W")
    }

    /// Notes that the call with this digest is sent now; gives how long it must rest if it was sent of late.
    pub(in crate::storage) async fn send(&self, _digest: u64) -> Result<Option<Duration>, StorageError> {
        todo!("W")
    }
}
