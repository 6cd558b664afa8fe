//! Logins of profiles that left the configuration: a new name may take one over, after asking.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{Connected, Sessions};
use crate::storage::{Login, Storage};

/// The stored login of a profile that is not configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The name that it had.
    pub profile: String,
    /// Since when it was connected, Unix seconds.
    pub connected_at: i64,
}

/// A login could not be adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// No such profile is configured.
    #[error("there is no profile {0} in the configuration")]
    UnknownProfile(String),
    /// The profile has a login of its own.
    #[error("{0} is connected already")]
    Connected(Arc<str>),
    /// The former profile is configured again, has no login, or its person is another profile's.
    #[error("there is no login of {0} to take over")]
    NothingToAdopt(String),
    /// The storage directory does not work.
    #[error("the login could not be taken over: {0}")]
    Storage(String),
}

impl Sessions {
    /// The logins that a profile without one could take over, by name; none while every profile has a login.
    pub async fn orphans(&self) -> Vec<Orphan> {
        let is_connected = |it: &super::Session| it.status().borrow().login.is_some();
        if self.all().values().all(is_connected) {
            return Vec::new();
        }
        let orphaned = self.orphaned().await.into_iter();
        orphaned.map(|it| Orphan { profile: it.profile, connected_at: it.connected_at }).collect()
    }

    /// The stored logins of profiles that are not configured, of persons whom no other profile has, by name.
    pub(super) async fn orphaned(&self) -> Vec<Login> {
        let storage = self.services().storage.clone();
        let stored = spawn_blocking(move || storage.logins()).await.expect("storage does not panic");
        let is_orphaned = |it: &Login| self.get(&it.profile).is_none() && !self.knows(&it.user_id);
        stored.unwrap_or_default().into_iter().filter(is_orphaned).collect()
    }

    /// Gives the login and the readings of the profile `former`, which is no longer configured, to `profile`.
    pub async fn adopt(&self, profile: &str, former: &str) -> Result<Connected, AdoptError> {
        let session = self.get(profile).ok_or_else(|| AdoptError::UnknownProfile(profile.to_owned()))?;
        let _one_at_a_time = self.storing().await;
        // Another process may have logged the profile in a moment ago.
        session.look().await;
        if session.status().borrow().login.is_some() {
            return Err(AdoptError::Connected(Arc::clone(session.profile())));
        }
        if !self.orphans().await.iter().any(|it| it.profile == former) {
            return Err(AdoptError::NothingToAdopt(former.to_owned()));
        }
        let mut state = session.0.state.lock().await;
        let name = former.to_owned();
        let adopt =
            move |storage: &Storage, profile: &str| storage.lock_login(profile)?.adopt(&storage.lock_login(&name)?);
        let adopted = session.blocking(adopt).await.map_err(|error| AdoptError::Storage(error.with_cause()))?;
        let login = adopted.ok_or_else(|| AdoptError::NothingToAdopt(former.to_owned()))?;
        let demo = login.demo;
        session.connected(&mut state, login);
        tracing::info!(profile, former, "took over the login of a former profile");
        Ok(Connected { profile: Arc::clone(session.profile()), demo })
    }

    /// Whether a configured profile has the login of this person.
    fn knows(&self, user_id: &str) -> bool {
        self.all().values().any(|it| it.status().borrow().user_id.as_deref() == Some(user_id))
    }
}
