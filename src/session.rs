//! Stand-in for the logins of all profiles, until the real module takes its place.

use std::pin::Pin;
use std::sync::Arc;

use url::Url;

type Begin = dyn Fn(&str, Mode) -> Result<Url, BeginError> + Send + Sync;
type Finish = dyn Fn(&str, &str) -> Finished + Send + Sync;

/// What a programmed [`Sessions::finish`] gives.
pub type Finished = Pin<Box<dyn Future<Output = Result<Connected, FinishError>> + Send>>;

/// All profiles' logins.
#[derive(Clone)]
pub struct Sessions {
    begin: Arc<Begin>,
    finish: Arc<Finish>,
}

/// Whose data a login opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person's.
    Real,
    /// Those of Withings' demo user.
    Demo,
}

/// A login that was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The profile that has it.
    pub profile: Arc<str>,
    /// Whether it is Withings' demo user.
    pub demo: bool,
}

/// Why a login could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No such profile is configured.
    #[error("no such profile is configured")]
    UnknownProfile,
    /// Withings asked for a pause.
    #[error("Withings asks for a pause of {seconds} s")]
    Paused {
        /// Until it ends.
        seconds: u64,
    },
    /// The state could not be stored.
    #[error("the login could not be stored: {0}")]
    Storage(String),
}

/// Why a login could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The state is not one of ours, too old, or used.
    #[error("the login is too old, used, or not from here")]
    State,
    /// The person is not the one of this profile.
    #[error("the Withings account belongs to somebody else than {profile}")]
    WrongPerson {
        /// The profile that was to be connected.
        profile: Arc<str>,
        /// The profile that has the person.
        owner: Option<Arc<str>>,
    },
    /// Withings says no.
    #[error("Withings refused to connect {profile}: {advice}")]
    Refused {
        /// The profile that was to be connected.
        profile: Arc<str>,
        /// What to do, in plain words.
        advice: String,
    },
    /// Withings does not answer.
    #[error("Withings could not be reached to connect {profile}: {reason}")]
    Unreachable {
        /// The profile that was to be connected.
        profile: Arc<str>,
        /// Why, in plain words.
        reason: String,
    },
    /// The login could not be stored.
    #[error("the login could not be stored: {0}")]
    Storage(String),
}

impl Sessions {
    /// Logins that go as these functions say.
    pub fn programmed(
        begin: impl Fn(&str, Mode) -> Result<Url, BeginError> + Send + Sync + 'static,
        finish: impl Fn(&str, &str) -> Finished + Send + Sync + 'static,
    ) -> Self {
        Self { begin: Arc::new(begin), finish: Arc::new(finish) }
    }

    /// Stores a new random state and gives the address of Withings' consent page.
    #[allow(clippy::unused_async, reason = "the real one stores")]
    pub async fn begin(&self, profile: &str, mode: Mode) -> Result<Url, BeginError> {
        (self.begin)(profile, mode)
    }

    /// What Withings' redirect brought. Exchanges the code at once.
    pub async fn finish(&self, state: &str, code: &str) -> Result<Connected, FinishError> {
        (self.finish)(state, code).await
    }
}
