//! The tokens of a login: getting one that works, and rotating the pair.
//!
//! Withings' old refresh token dies when the new access token is first used, or 8 hours later
//! (<https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/get-access/access-and-refresh-tokens-no-recover/>).
//! Hence: one refresh at a time, the new pair is stored before its first use, the old refresh token stays beside it until
//! then, and a failed refresh overwrites nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::caller::Caller;
use super::{LoginError, Logins};
use crate::catalogue::Call;
use crate::storage::{Class, Login, NoPair, NotRefreshed, REPEAT_AFTER, RotateError};
use crate::telemetry::Reason;
use crate::telemetry::log::with_causes;
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
use crate::withings::oauth::REFRESH_AHEAD;

/// When a refused login is tried again. Withings answers a wrong client secret like a dead token
/// (`vangorra/python_withings_api#83`): a typo must not cost the login.
const RETRY_REFUSED: [Duration; 3] = [Duration::from_mins(10), Duration::from_hours(1), Duration::from_hours(6)];

/// How often the stored login is read while another task or process refreshes it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is read at the most: together longer than the request for a new pair may take.
const MOST_LOOKS: usize = 40;

/// The failed refreshes, by profile.
pub(super) type Refreshes = BTreeMap<Arc<str>, Refresh>;

/// How refreshes of one version of a login went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    version: u64,
    /// How often Withings has refused the refresh token.
    refused: usize,
    /// When a refresh may be tried again.
    rests_until: Instant,
}

impl Logins {
    /// Whether Withings has refused the refresh token of this version of the login.
    #[must_use]
    pub fn is_refused(&self, profile: &str, version: u64) -> bool {
        self.refreshes().get(profile).is_some_and(|refresh| refresh.version == version && refresh.refused > 0)
    }

    /// Whether the access token of `login` lives for `time` yet, as far as its answer has told.
    #[must_use]
    pub fn lives_for(&self, login: &Login, time: Duration) -> bool {
        login.expires_at >= self.server_now().saturating_add_unsigned(time.as_secs())
    }

    /// Gets a new access token for a `former` login, which is nobody's any more: the pair is stored nowhere, and is of use for a
    /// last few calls. The refresh token of `former` dies with it.
    pub async fn renew_former(&self, former: &Login) -> Result<SecretString, CallError> {
        self.client().turn(Class::Refresh).await?;
        Ok(self.oauth().refresh(&former.refresh_token, &former.user_id).await?.access_token)
    }

    /// Lets logins that Withings has refused be tried at once: a reload may have
    /// mended the client secret.
    pub fn try_again(&self) {
        let now = Instant::now();
        let mut refreshes = self.refreshes();
        refreshes
            .values_mut()
            .filter(|refresh| refresh.refused > 0)
            .for_each(|refresh| (refresh.refused, refresh.rests_until) = (1, now));
    }

    fn refresh_of(&self, login: &Login) -> Option<Refresh> {
        self.refreshes().get(login.profile.as_str()).copied().filter(|refresh| refresh.version == login.version)
    }
}

impl Caller {
    /// The login with a token that should work: the present one, or a new one if it ends soon or is the `refused` one.
    /// Nothing is held between the looks: another process may refresh the token meanwhile, and its pair is taken then.
    pub(super) async fn token(&self, refused: Option<&Login>) -> Result<Login, LoginError> {
        if let Some(unconfirmed) = &self.unconfirmed {
            // It is as new as can be: if it is refused, no refresh helps.
            return if refused.is_none() { Ok(unconfirmed.login.clone()) } else { Err(LoginError::NoLogin) };
        }
        for look in 1..=MOST_LOOKS {
            let login = self.logins.storage().login(&self.profile).await.map_err(LoginError::Storage)?;
            let login = login.ok_or(LoginError::NoLogin)?;
            self.check_person()?;
            let is_refused = refused
                .is_some_and(|refused| refused.access_token.expose_secret() == login.access_token.expose_secret());
            if !is_refused && self.logins.lives_for(&login, REFRESH_AHEAD) {
                return Ok(login);
            }
            match self.rotate(&login).await {
                Ok(login) => return Ok(login),
                Err(RotateError::Busy) if look < MOST_LOOKS => sleep(LOOK_EVERY).await,
                Err(RotateError::Stale) => {}
                // The lease outlasts the request: the other calls would only wait for its end.
                Err(RotateError::Busy | RotateError::TimedOut) => {
                    let refused = self.logins.refresh_of(&login).map_or(0, |refresh| refresh.refused);
                    self.rest(&login, refused, REPEAT_AFTER);
                    break;
                }
                Err(RotateError::Asked(error)) => return Err(error),
                Err(RotateError::Storage(error)) => return Err(self.not_stored(error)),
            }
        }
        Err(LoginError::RefreshRests { retry_in: REPEAT_AFTER })
    }

    /// Fails if another profile shows the person: one person is never shown under two names.
    fn check_person(&self) -> Result<(), LoginError> {
        let people = self.logins.people();
        let duplicate_of = people.get(&self.profile).and_then(|person| person.duplicate_of.clone());
        duplicate_of.map_or(Ok(()), |profile| Err(LoginError::SamePerson { profile }))
    }

