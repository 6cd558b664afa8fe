//! New logins that wait until a person confirms them: nothing is changed before.

use super::login::NewConsent;
use super::pending::digest;
use super::{Storage, StorageError};

/// How many consents may wait. One more drops the oldest, so that a flood of logins cannot fill the storage.
pub(super) const MOST: usize = 20;

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
    pub async fn set_aside(&self, confirmation: &str, content: WaitingConsent) -> Result<(), StorageError> {
        self.0.back_end.set_aside(digest(confirmation), content).await
    }

    /// The consent that waits for this confirmation, and goes on to wait.
    pub async fn waiting_consent(&self, confirmation: &str) -> Result<Option<NewConsent>, StorageError> {
        self.0.back_end.waiting_consent(&digest(confirmation)).await
    }

    /// Takes the consent that waits for this confirmation: once, and within 10 minutes.
    pub async fn confirm(&self, confirmation: &str) -> Result<Option<WaitingConsent>, StorageError> {
        self.0.back_end.confirm(&digest(confirmation)).await
    }

    /// Takes the consents that nobody has confirmed in time, that others have pushed out, or the login of whose profile was
    /// forgotten; but for those of a person of whom another consent waits.
    pub async fn take_unconfirmed(&self) -> Result<Vec<NewConsent>, StorageError> {
        let (mut over, waiting) = self.0.back_end.take_unconfirmed().await?;
        over.retain(|over| !waiting.iter().any(|waiting| waiting.new.user_id == over.new.user_id));
        Ok(over)
    }
}
