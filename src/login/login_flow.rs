//! Logging in: from the consent page's address to a stored login, for the right person.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::Logins;
use crate::storage::{Beginning, ConnectError, Login, NewConsent, NewLogin, Pending, StorageError, WaitingConsent};
use crate::telemetry::log::with_causes;
use crate::withings::error::CallError;
use crate::withings::oauth::random_token;

/// What to do where Withings was reached and gave no answer that is of any use.
const UNUSABLE_ADVICE: &str =
    "This machine reaches Withings, and the mistake is there, or in a proxy in between. Wait a few minutes.";

/// Whether a person is asked to log in, or Withings' demo user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person with a Withings account.
    Real,
    /// Withings' demo user.
    Demo,
}

/// What a browser brings back from the consent page, or a person pastes. No `Debug`: these are secrets.
pub struct Return {
    /// The state that the login began with.
    pub state: String,
    /// The code to exchange.
    pub code: String,
    /// Whether it comes from where the login began: the browser remembers the state, or it was pasted in a terminal of this host.
    pub is_proven: bool,
    /// The address that it comes from.
    pub client: IpAddr,
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
    /// Too many logins begin and end at the moment.
    #[error("too many logins begin and end at the moment; please try again in a few seconds")]
    TooMany,
    /// The login could not be remembered.
    #[error("the beginning of the login could not be saved: {}", .0.with_cause())]
    Storage(StorageError),
}

/// A login could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Too many logins begin and end at the moment; nothing was changed.
    #[error("too many logins begin and end at the moment; please try again in a few seconds")]
    TooMany,
    /// The login was not started here, was finished already, or took longer than 10 minutes.
    #[error("this login was not started here, was used already, or took longer than 10 minutes")]
    State,
    /// The login was not begun where it was finished: somebody else may have sent the browser here.
    #[error("the login of {profile} was not begun in this browser, and waits for a confirmation")]
    Unproven {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// What [`Logins::confirm`] takes, once, within 10 minutes, after the person was asked.
        confirmation: String,
    },
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
    /// Withings could not be reached, or gave no answer that is of any use.
    #[error("Withings {what} for the login of {profile}: {reason}. {advice}")]
    NoAnswer {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// Which of the two, after "Withings".
        what: &'static str,
        /// What happened, with its causes.
        reason: String,
        /// What to do, in sentences.
        advice: &'static str,
    },
    /// Withings asks this application to wait.
    #[error("the login of {profile} cannot be finished now: Withings asks this application to wait {seconds} seconds")]
    Paused {
        /// The profile that the login was started for.
        profile: Arc<str>,
        /// How much longer.
        seconds: u64,
    },
    /// The login could not be saved.
    #[error("the login could not be saved: {}", .0.with_cause())]
    Storage(StorageError),
}

impl Logins {
    /// Stores a new random state and gives the address of Withings' consent page, for the client at this address.
    pub async fn begin(
        &self,
        profile: &str,
        mode: Mode,
        beginning: Beginning,
        client: IpAddr,
    ) -> Result<Url, BeginError> {
        let profile = self.profile(profile).ok_or(BeginError::UnknownProfile)?;
        let slot = self.state_slot(client).await.ok_or(BeginError::TooMany)?;
        let logins = self.clone();
        // In a task of its own: a client that goes away makes no room while the disk still works for it.
        let begun = tokio::spawn(async move {
            let _slot = slot;
            logins.begin_in_turn(&profile, mode, beginning).await
        });
        begun.await.expect("nobody aborts this task, and its panic is ours")
    }

    async fn begin_in_turn(&self, profile: &str, mode: Mode, beginning: Beginning) -> Result<Url, BeginError> {
        if let Some(left) = self.storage().paused_for().await {
            return Err(BeginError::Paused { seconds: left.as_secs() + 1 });
        }
        let demo = mode == Mode::Demo;
        let (url, state) = self.oauth().authorize_url(demo);
        let started_at = self.clock().unix();
        let pending = Pending { profile: profile.to_owned(), started_at, demo, beginning };
        self.storage().begin_login(&state, pending).await.map_err(BeginError::Storage)?;
        Ok(url)
    }