    /// Gets a new pair for the refresh token, or else for the one before it: that lives as long as the pair that it brought is
    /// unused, and a pair may get lost on its way to the disk.
    async fn rotate(&self, login: &Login) -> Result<Login, RotateError<LoginError>> {
        let error = match self.refresh(login, login.refresh_token.clone()).await {
            Err(RotateError::Asked(error)) => error,
            outcome => return outcome,
        };
        let is_dead = matches!(&error, LoginError::Refresh(error) if is_dead_token(error));
        match login.previous_refresh_token.clone().filter(|_| is_dead) {
            Some(previous) => match self.refresh(login, previous).await {
                Err(RotateError::Asked(error)) => Err(RotateError::Asked(self.note_failure(login, error))),
                outcome => outcome,
            },
            None => Err(RotateError::Asked(self.note_failure(login, error))),
        }
    }

    /// Refreshes with one refresh token: first the turn in the budget, then the lease, then the request, then the store. The
    /// turn comes first, so that no lease is held while a task waits for it; and before it a look whether the lease is free, for
    /// a turn that comes to nothing is one that somebody else has not got.
    async fn refresh(&self, login: &Login, with: SecretString) -> Result<Login, RotateError<LoginError>> {
        if !self.logins.storage().has_unsaved_pair(&self.profile) {
            if let Some(rest) = self.logins.refresh_of(login) {
                let retry_in = rest.rests_until.saturating_duration_since(Instant::now());
                if !retry_in.is_zero() {
                    let is_refused = rest.refused > 0;
                    let error = if is_refused {
                        LoginError::LoginRefused { retry_in }
                    } else {
                        LoginError::RefreshRests { retry_in }
                    };
                    return Err(RotateError::Asked(error));
                }
            }
            if !self.logins.storage().can_rotate(&self.profile, login.version).await? {
                return Err(RotateError::Busy);
            }
            self.logins.client().turn(Class::Refresh).await.map_err(|error| RotateError::Asked(error.into()))?;
        }
        let (oauth, user_id) = (self.logins.oauth(), login.user_id.clone());
        let previous = login.previous_refresh_token.as_ref();
        let is_last = previous.is_none_or(|previous| previous.expose_secret() == with.expose_secret());
        let ask = move |_| async move {
            match oauth.refresh(&with, &user_id).await {
                Ok(pair) => Ok((with, pair)),
                Err(error) => {
                    let answer = match &error {
                        error if is_last && is_dead_token(error) => NoPair::Refused,
                        CallError::Refused(_) => NoPair::Answered,
                        _ => NoPair::Unanswered,
                    };
                    Err(NotRefreshed { error: LoginError::Refresh(error), answer })
                }
            }
        };
        self.logins.storage().rotate(&self.profile, login.version, ask).await
    }

    /// Notes when the refresh may be tried again.
    fn note_failure(&self, login: &Login, error: LoginError) -> LoginError {
        let LoginError::Refresh(error) = error else { return error };
        let before = self.logins.refresh_of(login).map_or(0, |refresh| refresh.refused);
        let is_dead = is_dead_token(&error);
        let pause = if is_dead { RETRY_REFUSED[before.min(RETRY_REFUSED.len() - 1)] } else { rest_after(&error) };
        let refused = if is_dead { before + 1 } else { before };
        self.rest(login, refused, pause);
        if !is_dead {
            return LoginError::Refresh(error);
        }
        if before == 0 {
            // Here and not for each call: they all fail with it.
            tracing::warn!(
                profile = %self.profile, error = with_causes(&error),
                "Withings does not accept the login any more; the last values stay, connect it again"
            );
        }
        LoginError::LoginRefused { retry_in: pause }
    }

    /// Notes that this version of the login is not refreshed for a while.
    fn rest(&self, login: &Login, refused: usize, pause: Duration) {
        let refresh = Refresh { version: login.version, refused, rests_until: Instant::now() + pause };
        self.logins.refreshes().insert(Arc::clone(&self.profile), refresh);
    }

    /// Notes that the access token was used and works: the previous refresh token is dead now.
    pub(super) async fn prove(&self, login: &Login) {
        // A failure is tried again with the next call; until then a dead token is kept, which costs one refused refresh at most.
        if let Err(error) = self.logins.storage().prove(&self.profile, login.version).await {
            tracing::warn!(
                profile = %self.profile, error = error.with_cause(), "it could not be noted that the new token works"
            );
        }
    }

    fn not_stored(&self, error: crate::storage::StorageError) -> LoginError {
        self.logins.telemetry().failure(Call::Requesttoken, Reason::Storage);
        LoginError::Storage(error)
    }
}

fn is_dead_token(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.is_about_the_refresh_token())
}

/// How long no call of the profile tries again a refresh that failed like this.
fn rest_after(error: &CallError) -> Duration {
    match error.remedy() {
        Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait) => wait.max(REPEAT_AFTER),
        _ => REPEAT_AFTER,
    }
}
