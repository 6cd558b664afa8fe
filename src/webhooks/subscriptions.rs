//! The subscriptions of the profiles: which there should be, which there are, and the steps from the one to the other.
//!
//! A step is one more planned call. Polling goes on whatever happens here: a subscription that fails only makes news come
//! later. Other programs may use the same application at Withings: what this exporter has not subscribed is never touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::DesiredSubscriptions;
use crate::backoff::backoff;
use crate::login::{Caller, LoginError, Logins};
use crate::storage::{LoginInfo, Plan, StorageError};
use crate::telemetry::log::with_causes;
use crate::withings::appli::Appli;
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
use crate::withings::notify::{self, NOT_THERE, Subscription};
use crate::withings::request::Request;

/// How often the list of subscriptions is read though nothing has changed: Withings ends a subscription whose calls fail for
/// long (<https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-overview/>).
pub const CHECK_EVERY: Duration = Duration::from_hours(24);

/// The time between two subscriptions. Withings tests the address for each of them, and fails some that follow fast.
const APART: Duration = Duration::from_secs(5);

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_mins(1);

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The status when Withings could not reach the callback address: a proxy that refuses HEAD is the usual cause
/// (home-assistant/core#72614).
const NOT_REACHED: i64 = 293;

/// How the subscriptions of a profile stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionStatus {
    /// Whether every desired kind is subscribed but for those that lack a permission.
    pub subscribed: bool,
    /// The last failure, in plain words without secrets.
    pub problem: Option<String>,
    /// The permissions that the login lacks.
    pub missing_scopes: BTreeSet<&'static str>,
}

/// When the next step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// After this time, for there is more to do.
    After(Duration),
    /// When [`CHECK_EVERY`] has passed; everything is as desired now, with this digest. `None`: but for what the login lacks the
    /// permission for, which is tried again after a start or a reload.
    Done(Option<u64>),
    /// When the configuration or the login changes: nothing of this exporter is subscribed at Withings.
    Never,
}

/// The subscriptions of all profiles. Cheap to clone.
#[derive(Clone)]
pub struct Subscriptions(Arc<SubscriptionsInner>);

struct SubscriptionsInner {
    logins: Logins,
    /// What the configuration asks for. `None`: nothing, and what was subscribed before is taken back.
    desired: watch::Receiver<Option<DesiredSubscriptions>>,
    profiles: Mutex<BTreeMap<Arc<str>, SubscriptionProgress>>,
}

/// How far the steps of one profile have come.
#[derive(Clone, Default)]
struct SubscriptionProgress {
    /// The consent that this progress is of: a new login begins anew.
    consent: u64,
    /// What was desired when the list was last read.
    desired: Option<DesiredSubscriptions>,
    /// What is still to be subscribed, the first one first.
    missing: Vec<Appli>,
    /// What the login lacks the permission for.
    refused: BTreeSet<Appli>,
    /// The first failure among these steps.
    problem: Option<String>,
    status: SubscriptionStatus,
}

