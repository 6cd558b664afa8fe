//! Logging in: from the consent page's address to a stored login, for the right person.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::{JoinSet, spawn_blocking, unconstrained};
use url::Url;

use super::{Services, Session};
use crate::storage::{NewLogin, Pending, STATE_LIFETIME, Storage};
use crate::withings::client::CallError;
use crate::withings::oauth::random_token;
use crate::withings::pace::Pace;

/// All profiles' sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<All>);

struct All {
    services: Arc<Services>,
    /// By the profiles' names.
    sessions: RwLock<Arc<BTreeMap<Arc<str>, Session>>>,
    /// Held while a person is checked against all profiles and stored: two logins at once could both pass the check.
    storing: Mutex<()>,
    /// Logins of other persons than before, by their confirmation.
    unconfirmed: std::sync::Mutex<BTreeMap<String, Unconfirmed>>,
    /// What is still done about former persons.
    partings: std::sync::Mutex<JoinSet<()>>,
}

/// A login of another person, until somebody says that it may replace the former one.
struct Unconfirmed {
    profile: Arc<str>,
    new: NewLogin,
    demo: bool,
    /// Unix seconds.
    since: i64,
}

/// How many logins may wait for a confirmation; one more forgets them all, so that nobody can fill the memory.
const MOST_UNCONFIRMED: usize = 20;

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
    /// The person who gave the consent is another profile's.
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
        /// What [`Sessions::replace`] takes, once, within 10 minutes, after the person was asked.
        confirmation: String,
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
    pub fn restore(profiles: &[Arc<str>], services: Services) -> Self {
        let services = Arc::new(services);
        let sessions = restored(profiles, &BTreeMap::new(), &services);
        // Unconstrained, because tokio has a task wait that takes many locks, even if they are free.
        unconstrained(part_twins(&sessions)).now_or_never().expect("nobody else has these sessions yet");
        let sessions = RwLock::new(Arc::new(sessions));
        Self(Arc::new(All {
            services,
            sessions,
            storing: Mutex::default(),
            unconfirmed: std::sync::Mutex::default(),
            partings: std::sync::Mutex::default(),
        }))
    }

    /// Has a session for each of `profiles` from now on and for nobody else. Those that stay are not touched, unless it
    /// changes which of two profiles shows one person.
    pub async fn configure(&self, profiles: &[Arc<str>]) {
        let _one_at_a_time = self.storing().await;
        let (profiles, present, services) = (profiles.to_vec(), self.all(), Arc::clone(&self.0.services));
        let sessions = spawn_blocking(move || restored(&profiles, &present, &services)).await;
        let sessions = sessions.expect("restoring a login does not panic");
        part_twins(&sessions).await;
        *self.0.sessions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sessions);
    }

    /// The sessions, by their profiles' names.
    pub(super) fn all(&self) -> Arc<BTreeMap<Arc<str>, Session>> {
        Arc::clone(&self.0.sessions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What every session uses.
    pub(super) fn services(&self) -> Arc<Services> {
        Arc::clone(&self.0.services)
    }

    /// What is still done about former persons.
    pub(super) fn partings(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.partings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to change whose login a profile has.
    pub(super) async fn storing(&self) -> MutexGuard<'_, ()> {
        self.0.storing.lock().await
    }

    /// The session of `profile`.
    #[must_use]
    pub fn get(&self, profile: &str) -> Option<Session> {
        self.all().get(profile).cloned()
    }

    /// The budget of calls that all of them share.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.0.services.client().pace().clone()
    }

    /// Where Withings sends the browser back to, exactly as it must be registered there.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.0.services.remote.borrow().oauth.redirect_uri().to_owned()
    }

    /// Stores a new random state and gives the address of Withings' consent page.
    pub async fn begin(&self, profile: &str, mode: Mode) -> Result<Url, BeginError> {
        let session = self.get(profile).ok_or(BeginError::UnknownProfile)?;
        let services = &self.0.services;
        if let Some(left) = services.client().pace().paused_for() {
            return Err(BeginError::Paused { seconds: left.as_secs() + 1 });
        }
        let demo = mode == Mode::Demo;
        let (url, state) = services.oauth().authorize_url(demo);
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
        if let Some(left) = self.0.services.client().pace().paused_for() {
            let reason =
                format!("it asked this application to wait {} seconds, and a code dies sooner", left.as_secs() + 1);
            return Err(FinishError::Unreachable { profile: Arc::clone(session.profile()), reason });
        }
        let new = self.0.services.oauth().exchange(code).await;
        let new = new.map_err(|error| FinishError::of_exchange(session.profile(), &error))?;
        self.store(&session, new, pending.demo).await
    }

    /// Puts the login of another person in the place of the former one, whose readings are deleted first. `confirmation`
    /// is that of [`FinishError::AnotherPerson`].
    pub async fn replace(&self, confirmation: &str) -> Result<Connected, FinishError> {
        let now = self.0.services.clock.unix();
        let unconfirmed = self.0.unconfirmed().remove(confirmation).filter(|it| now - it.since < STATE_LIFETIME);
        let Unconfirmed { profile, new, demo, .. } = unconfirmed.ok_or(FinishError::State)?;
        let session = self.get(&profile).ok_or(FinishError::State)?;
        let _one_at_a_time = self.storing().await;
        if let Some(owner) = self.owner_of(&new.user_id, &session).await {
            return Err(FinishError::Taken { profile, owner });
        }
        self.write(&session, new, demo).await
    }

    /// Waits until no rotation is under way.
    pub async fn settle(&self) {
        for session in self.all().values() {
            session.settle().await;
        }
    }

    async fn take(&self, state: String) -> Result<Option<Pending>, FinishError> {
        let (storage, now) = (self.0.services.storage.clone(), self.0.services.clock.unix());
        let taken = spawn_blocking(move || storage.take_pending(&state, now)).await.expect("storage does not panic");
        taken.map_err(|error| FinishError::Storage(error.with_cause()))
    }

    async fn store(&self, session: &Session, new: NewLogin, demo: bool) -> Result<Connected, FinishError> {
        let _one_at_a_time = self.storing().await;
        let profile = Arc::clone(session.profile());
        let owner = if demo { None } else { self.owner_of(&new.user_id, session).await };
        if let Some(owner) = owner {
            return Err(FinishError::Taken { profile, owner });
        }
        session.look().await;
        let pinned = session.0.state.lock().await.owner().map(str::to_owned);
        if pinned.is_some_and(|it| demo || it != new.user_id) {
            let confirmation = self.ask(Unconfirmed { profile, new, demo, since: self.0.services.clock.unix() });
            let profile = Arc::clone(session.profile());
            return Err(FinishError::AnotherPerson { profile, confirmation });
        }
        self.write(session, new, demo).await
    }

    /// The other profile that this person is known as. Two names with one body is the mistake people make: the browser is
    /// still logged in as the first person.
    async fn owner_of(&self, user_id: &str, session: &Session) -> Option<Arc<str>> {
        for other in self.all().values().filter(|it| it.profile() != session.profile()) {
            // Another process may have logged it in a moment ago.
            other.look().await;
            if other.0.state.lock().await.owner() == Some(user_id) {
                return Some(Arc::clone(other.profile()));
            }
        }
        None
    }

    fn ask(&self, unconfirmed: Unconfirmed) -> String {
        let confirmation = random_token();
        let mut waiting = self.0.unconfirmed();
        waiting.retain(|_, it| unconfirmed.since - it.since < STATE_LIFETIME);
        if waiting.len() >= MOST_UNCONFIRMED {
            waiting.clear();
        }
        waiting.insert(confirmation.clone(), unconfirmed);
        confirmation
    }

    async fn write(&self, session: &Session, new: NewLogin, demo: bool) -> Result<Connected, FinishError> {
        let mut state = session.0.state.lock().await;
        let now = self.0.services.clock.unix();
        let write = move |storage: &Storage, profile: &str| {
            let lock = storage.lock_login(profile)?;
            let former = lock.read().ok().flatten().filter(|it| it.user_id != new.user_id);
            if former.is_some() {
                lock.forget_readings()?;
            }
            Ok((lock.replace(&new, now, demo)?, former))
        };
        let (login, former) =
            session.blocking(write).await.map_err(|error| FinishError::Storage(error.with_cause()))?;
        session.connected(&mut state, login);
        if let Some(former) = former {
            self.part_with(session, former);
        }
        tracing::info!(profile = %session.profile(), demo, "connected");
        Ok(Connected { profile: Arc::clone(session.profile()), demo })
    }
}

