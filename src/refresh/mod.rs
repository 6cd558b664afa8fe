//! One refresh: claim → load → the calls that are due → save → publish. No profile has a task or a state of its own.
//!
//! A call that fails leaves the other calls and the other profiles alone and keeps the last values. What is known of a call is
//! stored before the next one is made, so that an end in between costs one call.

mod cursor;
mod fetch;
mod first_format;
mod outcome;
mod part;
mod plans;
mod profile_state;
mod publisher;
mod schedule;
mod stored;
mod workers;

use std::collections::BTreeSet;
use std::slice;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::catalogue::Call;
use crate::clock::Clock;
use crate::config::Selection;
use crate::login::{LoginError, Logins};
use crate::reading::Snapshot;
use crate::storage::{Claim, Storage, StorageError, StoredState};
use crate::telemetry::Telemetry;
use crate::webhooks::Subscriptions;
use crate::withings::error::CallError;
use fetch::ProfileFetch;
use outcome::{CallFailure, CallOutcome};
pub use plans::Occasion;
use profile_state::ProfileState;
pub use stored::Restored;

/// Refreshes the profiles that are due. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Refresher(Arc<RefresherInner>);

struct RefresherInner {
    services: RefreshServices,
    /// The moment from which the intervals are counted.
    origin: Instant,
    /// The profiles whose stored state is still to be read and shown.
    unread: Mutex<BTreeSet<Arc<str>>>,
}

/// What refreshes are made of.
pub struct RefreshServices {
    /// The logins, with which the calls are made.
    pub logins: Logins,
    /// Where snapshots are published.
    pub snapshots: watch::Sender<Snapshot>,
    /// Where unknown values are counted.
    pub telemetry: Telemetry,
    /// The present time.
    pub clock: Clock,
    /// What the configuration says at present.
    pub settings: watch::Receiver<Settings>,
    /// What Withings is asked to tell.
    pub subscriptions: Subscriptions,
}

/// What the configuration says about refreshing.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The measurements that are configured.
    pub selection: Selection,
    /// The time between two refreshes.
    pub interval: Duration,
    /// Whether Withings is asked to tell when it has news.
    pub webhooks: bool,
}

impl Refresher {
    /// A refresher of which nothing is under way.
    #[must_use]
    pub fn new(services: RefreshServices) -> Self {
        Self(Arc::new(RefresherInner { services, origin: Instant::now(), unread: Mutex::default() }))
    }

    /// Makes the calls of a claim that are due, and gives the claim back.
    async fn refresh(&self, mut claim: Claim) {
        let began = Instant::now();
        let mut state = match self.load(&claim).await {
            Ok(state) => state,
            Err(error) => return self.fail(claim, &error.with_cause()).await,
        };
        self.publish(&claim, &state);
        for (made, call) in claim.calls.clone().into_iter().enumerate() {
            match self.make(call, &claim, &mut state).await {
                // The claim has ended: what ended it has planned the profile anew.
                Err(CallFailure::Login(LoginError::Superseded)) => return,
                // The others would have no turn either. What was not made stays due, also where Withings had news of it.
                Err(CallFailure::Login(LoginError::Call(CallError::NoTurn(_)))) => {
                    claim.plan.make_due(&claim.calls[made..], Instant::now());
                    break;
                }
                made => {
                    if made.as_ref().is_err_and(CallFailure::drops_cursor) {
                        state.forget_cursor(call);
                    }
                    self.note(&mut claim.plan, &claim.profile, call, began, made);
                }
            }
            // The readings first: a plan without them would say that nothing is to be asked for.
            self.save(&claim, &mut state).await;
            if !self.storage().note_progress(&claim).await {
                return;
            }
            self.publish(&claim, &state);
        }
        if !claim.calls.is_empty() {
            claim.plan.refreshed_at = Some(Instant::now());
            claim.plan.refresh_took = Some(began.elapsed());
            self.publish_calls(&claim);
        }
        self.storage().finish(claim).await;
    }

    /// Loads what is known of the person whose login the profile has.
    async fn load(&self, claim: &Claim) -> Result<ProfileState, StorageError> {
        let stored = self.storage().load(&claim.profile).await;
        match &stored {
            Ok(_) => self.note_read(&claim.profile),
            Err(error) => self.note_failed(slice::from_ref(&claim.profile), error),
        }
        Ok(ProfileState::restore(self.of_person(&claim.profile, stored?)))
    }

    /// The stored state, or an empty one if the profile has another person now.
    fn of_person(&self, profile: &str, stored: StoredState) -> StoredState {
        match self.services().logins.people().get(profile) {
            Some(person) => stored.only_of(&person.known.login.user_id),
            None => stored,
        }
    }

    async fn make(&self, call: Call, claim: &Claim, state: &mut ProfileState) -> Result<CallOutcome, CallFailure> {
        let caller = self.services().logins.caller_for(claim);
        if call == Call::Notify {
            let failures = claim.plan.calls.get(&call).map_or(0, |plan| plan.failures);
            return Ok(CallOutcome::Step(self.services().subscriptions.step(&caller, failures).await?));
        }
        ProfileFetch { caller: &caller, telemetry: &self.services().telemetry, state }.call(call).await?;
        Ok(CallOutcome::Data)
    }

    /// Saves what has changed. A state that cannot be saved stays in storage's memory, and is shown.
    async fn save(&self, claim: &Claim, state: &mut ProfileState) {
        if let Some(changed) = state.changed(self.services().logins.server_now()) {
            // Storage logs a failure and tries again. Whether the claim has ended is asked when its plan is noted.
            self.storage().save(claim, changed).await.ok();
        }
    }

    /// Ends a claim whose calls have all failed for one reason: its state cannot be read, or its worker has failed.
    async fn fail(&self, mut claim: Claim, why: &str) {
        for call in claim.calls.clone() {
            let failure = CallFailure::Profile(why.to_owned());
            self.note(&mut claim.plan, &claim.profile, call, Instant::now(), Err(failure));
        }
        self.publish_calls(&claim);
        self.storage().finish(claim).await;
    }

    fn services(&self) -> &RefreshServices {
        &self.0.services
    }

    fn storage(&self) -> &Storage {
        self.services().logins.storage()
    }
}

/// How many requests a minute `profiles` people cost by polling alone, in the long run.
#[must_use]
pub fn polling_per_minute(profiles: usize, selection: &Selection, interval: Duration) -> f64 {
    profiles as f64 * schedule::calls_per_minute(calls(selection), interval)
}

/// The calls that these measurements need.
fn calls(selection: &Selection) -> impl Iterator<Item = Call> {
    Call::DATA.into_iter().filter(|call| selection.iter().any(|measurement| measurement.source.calls().contains(call)))
}
