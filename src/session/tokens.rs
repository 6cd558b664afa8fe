//! The tokens of a session: getting one that works, rotating the pair, and never losing it.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{REPEAT_AFTER, Session, SessionError, Status};
use crate::catalogue::Call;
use crate::reading;
use crate::storage::{LockedLogin, Login, NewLogin, RotateError, Stamp, Storage, StorageError};
use crate::telemetry::Reason;
use crate::withings::client::CallError;
use crate::withings::envelope::Remedy;

/// A token that ends sooner than this is refreshed before it is used, seconds.
const REFRESH_AHEAD: i64 = 5 * 60;

/// When a refused login is tried again: a mistyped client secret is answered like a dead token and must not cost it.
const RETRY_REFUSED: [Duration; 3] = [Duration::from_mins(10), Duration::from_hours(1), Duration::from_hours(6)];

/// What a session knows, in memory.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The login, as stored.
    login: Option<Login>,
    /// A new pair that could not be stored yet, and must not be used before.
    unsaved: Option<Unsaved>,
    /// Whether Withings accepts the refresh token, as far as is known.
    accepted: bool,
    /// The calls for which Withings refused a new access token too: the login is not accepted as long as there is one, or
    /// the next call that works would say that all is well.
    refused_calls: BTreeSet<Call>,
    /// Whether the access token was used, as far as is known.
    is_proven: bool,
    refused: Option<Refused>,
    /// When a refresh may be tried again that failed for a reason that passes.
    rests_until: Option<Instant>,
    /// Which version of the stored file this is.
    stamp: Option<Stamp>,
    /// The configured profile whose person this is as well: two names with one body are never shown.
    pub(super) twin_of: Option<Arc<str>>,
}

/// A pair that a refresh brought.
#[derive(Clone, Debug)]
struct Unsaved {
    /// The login as it is stored, with the one of its refresh tokens that brought the pair and lives until its first use.
    refreshed: Login,
    pair: NewLogin,
}

/// Withings refused the refresh token.
#[derive(Clone, Copy, Debug)]
struct Refused {
    times: usize,
    /// When to try again; no time of day, which jumps.
    retry_at: Instant,
}

/// An access token.
pub(super) struct Token {
    pub(super) secret: SecretString,
    /// Whether it was never used, so that the refresh token before it is kept.
    pub(super) is_unproven: bool,
}

impl State {
    /// The stored login. A lapsed access token is refreshed at its first use, not thrown away.
    pub(super) fn restore(storage: &Storage, profile: &str) -> Self {
        match storage.login(profile) {
            Ok(login) => Self::of(login),
            Err(error) => {
                tracing::error!(
                    profile,
                    error = error.with_cause(),
                    "the login cannot be read; it is tried again at the next refresh"
                );
                Self::default()
            }
        }
    }

    /// The state of a login that was read or written just now.
    pub(super) fn of(login: Option<Login>) -> Self {
        let is_proven = login.as_ref().is_some_and(|it| it.previous_refresh_token.is_none());
        Self { accepted: login.is_some(), login, is_proven, ..Self::default() }
    }

    /// Takes what is stored now in place of what was. A call that was refused stays so until it works, or until a new
    /// consent; whether it is one.
    fn renew(&mut self, login: Option<Login>) -> bool {
        let new = Self::of(login);
        let is_new_consent = new.consent() != self.consent();
        let refused_calls = if is_new_consent { BTreeSet::new() } else { mem::take(&mut self.refused_calls) };
        *self = Self { refused_calls, ..new };
        is_new_consent
    }

    /// Notes that Withings has refused a new access token for `call`.
    pub(super) fn refuse(&mut self, call: Call) {
        self.refused_calls.insert(call);
    }

    /// Notes that Withings has accepted the access token for `call`.
    pub(super) fn accept(&mut self, call: Call) {
        self.accepted = true;
        self.refused_calls.remove(&call);
    }