    /// Finishes a login: exchanges the code at once and stores the login, unless it is another person's. Without a proof that
    /// it is finished where it began, it is set aside. The exchange waits for its turn among the addresses of clients.
    pub async fn finish(&self, back: Return) -> Result<Connected, FinishError> {
        let slot = self.state_slot(back.client).await.ok_or(FinishError::TooMany)?;
        let pending = self.storage().take_login(&back.state).await;
        drop(slot);
        let Some(pending) = pending.map_err(FinishError::Storage)? else {
            let before = self.0.finished.find(&back.state);
            return before.filter(|_| back.is_proven).ok_or(FinishError::State);
        };
        // The profile may have left the configuration meanwhile.
        let profile = self.profile(&pending.profile).ok_or(FinishError::State)?;
        let new = self.exchange(&profile, &back).await?;
        let consent = NewConsent { profile, new, demo: pending.demo };
        if !back.is_proven && pending.beginning != Beginning::Terminal {
            let profile = Arc::clone(&consent.profile);
            return Err(FinishError::Unproven { profile, confirmation: self.set_aside(consent, false).await? });
        }
        let connected = self.connect(consent, false).await?;
        self.0.finished.note(back.state, &connected);
        Ok(connected)
    }

    async fn exchange(&self, profile: &Arc<str>, back: &Return) -> Result<NewLogin, FinishError> {
        let profile = || Arc::clone(profile);
        if let Some(left) = self.storage().paused_for().await {
            return Err(FinishError::Paused { profile: profile(), seconds: left.as_secs() + 1 });
        }
        let turn = self.exchange_turn(back.client).await;
        turn.map_err(|_| FinishError::Busy { profile: profile() })?;
        let exchanged = self.oauth().exchange(&back.code).await;
        exchanged.map_err(|error| FinishError::of_exchange(profile(), &error))
    }

    /// Connects what was set aside. `confirmation` is that of [`FinishError::Unproven`], or of [`FinishError::AnotherPerson`]:
    /// then the readings of the former person are deleted first. The client at this address waits for its turn, for what confirms
    /// may be made up.
    pub async fn confirm(&self, confirmation: &str, client: IpAddr) -> Result<Connected, FinishError> {
        let slot = self.state_slot(client).await.ok_or(FinishError::TooMany)?;
        let confirmed = self.storage().confirm(confirmation).await;
        drop(slot);
        let confirmed = confirmed.map_err(FinishError::Storage)?;
        let WaitingConsent { consent, may_replace } = confirmed.ok_or(FinishError::State)?;
        // The profile may have left the configuration meanwhile.
        self.profile(&consent.profile).ok_or(FinishError::State)?;
        self.connect(consent, may_replace).await
    }

    /// Sets a consent aside and gives what confirms it.
    async fn set_aside(&self, consent: NewConsent, may_replace: bool) -> Result<String, FinishError> {
        let confirmation = random_token();
        let stored = self.storage().set_aside(&confirmation, WaitingConsent { consent, may_replace }).await;
        stored.map_err(FinishError::Storage)?;
        Ok(confirmation)
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
                Err(FinishError::AnotherPerson { profile, confirmation: self.set_aside(consent, true).await? })
            }
            Err(ConnectError::Storage(error)) => Err(FinishError::Storage(error)),
        }
    }
}

impl FinishError {
    fn of_exchange(profile: Arc<str>, error: &CallError) -> Self {
        match error {
            CallError::Refused(refusal) if refusal.status == 503 => Self::Refused {
                profile,
                advice: format!(
                    "{refusal}. A code lives 30 seconds and works once; Withings says the same when client_id or client_secret \
                     is wrong. Please start again. If it happens again, compare client_id, client_secret and the redirect \
                     URI with those in Withings’ developer dashboard"
                ),
            },
            CallError::Refused(refusal) => Self::Refused { profile, advice: refusal.to_string() },
            error => {
                let unreachable = if let CallError::Http(error) = error { error.advice() } else { None };
                let unreachable = unreachable.map(|advice| ("could not be reached", advice));
                let (what, advice) = unreachable.unwrap_or(("gave no usable answer", UNUSABLE_ADVICE));
                Self::NoAnswer { profile, what, reason: with_causes(error), advice }
            }
        }
    }
}