/// The subscriptions are not as desired. No text repeats Withings' words, for they may be the secret address.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// Withings could not reach the callback address.
    #[error(
        "Withings cannot reach {0} (status 293). It sends HEAD there from the internet and wants status 200, over https \
         with a certificate that browsers accept, at port 443 or 80"
    )]
    NotReached(Arc<str>),
    /// Another status than 0.
    #[error("Withings answered status {status} to a request about subscriptions")]
    Refused {
        /// The status.
        status: i64,
        /// What to do about it.
        remedy: Remedy,
    },
    /// Some of the subscriptions were not made.
    #[error("{0}")]
    Some(String),
    /// The call could not be made.
    #[error("the subscriptions could not be made")]
    Login(#[source] LoginError),
    /// The stored addresses do not work.
    #[error("the subscribed addresses could not be read or saved")]
    Storage(#[from] StorageError),
}

impl Subscriptions {
    /// The subscriptions that the newest value of `desired` asks for, `None` for none at all.
    #[must_use]
    pub fn new(logins: Logins, desired: watch::Receiver<Option<DesiredSubscriptions>>) -> Self {
        Self(Arc::new(SubscriptionsInner { logins, desired, profiles: Mutex::default() }))
    }

    /// How the subscriptions of `profile` stand.
    #[must_use]
    pub fn status(&self, profile: &str) -> SubscriptionStatus {
        let (logins, plan) = (self.0.logins.storage().logins(), self.0.logins.storage().plan(profile));
        if logins.get(profile).zip(plan).is_some_and(|(known, plan)| self.are_settled(&plan, &known.login)) {
            // Also where another process has found it.
            return SubscriptionStatus { subscribed: true, ..SubscriptionStatus::default() };
        }
        self.profiles().get(profile).map(|progress| progress.status.clone()).unwrap_or_default()
    }

    /// Whether the subscriptions of this login were found, by any process, to be those that are desired now.
    #[must_use]
    pub fn are_settled(&self, plan: &Plan, login: &LoginInfo) -> bool {
        let desired = self.0.desired.borrow();
        plan.subscribed.is_some() && plan.subscribed == desired.as_ref().map(|desired| desired.digest(login))
    }

    /// Takes the next step for a profile. `failures` is how often in a row it has failed.
    pub async fn step(&self, caller: &Caller, failures: u32) -> Result<NextStep, SubscriptionError> {
        let profile = caller.profile();
        let mut progress = self.progress(profile);
        let outcome = self.advance(caller, &mut progress).await;
        if let Err(SubscriptionError::Login(LoginError::Superseded)) = outcome {
            return outcome;
        }
        note(profile, &mut progress, &outcome, failures);
        self.profiles().insert(Arc::clone(profile), progress);
        outcome
    }

    /// How far the steps have come; nowhere yet if they were for an earlier login.
    fn progress(&self, profile: &str) -> SubscriptionProgress {
        let consent = self.0.logins.storage().logins().get(profile).map_or(0, |known| known.consent);
        let present = self.profiles().get(profile).cloned().filter(|progress| progress.consent == consent);
        present.unwrap_or_else(|| SubscriptionProgress { consent, ..SubscriptionProgress::default() })
    }

    async fn advance(
        &self,
        caller: &Caller,
        progress: &mut SubscriptionProgress,
    ) -> Result<NextStep, SubscriptionError> {
        let is_configured = self.0.logins.profile(caller.profile()).is_some();
        let desired = self.0.desired.borrow().clone().filter(|_| is_configured);
        if self.is_anothers(caller) {
            return Ok(NextStep::Never);
        }
        if progress.missing.is_empty() || progress.desired != desired {
            return self.compare(caller, progress, desired).await;
        }
        self.subscribe(caller, progress).await
    }

    /// Whether the profile has left the configuration and a configured profile shows its person: then the subscriptions are
    /// that profile's.
    fn is_anothers(&self, caller: &Caller) -> bool {
        let (people, profile) = (self.0.logins.people(), caller.profile());
        let is_configured = self.0.logins.profile(profile).is_some();
        !is_configured && caller.user_id().is_some_and(|user_id| people.is_shared(profile, &user_id))
    }

    /// Reads the list of subscriptions, takes back those that are not desired, and notes which are missing.
    async fn compare(
        &self,
        caller: &Caller,
        progress: &mut SubscriptionProgress,
        desired: Option<DesiredSubscriptions>,
    ) -> Result<NextStep, SubscriptionError> {
        let (storage, profile) = (self.0.logins.storage(), caller.profile());
        (progress.problem, progress.desired) = (None, desired.clone());
        progress.missing.clear();
        let known = storage.callbacks(profile).await?;
        let current: BTreeSet<String> = desired.iter().map(|wanted| wanted.callback.to_string()).collect();
        let ours = &known | &current;
        if ours.is_empty() {
            return Ok(NextStep::Never);
        }
        if ours != known {
            // Before the first subscription is made: an address that is not stored could never be taken back.
            storage.save_callbacks(profile, ours.clone()).await?;
        }
        let listed = rows(caller, desired.as_ref(), &Request::subscriptions()).await?;
        let (missing, obsolete) = differences(desired.as_ref(), &listed, &ours, &progress.refused);
        for subscription in &obsolete {
            if self.is_anothers(caller) {
                return Ok(NextStep::Never);
            }
            match rows(caller, desired.as_ref(), &Request::unsubscribe(subscription)).await {
                Err(SubscriptionError::Refused { status, .. }) if NOT_THERE.contains(&status) => {}
                outcome => drop(outcome?),
            }
        }
        if ours != current {
            storage.save_callbacks(profile, current).await?;
        }
        if desired.is_none() {
            tracing::info!(%profile, "took back the subscriptions");
            return Ok(NextStep::Never);
        }
        progress.missing = missing;
        Ok(if progress.missing.is_empty() { self.done(profile, progress) } else { NextStep::After(APART) })
    }

    /// What follows when everything is as `progress` says that it is desired.
    fn done(&self, profile: &str, progress: &SubscriptionProgress) -> NextStep {
        let desired = progress.desired.as_ref().filter(|_| progress.refused.is_empty());
        let logins = self.0.logins.storage().logins();
        NextStep::Done(desired.zip(logins.get(profile)).map(|(desired, known)| desired.digest(&known.login)))
    }

    /// Makes the first missing subscription. One that is refused leaves the others alone.
    async fn subscribe(
        &self,
        caller: &Caller,
        progress: &mut SubscriptionProgress,
    ) -> Result<NextStep, SubscriptionError> {
        let Some(desired) = progress.desired.clone() else { return Ok(NextStep::Never) };
        let appli = progress.missing.remove(0);
        match rows(caller, Some(&desired), &Request::subscribe(&desired.callback, appli)).await {
            Ok(_) => {}
            Err(SubscriptionError::Refused { remedy: Remedy::SwitchOff, .. }) => drop(progress.refused.insert(appli)),
            Err(error @ SubscriptionError::Refused { remedy: Remedy::Retry | Remedy::FullRead, .. }) => {
                progress.problem.get_or_insert_with(|| with_causes(&error));
            }
            Err(error) => {
                // The others would fail as well: the list is read anew after the pause.
                progress.missing.clear();
                return Err(error);
            }
        }
        match (progress.missing.is_empty(), progress.problem.take()) {
            (false, problem) => {
                progress.problem = problem;
                Ok(NextStep::After(APART))
            }
            (true, None) => Ok(self.done(caller.profile(), progress)),
            (true, Some(problem)) => Err(SubscriptionError::Some(problem)),
        }
    }

    fn profiles(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, SubscriptionProgress>> {
        self.0.profiles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds that are desired and not listed, and the listed subscriptions of ours that are not desired.
fn differences(
    desired: Option<&DesiredSubscriptions>,
    listed: &[Subscription],
    ours: &BTreeSet<String>,
    refused: &BTreeSet<Appli>,
) -> (Vec<Appli>, Vec<Subscription>) {
    let is_desired = |subscription: &Subscription| {
        let here = desired.filter(|wanted| *wanted.callback == subscription.callback);
        here.is_some_and(|wanted| wanted.applis.iter().any(|appli| appli.number() == subscription.appli))
    };
    let is_listed = |appli: &Appli, wanted: &DesiredSubscriptions| {
        listed
            .iter()
            .any(|subscription| subscription.callback == *wanted.callback && subscription.appli == appli.number())
    };
    let missing =
        desired.into_iter().flat_map(|wanted| wanted.applis.iter().filter(move |appli| !is_listed(appli, wanted)));
    let missing = missing.filter(|appli| !refused.contains(appli)).copied().collect();
    let obsolete = listed
        .iter()
        .filter(|subscription| ours.contains(&subscription.callback) && !is_desired(subscription))
        .cloned()
        .collect();
    (missing, obsolete)
}

async fn rows(
    caller: &Caller,
    desired: Option<&DesiredSubscriptions>,
    request: &Request,
) -> Result<Vec<Subscription>, SubscriptionError> {
    caller.rows::<notify::SubscriptionList>(request).await.map_err(|error| match (error, desired) {
        (LoginError::Call(CallError::Refused(refusal)), Some(desired)) if refusal.status == NOT_REACHED => {
            SubscriptionError::NotReached(Arc::clone(&desired.shown))
        }
        (LoginError::Call(CallError::Refused(refusal)), _) => {
            SubscriptionError::Refused { status: refusal.status, remedy: refusal.remedy() }
        }
        (error, _) => SubscriptionError::Login(error),
    })
}

/// Notes how a step went, and logs a failure when it is the 1st, 2nd, 4th, 8th … in a row.
fn note(
    profile: &str,
    progress: &mut SubscriptionProgress,
    outcome: &Result<NextStep, SubscriptionError>,
    failures: u32,
) {
    let problem = outcome.as_ref().err().map(|error| with_causes(error));
    if let Some(problem) = problem.as_ref().filter(|_| (failures + 1).is_power_of_two()) {
        tracing::warn!(
            profile,
            problem,
            failures = failures + 1,
            "the subscriptions are not as they should be; polling goes on"
        );
    }
    let is_whole = matches!(outcome, Ok(NextStep::Done(_)));
    // A status stays while the steps to another one are under way.
    let is_under_way = outcome.is_ok() && !progress.missing.is_empty();
    let former = &progress.status;
    let status = SubscriptionStatus {
        subscribed: is_whole || is_under_way && former.subscribed,
        problem: if is_under_way { former.problem.clone() } else { problem },
        missing_scopes: progress.refused.iter().map(|appli| appli.scope()).collect(),
    };
    if status.subscribed && !former.subscribed {
        tracing::info!(profile, "subscribed to notifications");
    }
    progress.status = status;
}

impl SubscriptionError {
    /// How long to wait after the `failures`-th failure in a row, at least the first.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let asked_for = match self {
            Self::Login(LoginError::LoginRefused { retry_in } | LoginError::RefreshRests { retry_in }) => *retry_in,
            Self::Refused { remedy: Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait), .. } => *wait,
            _ => Duration::ZERO,
        };
        backoff(FIRST_PAUSE, LONGEST_PAUSE, failures, fastrand::f64()).max(asked_for)
    }
}
