//! One profile's subscriptions: which there should be, which there are, and what it takes from the one to the other.
//!
//! Polling goes on whatever happens here: a subscription that fails only makes news come later. Other programs may use
//! the same application at Withings: what this exporter has not subscribed is never touched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::session::{self, Session, SessionError};
use crate::storage::StorageError;
use crate::telemetry::log::with_causes;
use crate::withings::client::CallError;
use crate::withings::envelope::Remedy;
use crate::withings::notify::{Appli, NOT_THERE, Subscription, Subscriptions};
use crate::withings::request::Request;

/// How often is looked whether everything is still subscribed: Withings ends a subscription whose calls fail for long.
const CHECK_EVERY: Duration = Duration::from_hours(24);

/// The time between two that are made. Withings tests the address each time, and fails where that follows fast.
const APART: Duration = Duration::from_secs(5);

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_mins(1);

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Withings could not reach the callback address (withings-api: status codes).
const NOT_REACHED: i64 = 293;

/// What Withings is asked to tell, and where. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Wish {
    /// The address with its secret part, which no message may show.
    pub callback: Arc<str>,
    /// The address without it.
    pub shown: Arc<str>,
    /// The kinds of events.
    pub applis: BTreeSet<Appli>,
}

/// How the subscriptions of a profile are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether everything is subscribed but for what lacks a permission.
    pub subscribed: bool,
    /// Why not, in plain words without secrets.
    pub problem: Option<String>,
    /// The permissions that the login lacks.
    pub missing_scopes: BTreeSet<&'static str>,
}

/// Keeps the subscriptions of one profile as they should be.
pub struct Subscriber {
    session: Session,
    login: watch::Receiver<session::Status>,
    /// `None`: Withings shall not call, and what was subscribed before is taken back.
    wish: Option<Wish>,
    wishes: watch::Receiver<Option<Wish>>,
    /// What the present login lacks the permission for.
    refused: BTreeSet<Appli>,
    standing: watch::Sender<Standing>,
}

