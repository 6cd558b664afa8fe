//! Logins: the flow from the consent page to a stored login, tokens that work, and which person each profile shows.

mod caller;
mod finished;
mod identity;
mod login_flow;
mod people;
mod queues;
mod retry;
mod tokens;
mod unconfirmed;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use caller::Caller;
pub use identity::{Identity, weighed_at};
pub use login_flow::{BeginError, Connected, FinishError, Mode, Return};
pub use people::{People, Person};
pub use retry::{Next, after_failure, growing};

use crate::clock::{Clock, ServerClock};
use crate::storage::{Claim, Class, Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::withings::client::Client;
use crate::withings::error::CallError;
use crate::withings::oauth::OAuth;

/// The logins of all profiles. Cheap to clone.
#[derive(Clone)]
pub struct Logins(Arc<LoginsInner>);

struct LoginsInner {
    services: LoginServices,
    /// The profiles that are configured.
    configured: watch::Sender<Arc<[Arc<str>]>>,
    people: Mutex<Cached>,
    refreshes: Mutex<tokens::Refreshes>,
    queues: queues::LoginQueues,
    finished: finished::FinishedLogins,
}

/// The persons, for the edition of the logins and the configured profiles that they were made of.
#[derive(Default)]
struct Cached {
    edition: Option<(u64, Arc<[Arc<str>]>)>,
    people: Arc<People>,
}

/// What the logins are made of.
pub struct LoginServices {
    /// The storage of the logins.
    pub storage: Storage,
    /// Withings, as the configuration says that it is reached at present.
    pub remote: watch::Receiver<Remote>,
    /// The present time.
    pub clock: Clock,
    /// Where failures are counted.
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

/// A call could not be made, or failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Nobody has logged this profile in.
    #[error("nobody has logged in yet")]
    NoLogin,
    /// A person logged in while the call was made, or the configuration has changed: the answer is not needed any more.
    #[error("the profile was changed meanwhile")]
    Superseded,
    /// Two configured profiles have the login of one person.
    #[error("this is the same person as {profile}: take one of the two names out of the configuration")]
    SamePerson {
        /// The profile that shows the person.
        profile: Arc<str>,
    },
    /// Withings does not accept the login any more; the person must log in again.
    #[error("Withings does not accept the login any more; please connect it again")]
    LoginRefused {
        /// After which time the exporter tries it again by itself.
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
        /// After which time it may be tried again.
        retry_in: Duration,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Logins {
    /// The logins that are stored, of the profiles that are `configured`.
    #[must_use]
    pub fn new(configured: &[Arc<str>], services: LoginServices) -> Self {
        Self(Arc::new(LoginsInner {
            services,
            configured: watch::channel(configured.into()).0,
            people: Mutex::default(),
            refreshes: Mutex::default(),
            queues: queues::LoginQueues::default(),
            finished: finished::FinishedLogins::default(),
        }))
    }

    /// Sets the profiles that are configured.
    pub fn configure(&self, profiles: &[Arc<str>]) {
        self.0.configured.send_replace(profiles.into());
    }

    /// The profiles that are configured.
    #[must_use]
    pub fn configured(&self) -> Arc<[Arc<str>]> {
        Arc::clone(&self.0.configured.borrow())
    }

    /// The configured profile of this name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<Arc<str>> {
        self.configured().iter().find(|profile| &***profile == name).cloned()
    }

    /// The persons of the configured profiles. They are made once for each change: every page of every call asks for them.
    #[must_use]
    pub fn people(&self) -> Arc<People> {
        let (changes, configured) = (*self.storage().login_changes().borrow(), self.configured());
        let mut cached = self.0.people.lock().unwrap_or_else(PoisonError::into_inner);
        // The list itself, and not its names, which may be thousands: a reload makes a new list.
        let is_same = |(made_at, of): &(u64, Arc<[_]>)| *made_at == changes && Arc::ptr_eq(of, &configured);
        if !cached.edition.as_ref().is_some_and(is_same) {
            cached.people = Arc::new(People::of(&self.storage().logins(), &configured));
            cached.edition = Some((changes, configured));
        }
        Arc::clone(&cached.people)
    }

    /// A caller for `profile` that makes calls of this class.
    #[must_use]
    pub fn caller(&self, profile: &Arc<str>, class: Class) -> Caller {
        Caller::new(self.clone(), Arc::clone(profile), class, None)
    }

    /// A caller for the calls of a claim.
    #[must_use]
    pub fn caller_for(&self, claim: &Claim) -> Caller {
        let class = if claim.plan.is_new() { Class::FirstRead } else { Class::Data };
        Caller::new(self.clone(), Arc::clone(&claim.profile), class, Some(claim.clone()))
    }

    /// The storage of the logins.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.0.services.storage
    }

    /// The API, as it is reached at present.
    #[must_use]
    pub fn client(&self) -> Client {
        self.0.services.remote.borrow().client.clone()
    }

    /// Withings' clock.
    #[must_use]
    pub fn server_clock(&self) -> ServerClock {
        self.client().clock().clone()
    }

    /// The present time by Withings' clock, Unix seconds.
    #[must_use]
    pub fn server_now(&self) -> i64 {
        self.0.services.remote.borrow().client.clock().now()
    }

    /// The redirect URI: where Withings sends the browser back to, exactly as it must be registered there.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.0.services.remote.borrow().oauth.redirect_uri().to_owned()
    }

    fn oauth(&self) -> OAuth {
        self.0.services.remote.borrow().oauth.clone()
    }

    fn clock(&self) -> &Clock {
        &self.0.services.clock
    }

    /// Where failures are counted.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.services.telemetry
    }

    fn refreshes(&self) -> MutexGuard<'_, tokens::Refreshes> {
        self.0.refreshes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