    /// When the stored login was made, and whose it is.
    fn consent(&self) -> Option<(i64, &str)> {
        self.login.as_ref().map(|it| (it.connected_at, it.user_id.as_str()))
    }

    /// When the person of this login gave the consent, Unix seconds.
    pub(super) fn connected_at(&self) -> Option<i64> {
        self.consent().map(|(at, _)| at)
    }

    pub(super) fn status(&self, consents: u64) -> Status {
        let login = self.login.as_ref().filter(|_| self.twin_of.is_none());
        let user_id = login.map(|it| it.user_id.as_str().into());
        let login = login.map(|login| reading::Login {
            connected_at: login.connected_at,
            accepted: self.accepted && self.refused_calls.is_empty(),
            token_expires_at: login.expires_at,
            demo: login.demo,
        });
        Status { consents, user_id, login, twin_of: self.twin_of.clone() }
    }

    /// Whose login it is, unless it is the demo user's, whom nobody is pinned to.
    pub(super) fn owner(&self) -> Option<&str> {
        self.login.as_ref().filter(|it| !it.demo).map(|it| it.user_id.as_str())
    }

    fn token(&self, login: &Login) -> Token {
        Token { secret: login.access_token.clone(), is_unproven: !self.is_proven }
    }
}

impl Session {
    /// A token that should work: the present one, or a new one if it ends soon or is the `refused` one.
    pub(super) async fn token(&self, refused: Option<Token>) -> Result<Token, SessionError> {
        let state = Arc::clone(&self.0.state).lock_owned().await;
        let session = self.clone();
        // A task of its own: whoever waits may give up, but a new pair must be stored whatever happens.
        let task = tokio::spawn(async move { session.token_of(state, refused).await });
        task.await.expect("getting a token does not panic and is never cancelled")
    }

    async fn token_of(&self, mut state: OwnedMutexGuard<State>, refused: Option<Token>) -> Result<Token, SessionError> {
        let outcome = self.ensure_token(&mut state, refused).await;
        if matches!(outcome, Err(SessionError::Storage(_))) {
            let telemetry = &self.0.services.telemetry;
            telemetry.failure(Call::Requesttoken, Reason::Storage);
            telemetry.storage_failure(&self.0.profile);
        }
        self.publish(&state);
        outcome
    }

    async fn ensure_token(&self, state: &mut State, refused: Option<Token>) -> Result<Token, SessionError> {
        if state.login.is_none() {
            let stored = self.blocking(Storage::login).await;
            *state = State::of(stored.map_err(SessionError::Storage)?);
        }
        if let Some(twin) = &state.twin_of {
            return Err(SessionError::SamePerson { profile: Arc::clone(twin) });
        }
        self.save_unsaved(state).await?;
        let now = self.0.services.clock.unix();
        let login = state.login.as_ref().ok_or(SessionError::NoLogin)?;
        let wait = state.refused.map(|it| it.retry_at.saturating_duration_since(Instant::now()));
        if let Some(retry_in) = wait.filter(|it| !it.is_zero()) {
            return Err(SessionError::LoginRefused { retry_in });
        }
        let is_refused = refused.is_some_and(|it| it.secret.expose_secret() == login.access_token.expose_secret());
        if is_refused || login.expires_at - now < REFRESH_AHEAD {
            self.rotate(state).await?;
        }
        let login = state.login.as_ref().ok_or(SessionError::NoLogin)?;
        Ok(state.token(login))
    }

