//! How a call went, and what that means for its plan.

use tokio::time::Instant;

use super::{Refresher, schedule};
use crate::catalogue::Call;
use crate::login::{LoginError, Next, after_failure, growing};
use crate::reading::Attempt;
use crate::storage::{CallPlan, Plan};
use crate::telemetry::log::with_causes;
use crate::webhooks::{CHECK_EVERY, NextStep, SubscriptionError};
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;

/// A call that was made.
#[derive(Clone, Copy, Debug)]
pub(super) enum CallOutcome {
    /// A call for data.
    Data,
    /// A step of the subscriptions, and when the next one is due.
    Step(NextStep),
}

/// Why a call did not work.
#[derive(Debug)]
pub(super) enum CallFailure {
    /// The call could not be made with the login, or failed.
    Login(LoginError),
    /// The subscriptions at Withings are not as desired; polling goes on.
    Subscriptions(SubscriptionError),
    /// The stored state of the profile cannot be read, or the worker has failed.
    Profile(String),
}

impl From<LoginError> for CallFailure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<SubscriptionError> for CallFailure {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::Login(error @ (LoginError::Superseded | LoginError::Call(CallError::NoTurn(_)))) => {
                Self::Login(error)
            }
            error => Self::Subscriptions(error),
        }
    }
}

impl Refresher {
    /// Notes how a call of the refresh that began at `began` went.
    pub(super) fn note(
        &self,
        plan: &mut Plan,
        profile: &str,
        call: Call,
        began: Instant,
        made: Result<CallOutcome, CallFailure>,
    ) {
        let Some(planned) = plan.calls.get_mut(&call) else { return };
        if call == Call::Notify {
            plan.subscribed = match made {
                Ok(CallOutcome::Step(NextStep::Done(digest))) => digest,
                _ => None,
            };
        }
        match made {
            Ok(made) => {
                let due = match made {
                    CallOutcome::Data => Some(self.next_interval(call, profile, planned, began)),
                    CallOutcome::Step(NextStep::After(pause)) => {
                        // A failure of an earlier step stays: only the last step tells whether all is well.
                        planned.due = Some(Instant::now() + pause);
                        return;
                    }
                    CallOutcome::Step(NextStep::Done(_)) => Some(Instant::now() + CHECK_EVERY),
                    CallOutcome::Step(NextStep::Never) => None,
                };
                let last_success = Some(self.storage().unix());
                *planned = CallPlan { due, last_success, latest: Attempt::Worked, ..CallPlan::default() };
            }
            Err(failure) => self.note_failure(planned, profile, call, began, &failure),
        }
    }

    fn note_failure(&self, planned: &mut CallPlan, profile: &str, call: Call, began: Instant, failure: &CallFailure) {
        planned.failures += 1;
        planned.failing_since.get_or_insert(self.storage().unix());
        let next = failure.next(planned.failures);
        planned.due = match next {
            Next::After(pause) => Some(Instant::now() + pause),
            Next::Interval => Some(self.next_interval(call, profile, planned, began)),
            Next::NewLogin => None,
        };
        planned.latest = failure.attempt(call, next);
        // The call was repeated with a new token, and that was refused as well; or there is none, for the refresh token is
        // refused. It is a part of the plan, so every replica shows it.
        planned.is_refused |= failure.refuses_login();
        failure.log(profile, call, planned.failures);
    }

    fn next_interval(&self, call: Call, profile: &str, planned: &CallPlan, began: Instant) -> Instant {
        let schedule = self.schedule(profile);
        if planned.latest == Attempt::None {
            return schedule.second(call, began);
        }
        schedule.next(call, planned.due.unwrap_or(began).min(began), began)
    }

    pub(super) fn schedule<'a>(&self, profile: &'a str) -> schedule::Schedule<'a> {
        let interval = self.services().settings.borrow().interval;
        match self.storage().interval_begun(interval) {
            Some(origin) => schedule::Schedule::of_replicas(interval, profile, origin),
            None => schedule::Schedule::of_process(interval, profile, self.0.origin),
        }
    }
}

impl CallFailure {
    /// When the call is made again after the `failures`-th failure in a row.
    fn next(&self, failures: u32) -> Next {
        match self {
            Self::Login(error) => after_failure(error, failures, fastrand::f64()),
            Self::Subscriptions(error) => Next::After(error.pause(failures)),
            Self::Profile(_) => Next::After(growing(failures, fastrand::f64())),
        }
    }

    /// How the attempt is shown.
    fn attempt(&self, call: Call, next: Next) -> Attempt {
        match self {
            // No attempt was made: there was nothing to make it with.
            Self::Login(LoginError::NoLogin | LoginError::SamePerson { .. }) => Attempt::None,
            Self::Login(error @ LoginError::Call(_)) => match (next, call.scope()) {
                (Next::NewLogin, Some(scope)) => Attempt::SwitchedOff { scope },
                _ => Attempt::Failed(with_causes(error)),
            },
            Self::Login(error) => Attempt::Failed(with_causes(error)),
            Self::Subscriptions(error) => Attempt::Failed(with_causes(error)),
            Self::Profile(why) => Attempt::Failed(why.clone()),
        }
    }

    /// Whether the next read must be of everything, because Withings found the request wrong.
    pub(super) fn drops_cursor(&self) -> bool {
        matches!(self, Self::Login(LoginError::Call(error)) if error.remedy() == Remedy::FullRead)
    }

    fn refuses_login(&self) -> bool {
        match self {
            Self::Login(LoginError::LoginRefused { .. }) => true,
            Self::Login(LoginError::Call(error)) => error.remedy() == Remedy::RefreshToken,
            _ => false,
        }
    }

    /// Logs the 1st, 2nd, 4th, 8th … failure in a row as a warning: a long outage must not fill the log.
    fn log(&self, profile: &str, call: Call, failures: u32) {
        let error = match self {
            Self::Login(LoginError::NoLogin | LoginError::SamePerson { .. }) | Self::Subscriptions(_) => return,
            Self::Login(error) => with_causes(error),
            Self::Profile(why) => why.clone(),
        };
        // A refused login is logged once where it is refused, and not for each call that lacks it; so is a database with which
        // none may be refreshed.
        let is_said = match self {
            Self::Login(LoginError::LoginRefused { .. } | LoginError::RefreshRests { .. }) => true,
            Self::Login(LoginError::Storage(error)) => error.is_suspension(),
            _ => false,
        };
        if failures.is_power_of_two() && !is_said {
            tracing::warn!(profile, %call, error, failures, "a call failed; the last values stay");
        } else {
            tracing::debug!(profile, %call, error, failures, "a call failed; the last values stay");
        }
    }
}
