//! Publishing: a snapshot is made of state, plan and login. Whether it may be shown is asked while no other task publishes, so
//! that nothing is shown for a claim that has ended in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Refresher;
use super::profile_state::ProfileState;
use crate::catalogue::{Call, Measurement, Source};
use crate::reading::in_bed::InBed;
use crate::reading::{CallStatus, LoginStatus, ProfileSnapshot, Reading, Sleep};
use crate::storage::{Claim, Plan};

impl Refresher {
    /// Shows what is known of the claim's profile, unless the claim has ended.
    pub(super) fn publish(&self, claim: &Claim, state: &ProfileState) {
        let has_login = || self.services().logins.people().get(&claim.profile).is_some();
        self.show(&claim.profile, state, &claim.plan, || has_login() && self.storage().is_current(claim));
    }

    /// Shows what is known of a profile if it `may` be shown, which is asked while no other task publishes.
    pub(super) fn show(&self, profile: &Arc<str>, state: &ProfileState, plan: &Plan, may: impl FnOnce() -> bool) {
        if self.services().logins.profile(profile).is_none() {
            return;
        }
        let (readings, sleep) =
            state.shown(self.services().logins.server_now(), &self.services().settings.borrow().selection);
        let shown = ProfileSnapshot { readings: readings.into(), ..ProfileSnapshot::empty(Arc::clone(profile), sleep) };
        let snapshot = self.with_plan(&shown, plan);
        self.services()
            .snapshots
            .send_if_modified(|all| self.is_of_present_person(profile, state) && may() && all.show(snapshot));
    }

    /// Whether the readings are of the person whose login the profile has now, if it has one.
    fn is_of_present_person(&self, profile: &str, state: &ProfileState) -> bool {
        let people = self.services().logins.people();
        people.get(profile).is_none_or(|person| state.user_id() == Some(&*person.known.login.user_id))
    }

    /// Shows how the calls of the claim's profile went and how long they took, unless the claim has ended, and leaves the
    /// readings as they are.
    pub(super) fn publish_calls(&self, claim: &Claim) {
        let is_current = || self.storage().is_current(claim);
        self.change(&claim.profile, is_current, |snapshot| *snapshot = self.with_plan(snapshot, &claim.plan));
    }

    /// The same for each profile that is shown and has a plan here.
    pub(super) fn publish_plans(&self, plans: &BTreeMap<Arc<str>, Plan>) {
        self.services().snapshots.send_if_modified(|all| {
            let mut is_new = false;
            for (profile, plan) in plans {
                let snapshot = all.get(profile).map(|shown| self.with_plan(shown, plan));
                is_new |= snapshot.is_some_and(|snapshot| all.show(snapshot));
            }
            is_new
        });
    }

    fn with_plan(&self, shown: &ProfileSnapshot, plan: &Plan) -> ProfileSnapshot {
        ProfileSnapshot {
            login: self.login(&shown.profile, plan),
            calls: self.call_statuses(plan),
            refresh_seconds: plan.refresh_took.map(|took| took.as_secs_f64()),
            ..shown.clone()
        }
    }

    /// Shows what is known of the bed, and leaves the other readings as they are.
    pub fn publish_in_bed(&self, profile: &Arc<str>, user_id: &str, in_bed: &InBed) {
        let selection = self.services().settings.borrow().selection.clone();
        let is_of_bed = |measurement: Measurement| measurement.source == Source::BedEvent;
        let Some(reading) = in_bed.reading().filter(|reading| selection.contains(reading.measurement)) else { return };
        let is_still_there = || self.services().logins.people().profile_of(user_id) == Some(profile);
        self.change(profile, is_still_there, |snapshot| {
            let mut readings: Vec<_> =
                snapshot.readings.iter().filter(|reading| !is_of_bed(reading.measurement)).cloned().collect();
            let place = readings.partition_point(|other| other.measurement < reading.measurement);
            readings.insert(place, reading);
            snapshot.readings = readings.into();
        });
    }

    /// Leaves of what is shown of `profile` what is selected at present. A profile that was not shown is shown without readings.
    pub fn show_selected(&self, profile: &Arc<str>) {
        let selection = self.services().settings.borrow().selection.clone();
        let plan = self.storage().plan(profile).unwrap_or_default();
        self.services().snapshots.send_if_modified(|all| {
            if self.services().logins.profile(profile).is_none() {
                return false;
            }
            let nothing = || ProfileSnapshot::empty(Arc::clone(profile), Sleep::NotSelected);
            let shown = all.get(profile).map_or_else(nothing, |shown| ProfileSnapshot::clone(shown));
            let is_selected = |reading: &&Reading| selection.contains(reading.measurement);
            let readings = shown.readings.iter().filter(is_selected).cloned().collect();
            let sleep = match (self.no_sleep(), shown.sleep) {
                (Sleep::Newest(_), Sleep::Newest(segment)) => Sleep::Newest(segment),
                (nothing, _) => nothing,
            };
            all.show(self.with_plan(&ProfileSnapshot { readings, sleep, ..shown }, &plan))
        });
    }

    /// Shows that a profile has no login that is used, and nothing of a person.
    pub fn show_nobody(&self, profile: &Arc<str>, duplicate_of: Option<Arc<str>>) {
        let snapshot = ProfileSnapshot { duplicate_of, ..ProfileSnapshot::empty(Arc::clone(profile), self.no_sleep()) };
        self.services().snapshots.send_if_modified(|all| all.show(snapshot));
    }

    /// Changes what is shown of a profile if that `may` be done, which is asked while no other task publishes.
    fn change(&self, profile: &Arc<str>, may: impl FnOnce() -> bool, change: impl FnOnce(&mut ProfileSnapshot)) {
        self.services().snapshots.send_if_modified(|all| {
            let Some(present) = all.get(profile).filter(|_| may()) else { return false };
            let mut snapshot = ProfileSnapshot::clone(present);
            change(&mut snapshot);
            all.show(snapshot)
        });
    }

    fn no_sleep(&self) -> Sleep {
        let is_sleep_state = |measurement: Measurement| measurement.source == Source::SleepState;
        let is_selected = self.services().settings.borrow().selection.iter().any(is_sleep_state);
        if is_selected { Sleep::Newest(None) } else { Sleep::NotSelected }
    }

    /// The login as it is shown. It is accepted unless Withings has refused its refresh token, or a call that is still made.
    fn login(&self, profile: &str, plan: &Plan) -> Option<LoginStatus> {
        let logins = &self.services().logins;
        let people = logins.people();
        let login = people
            .get(profile)
            .filter(|person| person.duplicate_of.is_none())
            .map(|person| person.known.login.clone())?;
        Some(LoginStatus {
            connected_at: login.connected_at,
            accepted: !plan.is_refused() && !logins.is_refused(profile, login.version),
            token_expires_at: login.expires_at,
            demo: login.demo,
        })
    }

    fn call_statuses(&self, plan: &Plan) -> BTreeMap<Call, CallStatus> {
        let (now, monotonic) = (self.services().clock.unix(), Instant::now());
        let seconds = |wait: Duration| i64::try_from(wait.as_secs()).unwrap_or(i64::MAX / 2);
        let data = plan.calls.iter().filter(|(call, _)| Call::DATA.contains(call));
        data.map(|(call, planned)| {
            let status = CallStatus {
                latest: planned.latest.clone(),
                last_success: planned.last_success,
                failing_since: planned.failing_since,
                next_try: planned.due.map(|at| now + seconds(at.saturating_duration_since(monotonic))),
            };
            (*call, status)
        })
        .collect()
    }
}
