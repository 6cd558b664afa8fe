//! Rotation of a token pair: the lease is tried, the refresh is asked for, the pair is stored before anything can use it. Two
//! refreshes at once would leave one side with a dead token (home-assistant/core#102886).

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::login::{Login, NewLogin};
use super::pair::UnsavedPair;
use super::{Storage, StorageError};

/// A pair was not stored.
#[derive(Debug, thiserror::Error)]
pub enum RotateError<E> {
    /// Another task or process rotates this login at the moment.
    #[error("the login is being refreshed elsewhere")]
    Busy,
    /// The login was changed or removed meanwhile.
    #[error("the login was changed meanwhile")]
    Stale,
    /// No answer came in time.
    #[error("there was no answer in time")]
    TimedOut,
    /// The request for a new pair failed.
    #[error(transparent)]
    Asked(E),
    /// The login could not be read, or the pair could not be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A request for a new pair brought none.
#[derive(Debug)]
pub struct NotRefreshed<E> {
    /// Why.
    pub error: E,
    /// What Withings said.
    pub answer: NoPair,
}

/// What Withings said to a request for a new pair that brought none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPair {
    /// Nothing: the request may still be on its way.
    Unanswered,
    /// It refuses the last refresh token that the login has.
    Refused,
    /// It refuses the request for another reason, or a token beside which the login has another one.
    Answered,
}

/// How many rotations are under way, and whether they are to be cut off.
#[derive(Debug, Default)]
pub(super) struct Rotations {
    count: watch::Sender<usize>,
    cut: watch::Sender<bool>,
}

/// Counts a rotation as under way, as long as this value lives.
struct UnderWay(watch::Sender<usize>);

impl Rotations {
    fn begin(&self) -> UnderWay {
        self.count.send_modify(|count| *count += 1);
        UnderWay(self.count.clone())
    }

    async fn none(&self) {
        drop(self.count.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Storage {
    /// Asks for a new pair for the login of `profile` if its version is still `held`, and stores it. `ask` is given the login
    /// and answers with the refresh token that it has used and the pair. A pair that cannot be stored stays in memory, unused,
    /// until it can be: a restart then still has the former refresh token, which lives. The rotation goes on when its caller
    /// gives up, in a task of its own: a pair that Withings has sent must not get lost.
    pub async fn rotate<E, F>(
        &self,
        profile: &Arc<str>,
        held: u64,
        ask: impl FnOnce(Login) -> F + Send + 'static,
    ) -> Result<Login, RotateError<E>>
    where
        E: Send + 'static,
        F: Future<Output = Result<(SecretString, NewLogin), NotRefreshed<E>>> + Send + 'static,
    {
        let (storage, profile) = (self.clone(), Arc::clone(profile));
        let (under_way, mut cut) = (self.0.rotations.begin(), self.0.rotations.cut.subscribe());
        let rotation = tokio::spawn(async move {
            let _under_way = under_way;
            tokio::select! {
                biased;
                rotated = storage.rotate_leased(&profile, held, ask) => rotated,
                _ = cut.wait_for(|cut| *cut) => Err(RotateError::TimedOut),
            }
        });
        rotation.await.expect("a rotation does not panic and is never cancelled")
    }

    /// Whether the login of `profile` could be rotated now if its version is still `held`: whoever waits for a turn first would
    /// use it up in vain otherwise.
    pub async fn can_rotate(&self, profile: &str, held: u64) -> Result<bool, StorageError> {
        self.0.back_end.can_lease(profile, held).await
    }

    async fn rotate_leased<E, F>(
        &self,
        profile: &Arc<str>,
        held: u64,
        ask: impl FnOnce(Login) -> F,
    ) -> Result<Login, RotateError<E>>
    where
        F: Future<Output = Result<(SecretString, NewLogin), NotRefreshed<E>>>,
    {
        if self.has_unsaved_pair(profile) {
            // Without a turn; and whoever holds what the pair was made of has not got the present login.
            return self.save_pair(profile).await?.ok_or(RotateError::Stale);
        }
        // Before the lease, which would be held for nothing where the login is gone or cannot be read.
        self.login(profile).await?.ok_or(RotateError::Stale)?;
        let lease = self.0.back_end.lease(profile, held).await?;
        let login = self.login(profile).await?.ok_or(RotateError::Stale)?;
        if login.version != held {
            return Ok(login);
        }
        let lease = lease.ok_or(RotateError::Busy)?;
        if !self.0.back_end.is_fresh(&lease).await? {
            return Err(RotateError::Busy);
        }
        let answer = timeout(self.0.back_end.ask_within(), ask(login)).await.map_err(|_| RotateError::TimedOut)?;
        match answer {
            Ok((refreshed, pair)) => {
                let unsaved = UnsavedPair { version: held, refreshed, pair, holder: lease.holder() };
                self.unsaved().pairs.insert(Arc::clone(profile), unsaved);
                self.save_pair(profile).await?.ok_or(RotateError::Stale)
            }
            Err(NotRefreshed { error, answer: NoPair::Unanswered }) => Err(RotateError::Asked(error)),
            Err(NotRefreshed { error, answer }) => {
                // An answer counts only for the one that has the lease: else the login may be another one by now.
                let is_ours = self.0.back_end.release(lease, answer == NoPair::Refused).await?;
                Err(if is_ours { RotateError::Asked(error) } else { RotateError::Stale })
            }
        }
    }

    /// Whether a pair of the profile waits to be stored.
    #[must_use]
    pub fn has_unsaved_pair(&self, profile: &str) -> bool {
        self.unsaved().pairs.contains_key(profile)
    }

    /// Stores the pair of a profile that is not stored yet; `None` if there is no such pair, or if the login is another one by
    /// now.
    pub(super) async fn save_pair(&self, profile: &Arc<str>) -> Result<Option<Login>, StorageError> {
        let Some(unsaved) = self.unsaved().pairs.get(profile).cloned() else { return Ok(None) };
        let saved = self.0.back_end.store_pair(profile, unsaved).await?;
        self.unsaved().pairs.remove(profile);
        if let Some(login) = &saved {
            self.note_rotated(login);
            self.0.telemetry.rotation(profile);
            tracing::info!(%profile, "a new token pair was stored");
        }
        Ok(saved)
    }

    /// Waits until no rotation is under way, `within` this time, stores what is not stored yet, and returns whether everything
    /// is. A rotation that takes longer is cut off: Withings keeps the former refresh token alive until the new pair is used.
    pub async fn settle(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let rests = timeout(within, self.0.rotations.none()).await.is_ok();
        self.0.rotations.cut.send_replace(true);
        self.unsaved().states_rest_until = None;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(500));
        let is_saved = timeout(left, self.save_unsaved()).await.unwrap_or(false);
        rests && is_saved
    }
}
