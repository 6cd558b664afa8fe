//! One profile's login: a call gets a token, is made, and after a refusal of the token is repeated once with a new one.
//!
//! Withings' old refresh token dies when the new access token is first used, or 8 hours later. Hence: one refresh at a
//! time, the new pair is on disk before its first use, the old refresh token stays beside it until then, and a failed
//! refresh overwrites nothing.

mod acquaintance;
mod adoption;
mod consent;
mod parting;
mod retry;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

pub use acquaintance::{Acquaintance, weighed_at};
pub use adoption::{AdoptError, Orphan};
pub use consent::{BeginError, Connected, FinishError, Mode, Sessions};
pub use retry::{Next, after_failure};
use tokens::{State, Token};

use crate::clock::Clock;
use crate::reading;
use crate::storage::{Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::withings::answer::Rows;
use crate::withings::client::{CallError, Client};
use crate::withings::envelope::Remedy;
use crate::withings::oauth::OAuth;
use crate::withings::request::Request;
use crate::withings::thin::{self, Thin};
use crate::withings::wire::Page;

/// How long after a call the identical one may be made: Withings refuses it within 10 s (withings-api: limits).
pub const REPEAT_AFTER: Duration = Duration::from_secs(11);

/// More pages than any history has: their offsets grow, but they never end.
const MOST_PAGES: usize = 2000;

/// One profile's login. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    profile: Arc<str>,
    services: Arc<Services>,
    /// Held while a token is looked at, and during a whole rotation: one refresh at a time.
    state: Arc<Mutex<State>>,
    status: watch::Sender<Status>,
}

/// What every session uses.
pub struct Services {
    /// Where logins are kept.
    pub storage: Storage,
    /// Withings, as it is reached at present.
    pub remote: watch::Receiver<Remote>,
    /// The present time.
    pub clock: Clock,
    /// Where rotations and storage failures are counted.
    pub telemetry: Telemetry,
}

/// Withings, as the configuration says that it is reached. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    /// The API.
    pub client: Client,
    /// The tokens.
    pub oauth: OAuth,
}

impl Services {
    fn client(&self) -> Client {
        self.remote.borrow().client.clone()
    }

    fn oauth(&self) -> OAuth {
        self.remote.borrow().oauth.clone()
    }
}

/// What others may know about a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Grows by one with each new consent: who waits for a login waits for this.
    pub consents: u64,
    /// Withings' id of the person.
    pub user_id: Option<Arc<str>>,
    /// The login as a snapshot shows it; `None` without one.
    pub login: Option<reading::Login>,
    /// The configured profile whose person this is as well: the login is not used, and nothing of it is shown.
    pub twin_of: Option<Arc<str>>,
}