    /// Gets a new pair and stores it, under the login's lock, which also other processes respect.
    async fn rotate(&self, state: &mut State) -> Result<(), SessionError> {
        let lock = self.blocking(Storage::lock_stored_login).await.map_err(SessionError::Storage)?;
        let Some(lock) = lock else {
            // Somebody removed it a moment ago.
            *state = State::of(None);
            return Err(SessionError::NoLogin);
        };
        let (lock, stored) = self.locked(lock, LockedLogin::read).await;
        let stored = stored.map_err(SessionError::Storage)?;
        let held = state.login.as_ref().map(|it| it.version);
        if stored.as_ref().map(|it| it.version) != held {
            // Somebody else rotated it, replaced it, or removed it.
            state.renew(stored);
            return if state.login.is_some() { Ok(()) } else { Err(SessionError::NoLogin) };
        }
        let Some(login) = stored else { return Err(SessionError::NoLogin) };
        let rest = state.rests_until.map(|it| it.saturating_duration_since(Instant::now()));
        if let Some(retry_in) = rest.filter(|it| !it.is_zero()) {
            return Err(SessionError::RefreshRests { retry_in });
        }
        match self.refreshed(login).await {
            Ok(new) => state.unsaved = Some(new),
            Err(error) => return Err(self.note_failed_refresh(state, error)),
        }
        self.save_unsaved_under(lock, state).await
    }

    /// A new pair for the refresh token, or else for the one before it, which lives as long as its successor is unused.
    async fn refreshed(&self, login: Login) -> Result<Unsaved, CallError> {
        let oauth = self.0.services.oauth();
        let error = match oauth.refresh(&login.refresh_token).await {
            Ok(pair) => return Ok(Unsaved { refreshed: login, pair }),
            Err(error) => error,
        };
        let previous = login.previous_refresh_token.clone().filter(|_| is_dead_token(&error)).ok_or(error)?;
        let pair = oauth.refresh(&previous).await?;
        Ok(Unsaved { refreshed: Login { refresh_token: previous, ..login }, pair })
    }

    fn note_failed_refresh(&self, state: &mut State, error: CallError) -> SessionError {
        if !is_dead_token(&error) {
            state.rests_until = Some(Instant::now() + rest_after(&error));
            return SessionError::Refresh(error);
        }
        let times = state.refused.map_or(0, |it| it.times);
        let pause = RETRY_REFUSED[times.min(RETRY_REFUSED.len() - 1)];
        state.refused = Some(Refused { times: times + 1, retry_at: Instant::now() + pause });
        if state.accepted {
            // Here and not for each call, which all fail with it.
            tracing::warn!(
                profile = %self.0.profile, error = %error,
                "Withings does not accept the login any more; the last values stay, connect it again"
            );
        }
        state.accepted = false;
        SessionError::LoginRefused { retry_in: pause }
    }

    /// Saves a pair that could not be saved when it came.
    pub(super) async fn save_unsaved(&self, state: &mut State) -> Result<(), SessionError> {
        if state.unsaved.is_none() {
            return Ok(());
        }
        let lock = self.blocking(Storage::lock_stored_login).await.map_err(SessionError::Storage)?;
        let Some(lock) = lock else {
            *state = State::of(None);
            return Ok(());
        };
        self.save_unsaved_under(lock, state).await
    }

    async fn save_unsaved_under(&self, lock: LockedLogin, state: &mut State) -> Result<(), SessionError> {
        let Some(Unsaved { refreshed, pair }) = state.unsaved.clone() else { return Ok(()) };
        let (_, saved) = self.locked(lock, move |lock| lock.rotate(&refreshed, &pair)).await;
        match saved {
            Ok(login) => {
                state.renew(Some(login));
                self.0.services.telemetry.rotation(&self.0.profile);
                tracing::info!(profile = %self.0.profile, "a new token pair was stored");
                Ok(())
            }
            Err(RotateError::Stale(stored)) => {
                state.renew(stored.map(|it| *it));
                Ok(())
            }
            Err(RotateError::Storage(error)) => Err(SessionError::Storage(error)),
        }
    }

