//! The rows of readings and events.

use super::{Postgres, StorageError};
use crate::storage::queue::Claim;
use crate::storage::readings::{Events, StoredState};

impl Postgres {
    /// What is stored of the person of `profile`.
    pub(in crate::storage) async fn load(&self, _profile: &str) -> Result<StoredState, StorageError> {
        todo!("W")
    }

    /// What happened in the bed of the person of `profile`.
    pub(in crate::storage) async fn load_events(&self, _profile: &str) -> Result<Option<Events>, StorageError> {
        todo!("W")
    }

    /// Stores the state that the calls of a claim have changed; returns false if the claim has ended or the login is gone.
    pub(in crate::storage) async fn save(&self, _claim: &Claim, _state: StoredState) -> Result<bool, StorageError> {
        todo!("W")
    }

    /// Adds events to those that are stored of the same person, if the profile has a login.
    pub(in crate::storage) async fn save_events(&self, _profile: &str, _events: Events) -> Result<(), StorageError> {
        todo!("W")
    }
}
