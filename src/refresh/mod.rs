//! One refresh: claim → load → the calls that are due → save → publish. No profile has a task or a state of its own.
//!
//! A call that fails leaves the other calls and the other profiles alone and keeps the last values.

mod cursor;
mod fetch;
mod first_format;
mod outcome;
mod part;
mod plans;
mod profile_state;
mod publisher;
mod schedule;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::catalogue::Call;
use crate::clock::Clock;
use crate::config::Selection;
use crate::login::{LoginError, Logins};
use crate::reading::Snapshot;
use crate::storage::{Claim, State, Storage, StorageError};
use crate::telemetry::Telemetry;
use crate::webhooks::Subscriptions;
use crate::withings::error::CallError;
use fetch::Fetch;
use outcome::{Failure, Made};
pub use plans::{Occasion, Restored};
use profile_state::ProfileState;

/// Refreshes whichever profile is due. Cheap to clone.
#[derive(Clone)]
pub struct Refresher(Arc<Inner>);

struct Inner {
    services: Services,
    /// From when the places of the profiles in the intervals are counted.
    origin: Instant,
}

/// What a refresh needs.
pub struct Services {
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
    /// What is measured.
    pub selection: Selection,
    /// The time between two refreshes.
    pub interval: Duration,
    /// Whether Withings is asked to tell when it has news.
    pub webhooks: bool,
}

impl Refresher {
    /// One that has done nothing yet.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self(Arc::new(Inner { services, origin: Instant::now() }))
    }

    /// Makes the calls of a claim that are due, and gives the claim back.
    async fn refresh(&self, mut claim: Claim) {
        let began = Instant::now();
        let mut state = match self.load(&claim).await {
            Ok(state) => state,
            Err(error) => return self.fail(claim, &error.with_cause()),
        };
        self.publish(&claim, &state);
        for call in claim.calls.clone() {
            match self.make(call, &claim, &mut state).await {
                // The claim has ended, and whoever ended it has planned anew.
                Err(Failure::Login(LoginError::Superseded)) => return,
                // It was not made, stays due, and the others would not be made either.
                Err(Failure::Login(LoginError::Call(CallError::NoTurn(_)))) => break,
                made => {
                    if made.as_ref().is_err_and(Failure::drops_cursor) {
                        state.forget_cursor(call);
                    }
                    self.note(&mut claim.plan, &claim.profile, call, began, made);
                }
            }
            self.storage().note_progress(&claim);
            self.save(&claim, &mut state).await;
            self.publish(&claim, &state);
        }
        if !claim.calls.is_empty() {
            claim.plan.refreshed_at = Some(Instant::now());
            self.publish_duration(&claim, began.elapsed());
        }
        self.storage().finish(claim);
    }

    /// What is known of the person whose login is used.
    async fn load(&self, claim: &Claim) -> Result<ProfileState, StorageError> {
        let stored = self.storage().load(&claim.profile).await?;
        Ok(ProfileState::restore(self.of_person(&claim.profile, stored)))
    }

    /// The same state, or an empty one if the profile has another person now.
    fn of_person(&self, profile: &str, stored: State) -> State {
        match self.services().logins.people().get(profile) {
            Some(person) => stored.only_of(&person.known.login.user_id),
            None => stored,
        }
    }

    async fn make(&self, call: Call, claim: &Claim, state: &mut ProfileState) -> Result<Made, Failure> {
        let caller = self.services().logins.caller_for(claim);
        if call == Call::Notify {
            let failures = claim.plan.calls.get(&call).map_or(0, |plan| plan.failures);
            return Ok(Made::Step(self.services().subscriptions.step(&caller, failures).await?));
        }
        Fetch { caller: &caller, telemetry: &self.services().telemetry, state }.call(call).await?;
        Ok(Made::Data)
    }

    /// Saves what has changed. What cannot be saved stays in storage's memory, and is shown.
    async fn save(&self, claim: &Claim, state: &mut ProfileState) {
        if let Some(changed) = state.changed(self.services().logins.server_now()) {
            // What goes wrong is said, and tried again, by storage.
            self.storage().save(claim, changed).await.ok();
        }
    }

    /// Ends a claim whose calls have failed for a reason that is not theirs.
    fn fail(&self, mut claim: Claim, why: &str) {
        for call in claim.calls.clone() {
            let failure = Failure::Profile(why.to_owned());
            self.note(&mut claim.plan, &claim.profile, call, Instant::now(), Err(failure));
        }
        self.publish_calls(&claim.profile, &claim.plan, || self.storage().is_current(&claim));
        self.storage().finish(claim);
    }

    fn services(&self) -> &Services {
        &self.0.services
    }

    fn storage(&self) -> &Storage {
        self.services().logins.storage()
    }
}

/// The calls that these measurements need.
fn calls(selection: &Selection) -> impl Iterator<Item = Call> {
    Call::DATA.into_iter().filter(|call| selection.iter().any(|it| it.source.calls().contains(call)))
}
