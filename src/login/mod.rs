//! Logins: from the consent page to a stored login, tokens that work, and who is who.

mod caller;
mod identity;
mod login_flow;
mod people;
mod retry;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use caller::Caller;
pub use identity::{Identity, weighed_at};
pub use login_flow::{BeginError, Connected, FinishError, Mode};
pub use people::{People, Person};
pub use retry::{Next, after_failure};

use crate::clock::{Clock, ServerClock};
use crate::storage::{Claim, Class, Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::withings::client::Client;
use crate::withings::error::CallError;
use crate::withings::oauth::OAuth;

/// The logins of all profiles. Cheap to clone.
#[derive(Clone)]
pub struct Logins(Arc<Inner>);

struct Inner {
    services: Services,
    /// The profiles that are configured.
    configured: watch::Sender<Arc<[Arc<str>]>>,
    people: Mutex<Cached>,
    refreshes: Mutex<tokens::Refreshes>,
}

/// The persons, as long as they are true.
#[derive(Default)]
struct Cached {
    edition: Option<(u64, Arc<[Arc<str>]>)>,
    people: Arc<People>,
}

/// What logins are made of.
pub struct Services {
    /// Where they are kept.
    pub storage: Storage,
    /// Withings, as it is reached at present.
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
    /// Somebody logged in while the call was made, or the configuration has changed: nobody needs its answer any more.
    #[error("the profile was changed meanwhile")]
    Superseded,
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

impl Logins {
    /// The logins that are stored, of the profiles that are `configured`.
    #[must_use]
    pub fn new(configured: &[Arc<str>], services: Services) -> Self {
        Self(Arc::new(Inner {
            services,
            configured: watch::channel(configured.into()).0,
            people: Mutex::default(),
            refreshes: Mutex::default(),
        }))
    }

    /// From now on these profiles are configured.
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

    /// The persons of the configured profiles.
    #[must_use]
    pub fn people(&self) -> Arc<People> {
        let edition = (*self.storage().login_changes().borrow(), self.configured());
        let mut cached = self.0.people.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.edition.as_ref() != Some(&edition) {
            cached.people = Arc::new(People::of(&self.storage().logins(), &edition.1));
            cached.edition = Some(edition);
        }
        Arc::clone(&cached.people)
    }

    /// Makes calls for `profile`.
    #[must_use]
    pub fn caller(&self, profile: &Arc<str>, class: Class) -> Caller {
        Caller::new(self.clone(), Arc::clone(profile), class, None)
    }

    /// Makes the calls of a claim.
    #[must_use]
    pub fn caller_for(&self, claim: &Claim) -> Caller {
        let class = if claim.plan.is_new() { Class::FirstRead } else { Class::Data };
        Caller::new(self.clone(), Arc::clone(&claim.profile), class, Some(claim.clone()))
    }

    /// Where the logins are kept.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.0.services.storage
    }

    /// Withings, as it is reached at present.
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

    /// Where Withings sends the browser back to, exactly as it must be registered there.
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

    fn telemetry(&self) -> &Telemetry {
        &self.0.services.telemetry
    }

    fn refreshes(&self) -> MutexGuard<'_, tokens::Refreshes> {
        self.0.refreshes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
