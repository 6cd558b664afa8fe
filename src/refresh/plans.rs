//! The plans that a start, a reload or a login makes anew. After that each refresh plans its own calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::stored::Restored;
use super::{Refresher, Settings, calls, schedule};
use crate::catalogue::Call;
use crate::storage::{CallPlan, LoginInfo, Plan, Replan, StorageError};

/// Why plans are made anew.
#[derive(Clone, Debug)]
pub enum Occasion {
    /// The process starts; with what was restored of each profile.
    Start(BTreeMap<Arc<str>, Restored>),
    /// The configuration was read again.
    Reload {
        /// The interval that was configured before.
        interval: Duration,
    },
    /// The logins of these profiles are new; `true` stands for another person than before.
    Logins(BTreeMap<Arc<str>, bool>),
}

impl Refresher {
    /// Shows how the calls of these profiles went, where another host has made them.
    pub fn show_plans(&self, profiles: &BTreeSet<Arc<str>>) {
        let plan = |profile: &Arc<str>| Some((Arc::clone(profile), self.storage().plan(profile)?));
        self.publish_plans(&profiles.iter().filter_map(plan).collect());
    }

    /// Plans the calls of all profiles whose login is used, and the end of the subscriptions of profiles that have left the
    /// configuration. Fails if it is not known who has subscriptions: all but their end is planned.
    pub async fn plan(&self, occasion: &Occasion) -> Result<(), StorageError> {
        let (subscribed, known) = match self.storage().subscribed_profiles().await {
            Ok(subscribed) => (subscribed, Ok(())),
            Err(error) => (BTreeSet::new(), Err(error)),
        };
        let people = self.services().logins.people();
        let mut profiles: BTreeSet<_> = people.shown().map(|(profile, _)| Arc::clone(profile)).collect();
        let left = subscribed.iter().filter(|profile| self.services().logins.profile(profile).is_none());
        profiles.extend(left.cloned());
        let settings = self.services().settings.borrow().clone();
        let planner = Planner { settings: &settings, now: Instant::now(), refresher: self, occasion };
        let replan = |profile: &str, present: Option<&Plan>| {
            let login = people.get(profile).map(|person| &person.known.login);
            planner.replan(profile, present, login, subscribed.contains(profile))
        };
        self.storage().plan_all(&profiles, replan).await;
        self.publish_plans(&self.storage().planned());
        known
    }
}

struct Planner<'a> {
    settings: &'a Settings,
    now: Instant,
    refresher: &'a Refresher,
    occasion: &'a Occasion,
}

impl Planner<'_> {
    fn replan(&self, profile: &str, present: Option<&Plan>, login: Option<&LoginInfo>, is_subscribed: bool) -> Replan {
        let is_configured = login.is_some();
        let former = present.cloned().unwrap_or_default();
        let is_of_another = match self.occasion {
            Occasion::Logins(new) => new.get(profile).copied(),
            _ => None,
        };
        let data = calls(&self.settings.selection).filter(|_| is_configured);
        // Into the configuration, or out of it.
        let has_moved = is_configured != former.calls.keys().any(|call| Call::DATA.contains(call));
        let subscriptions = &self.refresher.services().subscriptions;
        let are_settled = login.is_some_and(|login| subscriptions.are_settled(&former, login));
        let notify = (is_subscribed || is_configured && self.settings.webhooks).then_some(Call::Notify);
        let planned = data.chain(notify).map(|call| {
            // With the configuration the subscriptions are others, of which nothing is planned yet.
            let former = former.calls.get(&call).filter(|_| call != Call::Notify || !has_moved);
            let plan = match is_of_another {
                Some(is_of_another) => self.after_login(call, former.filter(|_| !is_of_another)),
                None => self.go_on(profile, call, former, are_settled),
            };
            (call, plan)
        });
        let refresh_took = former.refresh_took.filter(|_| is_of_another != Some(true));
        let plan = Plan { calls: planned.collect(), refresh_took, ..former };
        let dues = |plan: &Plan| plan.calls.iter().map(|(call, planned)| (*call, planned.due)).collect::<Vec<_>>();
        let ends_claim = matches!(self.occasion, Occasion::Reload { .. }) || is_of_another.is_some();
        Replan {
            ends_claim: ends_claim && (is_of_another.is_some() || dues(&plan) != dues(&former)),
            plan,
            is_new_login: is_of_another.is_some(),
        }
    }

    /// The plan of a call after a person has logged in: it is due at once or soon.
    fn after_login(&self, call: Call, former: Option<&CallPlan>) -> CallPlan {
        let last_success = former.and_then(|call| call.last_success);
        CallPlan { last_success, ..CallPlan::at(self.now + schedule::after_login(call)) }
    }

    /// The plan of a call after a start or a reload, which make failed and switched-off calls due: their reason may be mended.
    /// A call that has worked waits on, but for a call that is needed anew, another interval, subscriptions that are not known to
    /// be as desired, and a stored time that cannot be (a clock was wrong when it was stored).
    fn go_on(&self, profile: &str, call: Call, former: Option<&CallPlan>, are_settled: bool) -> CallPlan {
        let Some(former) = former else { return self.first(profile, call) };
        let mut plan = former.clone();
        let (is_start, is_other_interval) = match self.occasion {
            Occasion::Start(_) => (true, false),
            Occasion::Reload { interval } => (false, *interval != self.settings.interval && call != Call::Notify),
            Occasion::Logins(_) => return plan,
        };
        if former.failures > 0 || former.due.is_none() || call == Call::Notify && !are_settled {
            plan.due = Some(self.now);
        }
        let interval = self.settings.interval;
        if is_other_interval && former.failures == 0 {
            plan.due = Some(self.refresher.schedule(profile).next(call, self.now, self.now));
        }
        let longest = schedule::longest_wait(call, interval, former.failures > 0);
        let cannot_be = plan.due.is_some_and(|at| at > self.now + longest);
        if is_start && (cannot_be || self.is_unread(profile, call)) {
            plan.due = Some(self.now);
        }
        plan
    }

    /// The plan of a call that was not planned before.
    fn first(&self, profile: &str, call: Call) -> CallPlan {
        let last_success = match self.occasion {
            Occasion::Start(restored) => {
                restored.get(profile).and_then(|restored| restored.first_successes.get(&call).copied())
            }
            _ => None,
        };
        CallPlan { last_success, ..CallPlan::at(self.now) }
    }

    fn is_unread(&self, profile: &str, call: Call) -> bool {
        matches!(self.occasion, Occasion::Start(restored) if restored.get(profile).is_some_and(|restored| restored.unread.contains(&call)))
    }
}