impl All {
    fn unconfirmed(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Unconfirmed>> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session for each of `profiles`: the present one, or else one with the login that is stored.
fn restored(
    profiles: &[Arc<str>],
    present: &BTreeMap<Arc<str>, Session>,
    services: &Arc<Services>,
) -> BTreeMap<Arc<str>, Session> {
    let restored = |it: &Arc<str>| Session::restore(Arc::clone(it), Arc::clone(services));
    profiles.iter().map(|it| (Arc::clone(it), present.get(it).cloned().unwrap_or_else(|| restored(it)))).collect()
}

/// Finds profiles with the login of one person, as when a renamed profile gets its old name back beside the new one. The
/// latest consent counts; the others are not used.
async fn part_twins(sessions: &BTreeMap<Arc<str>, Session>) {
    let mut shown: BTreeMap<String, (i64, &Session)> = BTreeMap::new();
    for session in sessions.values() {
        let Some((owner, since)) = session.person().await else { continue };
        let newest = shown.entry(owner).or_insert((since, session));
        if since >= newest.0 {
            *newest = (since, session);
        }
    }
    for session in sessions.values() {
        let person = session.person().await;
        let shown = person.and_then(|(owner, _)| shown.get(&owner)).map(|(_, it)| it.profile());
        session.part_from(shown.filter(|it| *it != session.profile())).await;
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