/// The subscriptions are not as they should be. No text repeats what Withings says, for that may be the address.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(
        "Withings cannot reach {0} (status 293). It sends HEAD there from the internet and wants status 200, over https \
         with a certificate that browsers accept, at port 443 or 80"
    )]
    NotReached(Arc<str>),
    #[error("Withings answered status {status} to a request about subscriptions")]
    Refused { status: i64, remedy: Remedy },
    #[error("the subscriptions could not be made")]
    Session(#[source] SessionError),
    #[error("the subscribed addresses could not be read or saved")]
    Storage(#[from] StorageError),
}

impl Subscriber {
    /// Keeps the subscriptions of `session` as the newest of `wishes` says, `None` for none at all.
    #[must_use]
    pub fn new(session: Session, wishes: watch::Receiver<Option<Wish>>) -> Self {
        let (login, (standing, _)) = (session.status(), watch::channel(Standing::default()));
        Self { session, login, wish: None, wishes, refused: BTreeSet::new(), standing }
    }

    /// How the subscriptions are, and each change of it.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Checks and mends until `shutdown`. The end of the program ends no subscription: the next start finds them.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        let mut failures = 0;
        loop {
            self.wish.clone_from(&self.wishes.borrow_and_update());
            let consents = self.login.borrow_and_update().consents;
            // In a box: it is done once a day, and needs a multiple of what waiting does.
            let outcome = Box::pin(self.mend()).await;
            failures = if outcome.is_ok() { 0 } else { failures + 1 };
            let pause = outcome.as_ref().err().map_or(CHECK_EVERY, |it| it.pause(failures));
            self.note(outcome, failures);
            let new_login = async { drop(self.login.wait_for(|it| it.consents != consents).await) };
            tokio::select! {
                () = new_login => {
                    failures = 0;
                    self.refused.clear();
                }
                Ok(()) = self.wishes.changed() => failures = 0,
                () = sleep(pause) => {}
            }
        }
    }

    /// Makes the subscriptions as they should be: as many as can be, and the first trouble that there was.
    async fn mend(&mut self) -> Result<(), Trouble> {
        if self.login.borrow().login.is_none() {
            return Ok(());
        }
        let known = self.session.callbacks().await?;
        let current: BTreeSet<String> = self.wish.iter().map(|it| it.callback.to_string()).collect();
        let ours = &known | &current;
        if ours.is_empty() {
            return Ok(());
        }
        if ours != known {
            // Before the first one is made: an address that nobody remembers could never be taken back.
            self.session.save_callbacks(ours.clone()).await?;
        }
        let listed = self.rows(&Request::subscriptions()).await?;
        let (missing, obsolete) = self.differences(&listed, &ours);
        self.subscribe(missing).await?;
        self.unsubscribe(obsolete).await?;
        if ours != current {
            self.session.save_callbacks(current).await?;
        }
        Ok(())
    }

    /// What is wished and not listed, and what is listed as ours and not wished.
    fn differences(&self, listed: &[Subscription], ours: &BTreeSet<String>) -> (Vec<Appli>, Vec<Subscription>) {
        let wish = self.wish.as_ref();
        let is_wished = |it: &Subscription| {
            let numbers = wish.filter(|wish| *wish.callback == it.callback).map(|wish| wish.applis.iter());
            numbers.into_iter().flatten().any(|appli| appli.number() == it.appli)
        };
        let is_listed = |appli: &Appli, wish: &Wish| {
            listed.iter().any(|it| it.callback == *wish.callback && it.appli == appli.number())
        };
        let missing = wish.into_iter().flat_map(|wish| wish.applis.iter().filter(|it| !is_listed(it, wish)));
        let missing = missing.filter(|it| !self.refused.contains(it)).copied().collect();
        let obsolete = listed.iter().filter(|it| ours.contains(&it.callback) && !is_wished(it)).cloned().collect();
        (missing, obsolete)
    }

    /// Subscribes to each of `missing`. One that is refused leaves the others alone.
    async fn subscribe(&mut self, missing: Vec<Appli>) -> Result<(), Trouble> {
        let Some(callback) = self.wish.as_ref().map(|it| Arc::clone(&it.callback)) else { return Ok(()) };
        let mut first = Ok(());
        for appli in missing {
            sleep(APART).await;
            match self.rows(&Request::subscribe(&callback, appli)).await {
                Ok(_) => {}
                Err(Trouble::Refused { remedy: Remedy::SwitchOff, .. }) => drop(self.refused.insert(appli)),
                Err(error @ Trouble::Refused { remedy: Remedy::Retry | Remedy::FullRead, .. }) => {
                    first = first.and(Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        first
    }

    async fn unsubscribe(&self, obsolete: Vec<Subscription>) -> Result<(), Trouble> {
        for subscription in obsolete {
            match self.rows(&Request::unsubscribe(&subscription)).await {
                Err(Trouble::Refused { status, .. }) if NOT_THERE.contains(&status) => {}
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }

    async fn rows(&self, request: &Request) -> Result<Vec<Subscription>, Trouble> {
        self.session.rows::<Subscriptions>(request).await.map_err(|error| self.trouble(error))
    }

    fn trouble(&self, error: SessionError) -> Trouble {
        match (error, &self.wish) {
            (SessionError::Call(CallError::Refused(refusal)), Some(wish)) if refusal.status == NOT_REACHED => {
                Trouble::NotReached(Arc::clone(&wish.shown))
            }
            (SessionError::Call(CallError::Refused(refusal)), _) => {
                Trouble::Refused { status: refusal.status, remedy: refusal.remedy() }
            }
            (error, _) => Trouble::Session(error),
        }
    }

    /// Tells how it went; in the log once when it changes and then ever more rarely.
    fn note(&self, outcome: Result<(), Trouble>, failures: u32) {
        let profile = self.session.profile();
        let problem = outcome.err().map(|error| with_causes(&error));
        if let Some(problem) = problem.as_ref().filter(|_| failures.is_power_of_two()) {
            tracing::warn!(%profile, problem, failures, "the subscriptions are not as they should be; polling goes on");
        }
        let missing_scopes = self.refused.iter().map(|it| it.scope()).collect();
        let is_wished = self.wish.is_some() && self.login.borrow().login.is_some();
        self.standing.send_if_modified(|standing| {
            let new = Standing { subscribed: is_wished && problem.is_none(), problem, missing_scopes };
            if new.subscribed && !standing.subscribed {
                tracing::info!(%profile, "subscribed to notifications");
            }
            let is_new = *standing != new;
            *standing = new;
            is_new
        });
    }
}

impl Trouble {
    /// How long to wait after the `failures`-th failure in a row, at least the first.
    fn pause(&self, failures: u32) -> Duration {
        let growing = (FIRST_PAUSE * 2_u32.pow(failures.saturating_sub(1).min(10))).min(LONGEST_PAUSE);
        let asked_for = match self {
            Self::Session(SessionError::LoginRefused { retry_in } | SessionError::RefreshRests { retry_in }) => {
                *retry_in
            }
            Self::Refused { remedy: Remedy::WaitThisCall(wait) | Remedy::PauseAll(wait), .. } => *wait,
            _ => Duration::ZERO,
        };
        growing.max(asked_for).mul_f64(1.0 + fastrand::f64() / 2.0)
    }
}