    /// Notes that the access token was used and works: the refresh token before it is dead now.
    pub(super) async fn prove(&self, token: &Token) {
        let mut state = self.0.state.lock().await;
        let used = token.secret.expose_secret();
        let Some(held) = state.login.clone().filter(|it| it.access_token.expose_secret() == used) else { return };
        let marked = match self.blocking(Storage::lock_stored_login).await {
            Ok(None) => return,
            Ok(Some(lock)) => self.locked(lock, move |lock| lock.mark_used(&held)).await.1,
            Err(error) => Err(error.into()),
        };
        match marked {
            Ok(login) => {
                state.renew(Some(login));
            }
            Err(RotateError::Stale(_)) => {}
            // Tried again with the next call; until then a dead token is kept, which costs one refused refresh at most.
            Err(RotateError::Storage(error)) => tracing::warn!(
                profile = %self.0.profile, error = error.with_cause(), "it could not be noted that the new token works"
            ),
        }
        self.publish(&state);
    }

    /// Whose login it is and when it was made; `None` without one.
    pub(super) async fn person(&self) -> Option<(String, i64)> {
        let state = self.0.state.lock().await;
        Some((state.owner()?.to_owned(), state.connected_at()?))
    }

    /// Leaves the login unused as long as another profile, `twin`, shows the same person.
    pub(super) async fn part_from(&self, twin: Option<&Arc<str>>) {
        let mut state = self.0.state.lock().await;
        if state.twin_of.as_ref() == twin {
            return;
        }
        if let Some(other) = twin {
            tracing::error!(profile = %self.0.profile, %other, "two profiles are one person; only the other is shown");
        }
        state.twin_of = twin.cloned();
        self.0.status.send_modify(|status| *status = state.status(status.consents + 1));
    }

    /// Lets a login that Withings has refused be tried at once: the reason may be mended. Whether there was one.
    pub async fn try_again(&self) -> bool {
        self.0.state.lock().await.refused.take().is_some()
    }

    /// Saves what could not be saved yet, and picks up what another process has done to the stored login since the last
    /// look.
    pub async fn look(&self) {
        let mut state = self.0.state.lock().await;
        if self.save_unsaved(&mut state).await.is_err() {
            // Said and counted by the calls that wait for it.
            return;
        }
        self.publish(&state);
        let stamp = self.blocking(|storage, profile| Ok(storage.login_stamp(profile))).await.unwrap_or_default();
        // A login that was stored a moment ago has no stamp yet, and may be gone already.
        if stamp == state.stamp && stamp.is_some() == state.login.is_some() {
            return;
        }
        let Ok(stored) = self.blocking(Storage::login).await else { return };
        if stored.as_ref().map(|it| it.version) != state.login.as_ref().map(|it| it.version) {
            let is_new_consent = state.renew(stored);
            self.0.status.send_modify(|status| *status = state.status(status.consents + u64::from(is_new_consent)));
        }
        state.stamp = stamp;
    }

    /// Puts the login of a new consent in place and tells who waits for it.
    pub(super) fn connected(&self, state: &mut State, login: Login) {
        *state = State::of(Some(login));
        self.0.status.send_modify(|status| *status = state.status(status.consents + 1));
    }

    /// Does something that blocks, off the async threads.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (storage, profile) = (self.0.services.storage.clone(), Arc::clone(&self.0.profile));
        spawn_blocking(move || work(&storage, &profile)).await.expect("storage does not panic")
    }

    /// Does something that blocks with the login's lock, and gives the lock back.
    pub(super) async fn locked<T: Send + 'static>(
        &self,
        lock: LockedLogin,
        work: impl FnOnce(&LockedLogin) -> T + Send + 'static,
    ) -> (LockedLogin, T) {
        let work = move || {
            let outcome = work(&lock);
            (lock, outcome)
        };
        spawn_blocking(work).await.expect("storage does not panic")
    }
}

fn is_dead_token(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.is_about_the_refresh_token())
}

/// How long no other call of the profile tries the refresh again that failed like this.
fn rest_after(error: &CallError) -> Duration {
    match error.remedy() {
        Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait) => wait.max(REPEAT_AFTER),
        _ => REPEAT_AFTER,
    }
}