/// A call could not be made, or failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Nobody has logged this profile in.
    #[error("nobody has logged in yet")]
    NoLogin,
    /// Somebody logged in while the call was made: its answer may be another person's.
    #[error("somebody logged in meanwhile")]
    NewLogin,
    /// Two configured profiles have the login of one person.
    #[error("this is the same person as {profile}: take one of the two names out of the configuration")]
    SamePerson {
        /// The profile that shows the person.
        profile: Arc<str>,
    },
    /// Withings does not accept the login any more; somebody must log in again.
    #[error("Withings does not accept the login any more; please connect it again")]
    LoginRefused {
        /// When to try it again by itself.
        retry_in: Duration,
    },
    /// The login could not be read, or a new token pair could not be saved.
    #[error("the login could not be read or saved")]
    Storage(#[source] StorageError),
    /// A refresh of the token failed.
    #[error("the token could not be refreshed")]
    Refresh(#[source] CallError),
    /// A refresh of the token failed a moment ago, for another call.
    #[error("the token could not be refreshed a moment ago")]
    RefreshRests {
        /// When it may be tried again.
        retry_in: Duration,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Session {
    /// The session of `profile`, with the login that is stored.
    #[must_use]
    pub fn restore(profile: Arc<str>, services: Arc<Services>) -> Self {
        services.telemetry.expect_profile(&profile);
        let state = State::restore(&services.storage, &profile);
        let (status, _) = watch::channel(state.status(0));
        Self(Arc::new(Inner { profile, services, state: Arc::new(Mutex::new(state)), status }))
    }

    /// The profile's name.
    #[must_use]
    pub fn profile(&self) -> &Arc<str> {
        &self.0.profile
    }

    /// What others may know about the login, and each change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status.subscribe()
    }

    /// The present time by Withings' clock, Unix seconds.
    #[must_use]
    pub fn server_now(&self) -> i64 {
        self.0.services.remote.borrow().client.server_now()
    }

    /// Makes a call and follows its pages: all rows, or nothing.
    pub async fn rows<P: Page>(&self, request: &Request) -> Result<Vec<P::Row>, SessionError> {
        self.thinned_rows::<P>(request, thin::not).await
    }

    /// The same without the rows that `thin` leaves out, as soon as they are many.
    pub async fn thinned_rows<P: Page>(
        &self,
        request: &Request,
        thin: Thin<P::Row>,
    ) -> Result<Vec<P::Row>, SessionError> {
        let mut all = Vec::new();
        let mut offset = None;
        let whose = self.whose();
        for _ in 0..MOST_PAGES {
            let Rows { rows, next, .. } = self.page::<P>(request, offset, thin).await?;
            if self.whose() != whose {
                return Err(SessionError::NewLogin);
            }
            all.extend(rows);
            let Some(next) = next else { return Ok(all) };
            thin(&mut all, self.server_now());
            let previous = offset.replace(next).unwrap_or(0);
            if next <= previous {
                return Err(self.endless(request, CallError::SameOffset { previous, offset: next }));
            }
        }
        Err(self.endless(request, CallError::EndlessPages(MOST_PAGES)))
    }

    /// Waits until a rotation under way has stored its pair, and stores one that could not be stored when it came.
    pub async fn settle(&self) {
        let mut state = self.0.state.lock().await;
        if let Err(SessionError::Storage(error)) = self.save_unsaved(&mut state).await {
            tracing::error!(
                profile = %self.0.profile, error = error.with_cause(),
                "a new token pair cannot be saved and ends with the process; the login may have to be connected again"
            );
        }
    }

    /// Saves the profile's readings, whole. Waits for a rotation under way, which holds the login's lock: a thread that
    /// waited for the lock itself would be blocked as long as Withings takes to answer.
    pub async fn save_readings<T: Serialize + Send + 'static>(&self, readings: T) -> Result<(), StorageError> {
        let _no_rotation = self.0.state.lock().await;
        let saved = self.blocking(move |storage, profile| storage.save_readings(profile, &readings)).await;
        saved.inspect_err(|_| self.0.services.telemetry.storage_failure(&self.0.profile))
    }

    /// The addresses that Withings may have been asked to call for this login.
    pub async fn callbacks(&self) -> Result<BTreeSet<String>, StorageError> {
        self.blocking(Storage::callbacks).await
    }

    /// Saves the addresses that Withings may have been asked to call for this login, whole.
    pub async fn save_callbacks(&self, callbacks: BTreeSet<String>) -> Result<(), StorageError> {
        let _no_rotation = self.0.state.lock().await;
        self.blocking(move |storage, profile| storage.save_callbacks(profile, &callbacks)).await
    }

    async fn page<P: Page>(
        &self,
        request: &Request,
        offset: Option<i64>,
        thin: Thin<P::Row>,
    ) -> Result<Rows<P::Row>, SessionError> {
        let token = self.token(None).await?;
        let answer = self.call::<P>(&token, request, offset, thin).await;
        if !answer.as_ref().is_err_and(refuses_token) {
            return Ok(answer?);
        }
        let refused_at = Instant::now();
        let token = self.token(Some(token)).await?;
        sleep_until(refused_at + REPEAT_AFTER).await;
        let answer = self.call::<P>(&token, request, offset, thin).await;
        if answer.as_ref().is_err_and(refuses_token) {
            self.change(|state| state.refuse(request.call)).await;
        }
        Ok(answer?)
    }

    /// One call with one token. Data, and the word that a permission lacks, tell that the token was used and works; a limit
    /// or a broken service answers before it looks at the token.
    async fn call<P: Page>(
        &self,
        token: &Token,
        request: &Request,
        offset: Option<i64>,
        thin: Thin<P::Row>,
    ) -> Result<Rows<P::Row>, CallError> {
        let client = self.0.services.client();
        let token_text = token.secret.expose_secret();
        let answer = client.page::<P>(&self.0.profile, token_text, request, offset, thin).await;
        let is_accepted = answer.as_ref().err().is_none_or(|error| error.remedy() == Remedy::SwitchOff);
        if is_accepted && token.is_unproven {
            self.prove(token).await;
        }
        if is_accepted && !self.is_known_as_accepted() {
            self.change(|state| state.accept(request.call)).await;
        }
        answer
    }

    fn whose(&self) -> (u64, Option<Arc<str>>) {
        let status = self.0.status.borrow();
        (status.consents, status.user_id.clone())
    }

    fn is_known_as_accepted(&self) -> bool {
        self.0.status.borrow().login.as_ref().is_some_and(|login| login.accepted)
    }

    fn endless(&self, request: &Request, error: CallError) -> SessionError {
        self.0.services.telemetry.failure(request.call, error.reason());
        error.into()
    }

    /// Changes the state and tells everybody what is different.
    async fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock().await;
        change(&mut state);
        self.publish(&state);
    }

    fn publish(&self, state: &State) {
        self.0.status.send_if_modified(|status| {
            let new = state.status(status.consents);
            let is_new = *status != new;
            *status = new;
            is_new
        });
    }
}

fn refuses_token(error: &CallError) -> bool {
    error.remedy() == Remedy::RefreshToken
}
