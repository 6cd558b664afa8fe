//! How a call went, and what that means for its plan.

use std::time::Duration;

use tokio::time::Instant;

use super::{Refresher, schedule};
use crate::catalogue::Call;
use crate::login::{LoginError, Next, after_failure};
use crate::reading::Attempt;
use crate::storage::{CallPlan, Plan};
use crate::telemetry::log::with_causes;
use crate::webhooks::{Step, SubscriptionError};
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;

/// A call that was made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// It has brought data.
    Data,
    /// It was a step of the subscriptions; the next one.
    Step(Step),
}

/// Why a call did not work.
#[derive(Debug)]
pub(super) enum Failure {
    Login(LoginError),
    /// What was not made is not as it should be at Withings; polling goes on.
    Subscriptions(SubscriptionError),
    /// What is stored of the profile cannot be read, or the worker has failed.
    Profile(String),
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<SubscriptionError> for Failure {
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
    pub(super) fn note(&self, plan: &mut Plan, profile: &str, call: Call, began: Instant, made: Result<Made, Failure>) {
        let Some(planned) = plan.calls.get_mut(&call) else { return };
        match made {
            Ok(made) => {
                let due = match made {
                    Made::Data => Some(self.next_interval(call, profile, planned, began)),
                    Made::Step(Step::After(pause)) => {
                        // What has failed before may fail again: only the last step tells.
                        planned.due = Some(Instant::now() + pause);
                        return;
                    }
                    Made::Step(Step::Done(pause)) => Some(Instant::now() + pause),
                    Made::Step(Step::Never) => None,
                };
                let last_success = Some(self.services().clock.unix());
                *planned = CallPlan { due, last_success, latest: Attempt::Worked, ..CallPlan::default() };
            }
            Err(failure) => self.note_failure(planned, profile, call, began, &failure),
        }
    }

    fn note_failure(&self, planned: &mut CallPlan, profile: &str, call: Call, began: Instant, failure: &Failure) {
        planned.failures += 1;
        planned.failing_since.get_or_insert(self.services().clock.unix());
        let next = failure.next(planned.failures);
        planned.due = match next {
            Next::After(pause) => Some(Instant::now() + pause),
            Next::Interval => Some(self.next_interval(call, profile, planned, began)),
            Next::NewLogin => None,
        };
        planned.latest = failure.attempt(call, next);
        // The call was repeated with a new token, and that was refused as well.
        planned.is_refused |= failure.refuses_login();
        failure.log(profile, call, planned.failures);
    }

    fn next_interval(&self, call: Call, profile: &str, planned: &CallPlan, began: Instant) -> Instant {
        let rhythm = self.rhythm(profile);
        if planned.latest == Attempt::None {
            return rhythm.second(call, began);
        }
        rhythm.next(call, planned.due.unwrap_or(began).min(began), began)
    }

    pub(super) fn rhythm<'a>(&self, profile: &'a str) -> schedule::Rhythm<'a> {
        schedule::Rhythm { interval: self.services().settings.borrow().interval, profile, origin: self.0.origin }
    }
}

impl Failure {
    /// When the call is made again after the `failures`-th failure in a row.
    fn next(&self, failures: u32) -> Next {
        match self {
            Self::Login(error) => after_failure(error, failures, fastrand::f64()),
            Self::Subscriptions(error) => Next::After(error.pause(failures)),
            Self::Profile(_) => Next::After(Duration::from_secs(15) * failures.min(60)),
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
            Self::Subscriptions(error) => Attempt::Failed(error.to_string()),
            Self::Profile(why) => Attempt::Failed(why.clone()),
        }
    }

    /// Whether the next read must be of everything.
    pub(super) fn drops_cursor(&self) -> bool {
        matches!(self, Self::Login(error) if schedule::drops_cursor(error))
    }

    fn refuses_login(&self) -> bool {
        matches!(self, Self::Login(LoginError::Call(error)) if error.remedy() == Remedy::RefreshToken)
    }

    /// Once when it begins to fail and then ever more rarely: a long outage must not fill the log.
    fn log(&self, profile: &str, call: Call, failures: u32) {
        let error = match self {
            Self::Login(LoginError::NoLogin | LoginError::SamePerson { .. }) | Self::Subscriptions(_) => return,
            Self::Login(error) => with_causes(error),
            Self::Profile(why) => why.clone(),
        };
        // What is wrong with a login is said once, and not for each call that lacks it.
        let is_said = matches!(self, Self::Login(LoginError::LoginRefused { .. } | LoginError::RefreshRests { .. }));
        if failures.is_power_of_two() && !is_said {
            tracing::warn!(profile, %call, error, failures, "a call failed; the last values stay");
        } else {
            tracing::debug!(profile, %call, error, failures, "a call failed; the last values stay");
        }
    }
}
