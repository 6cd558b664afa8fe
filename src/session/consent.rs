//! Logging in: from the consent page's address to a stored login, for the right person.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use url::Url;

use super::tokens::State;
use super::{Services, Session};
use crate::storage::{NewLogin, Pending, Storage};
use crate::withings::client::CallError;

/// All profiles' sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<All>);

struct All {
    services: Services,
    sessions: BTreeMap<Arc<str>, Session>,
    /// Held while a person is checked against all profiles and stored: two logins at once could both pass the check.
    storing: Mutex<()>,
}

/// Who is asked to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person with a Withings account.
    Real,
    /// Withings' demo user.
    Demo,
}

/// A login that worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The profile that it is for.
    pub profile: Arc<str>,
    /// Whether it is Withings' demo user.
    pub demo: bool,
}

/// A login could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No such profile is configured.
    #[error("there is no such profile in the configuration")]
    UnknownProfile,
    /// Withings asked the application to wait, and a code would die meanwhile.
    #[error("Withings asked this application to wait; please try again in {seconds} seconds")]
    Paused {
        /// How much longer.
        seconds: u64,
    },
    /// The login could not be remembered.
    #[error("the storage directory cannot be written: {0}")]
    Storage(String),
}

/// A login could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Nobody started it, it was finished already, or it took longer than 10 minutes.
    #[error("this login was not started here, was used already, or took longer than 10 minutes")]
    State,
    /// Another person gave the consent than the one the profile belongs to.
    #[error("this is the Withings account of another person than {profile}")]
    WrongPerson {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// The profile that this person is known as.
        owner: Option<Arc<str>>,
    },
    /// Withings refused the code.
    #[error("Withings refused the login of {profile}: {advice}")]
    Refused {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// Withings' words and what to do.
        advice: String,
    },
    /// Withings did not answer.
    #[error("Withings could not be reached for the login of {profile}: {reason}")]
    Unreachable {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// What happened.
        reason: String,
    },
    /// The login could not be saved.
    #[error("the login could not be saved: {0}")]
    Storage(String),
}

impl Sessions {
    /// A session for each of `profiles`, with the logins that are stored. Blocks.
    #[must_use]
    pub fn restore(profiles: &[Arc<str>], services: &Services) -> Self {
        let restore =
            |profile: &Arc<str>| (Arc::clone(profile), Session::restore(Arc::clone(profile), services.clone()));
        let sessions = profiles.iter().map(restore).collect();
        Self(Arc::new(All { services: services.clone(), sessions, storing: Mutex::new(()) }))
    }

    /// The session of `profile`.
    #[must_use]
    pub fn get(&self, profile: &str) -> Option<&Session> {
        self.0.sessions.get(profile)
    }

    /// Stores a new random state and gives the address of Withings' consent page.
    pub async fn begin(&self, profile: &str, mode: Mode) -> Result<Url, BeginError> {
        let session = self.get(profile).ok_or(BeginError::UnknownProfile)?;
        let services = &self.0.services;
        if let Some(left) = services.client.pace().paused_for() {
            return Err(BeginError::Paused { seconds: left.as_secs() + 1 });
        }
        let demo = mode == Mode::Demo;
        let (url, state) = services.oauth.authorize_url(demo);
        let started_at = services.clock.unix();
        let remember = move |storage: &Storage, profile: &str| {
            storage.add_pending(&state, Pending { profile: profile.to_owned(), started_at, demo })
        };
        session.blocking(remember).await.map_err(|error| BeginError::Storage(error.with_cause()))?;
        Ok(url)
    }

    /// Finishes the login that was started with `state`: exchanges the code at once and stores the login, unless it is
    /// another person's.
    pub async fn finish(&self, state: &str, code: &str) -> Result<Connected, FinishError> {
        let pending = self.take(state.to_owned()).await?.ok_or(FinishError::State)?;
        // A profile that left the configuration meanwhile.
        let session = self.get(&pending.profile).ok_or(FinishError::State)?;
        if let Some(left) = self.0.services.client.pace().paused_for() {
            let reason =
                format!("it asked this application to wait {} seconds, and a code dies sooner", left.as_secs() + 1);
            return Err(FinishError::Unreachable { profile: Arc::clone(session.profile()), reason });
        }
        let new = self.0.services.oauth.exchange(code).await;
        let new = new.map_err(|error| FinishError::of_exchange(session.profile(), &error))?;
        self.store(session, new, pending.demo).await?;
        tracing::info!(profile = %session.profile(), demo = pending.demo, "connected");
        Ok(Connected { profile: Arc::clone(session.profile()), demo: pending.demo })
    }

    /// Waits until no rotation is under way.
    pub async fn settle(&self) {
        for session in self.0.sessions.values() {
            session.settle().await;
        }
    }

    async fn take(&self, state: String) -> Result<Option<Pending>, FinishError> {
        let (storage, now) = (self.0.services.storage.clone(), self.0.services.clock.unix());
        let taken = spawn_blocking(move || storage.take_pending(&state, now)).await.expect("storage does not panic");
        taken.map_err(|error| FinishError::Storage(error.with_cause()))
    }

    async fn store(&self, session: &Session, new: NewLogin, demo: bool) -> Result<(), FinishError> {
        let _one_at_a_time = self.0.storing.lock().await;
        self.check_person(session, &new.user_id).await?;
        let mut state = session.0.state.lock().await;
        let now = self.0.services.clock.unix();
        let replace = move |storage: &Storage, profile: &str| storage.lock_login(profile)?.replace(&new, now, demo);
        let login = session.blocking(replace).await.map_err(|error| FinishError::Storage(error.with_cause()))?;
        session.connected(&mut state, login);
        Ok(())
    }

    /// Two names with one body is the mistake people make: the browser is still logged in as the first person. Withings'
    /// demo user owns nothing and so is welcome anywhere, but not in a person's place.
    async fn check_person(&self, session: &Session, user_id: &str) -> Result<(), FinishError> {
        let profile = Arc::clone(session.profile());
        for other in self.0.sessions.values() {
            let is_owner = other.0.state.lock().await.owner() == Some(user_id);
            if is_owner && other.profile() != session.profile() {
                return Err(FinishError::WrongPerson { profile, owner: Some(Arc::clone(other.profile())) });
            }
        }
        let pinned = session.0.state.lock().await;
        match State::owner(&pinned) {
            Some(owner) if owner != user_id => Err(FinishError::WrongPerson { profile, owner: None }),
            _ => Ok(()),
        }
    }
}

impl FinishError {
    fn of_exchange(profile: &Arc<str>, error: &CallError) -> Self {
        let profile = Arc::clone(profile);
        match error {
            CallError::Refused(refusal) if refusal.status == 503 => Self::Refused {
                profile,
                advice: format!(
                    "{refusal}. A code lives 30 seconds and works once: please start again. If it happens again, check \
                     client_id, client_secret and the registered redirect URI"
                ),
            },
            CallError::Refused(refusal) => Self::Refused { profile, advice: refusal.to_string() },
            error => Self::Unreachable { profile, reason: error.to_string() },
        }
    }
}
