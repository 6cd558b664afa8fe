//! Logging in: from the consent page's address to a stored login, for the right person.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::Logins;
use crate::storage::{ConnectError, Login, NewConsent, Pending};
use crate::withings::error::CallError;
use crate::withings::oauth::random_token;

/// Whether a person is asked to log in, or Withings' demo user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person with a Withings account.
    Real,
    /// Withings' demo user.
    Demo,
}

/// A login that worked.
#[derive(Debug)]
pub struct Connected {
    /// The profile that the login is for.
    pub profile: Arc<str>,
    /// Whether it is the login of Withings' demo user.
    pub demo: bool,
    /// The login of another person that was replaced: its subscriptions can still be taken back with it.
    pub former: Option<Login>,
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
    /// The login was not started here, was finished already, or took longer than 10 minutes.
    #[error("this login was not started here, was used already, or took longer than 10 minutes")]
    State,
    /// The person who gave the consent belongs to another profile.
    #[error("this is the Withings account of {owner}, not of {profile}")]
    Taken {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// The profile that this person is known as.
        owner: Arc<str>,
    },
    /// Another person gave the consent than the one the profile belongs to.
    #[error("this is the Withings account of another person than {profile} has had")]
    AnotherPerson {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// What [`Logins::confirm`] takes, once, within 10 minutes, after the person was asked.
        confirmation: String,
    },
    /// Too many logins are under way for the share of the budget that they have.
    #[error(
        "the login of {profile} had no turn: other logins are under way, or `requests_per_minute` leaves no room at the moment"
    )]
    Busy {
        /// The profile that the login was started for.
        profile: Arc<str>,
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

impl Logins {
    /// Stores a new random state and gives the address of Withings' consent page.
    pub async fn begin(&self, profile: &str, mode: Mode) -> Result<Url, BeginError> {
        let profile = self.profile(profile).ok_or(BeginError::UnknownProfile)?;
        if let Some(left) = self.storage().paused_for().await {
            return Err(BeginError::Paused { seconds: left.as_secs() + 1 });
        }
        let demo = mode == Mode::Demo;
        let (url, state) = self.oauth().authorize_url(demo);
        let pending = Pending { profile: profile.to_string(), started_at: self.clock().unix(), demo };
        let begun = self.storage().begin_login(&state, pending).await;
        begun.map_err(|error| BeginError::Storage(error.with_cause()))?;
        Ok(url)
    }

    /// Finishes the login that was begun with `state`: exchanges the code at once and stores the login, unless it is
    /// another person's. `client` is the address from which the code came; the exchange waits for its turn among the addresses.
    pub async fn finish(&self, state: &str, code: &str, client: IpAddr) -> Result<Connected, FinishError> {
        let pending = self.storage().take_login(state).await;
        let pending = pending.map_err(|error| FinishError::Storage(error.with_cause()))?.ok_or(FinishError::State)?;
        // The profile may have left the configuration meanwhile.
        let profile = self.profile(&pending.profile).ok_or(FinishError::State)?;
        if let Some(left) = self.storage().paused_for().await {
            let reason =
                format!("it asked this application to wait {} seconds, and a code dies sooner", left.as_secs() + 1);
            return Err(FinishError::Unreachable { profile, reason });
        }
        let turn = self.exchange_turn(client).await;
        turn.map_err(|_| FinishError::Busy { profile: Arc::clone(&profile) })?;
        let new = self.oauth().exchange(code).await.map_err(|error| FinishError::of_exchange(&profile, &error))?;
        self.connect(NewConsent { profile, new, demo: pending.demo }, false).await
    }

    /// Puts the login of another person in the place of the former one, whose readings are deleted first. `confirmation`
    /// is that of [`FinishError::AnotherPerson`].
    pub async fn confirm(&self, confirmation: &str) -> Result<Connected, FinishError> {
        let confirmed = self.storage().confirm(confirmation).ok_or(FinishError::State)?;
        // The profile may have left the configuration meanwhile.
        self.profile(&confirmed.profile).ok_or(FinishError::State)?;
        self.connect(confirmed, true).await
    }

    async fn connect(&self, consent: NewConsent, may_replace: bool) -> Result<Connected, FinishError> {
        let NewConsent { profile, demo, .. } = consent.clone();
        match self.storage().connect(consent.clone(), &self.configured(), may_replace).await {
            Ok(former) => {
                tracing::info!(%profile, demo, "connected");
                Ok(Connected { profile, demo, former })
            }
            Err(ConnectError::Taken(owner)) => Err(FinishError::Taken { profile, owner }),
            Err(ConnectError::AnotherPerson) => {
                let confirmation = random_token();
                self.storage().set_aside(&confirmation, consent);
                Err(FinishError::AnotherPerson { profile, confirmation })
            }
            Err(ConnectError::Storage(error)) => Err(FinishError::Storage(error.with_cause())),
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
