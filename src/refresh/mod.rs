//! One profile's loop: interval, notification or new login → the calls that are due → a new snapshot, published and stored.
//!
//! A call that fails leaves the other calls and the other profiles alone and keeps the last values.

mod bed;
mod cadence;
mod fetch;
mod kept;
mod known;
mod nudge;
mod schedule;
mod slot;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use crate::catalogue::Call;
use crate::clock::Clock;
use crate::config::Selection;
use crate::reading::{Attempt, CallStatus, RefreshSummary, Snapshot};
use crate::session::{Next, REPEAT_AFTER, Session, SessionError, Status, after_failure};
use crate::storage::Storage;
use crate::telemetry::Telemetry;
use crate::telemetry::log::with_causes;
pub use cadence::Cadence;
use fetch::Fetch;
use kept::Kept;
use known::{Digest, Known};
use nudge::Nudge;
pub use nudge::Nudges;
use slot::Slot;
pub use slot::Slots;

/// How often the stored login is looked at: `authorize` and `forget` change it beside a running exporter.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often the times of success alone are stored, so that a disk is not written every five minutes for nothing.
const SAVE_TIMES_EVERY: Duration = Duration::from_hours(1);

/// How long a disk that failed is left alone: the calls of one refresh need not all find it full.
const SAVE_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// How long after a refresh the next one may begin that notifications ask for, so that a flood of them costs little.
const NUDGED_APART: Duration = Duration::from_secs(30);

/// Refreshes one profile.
pub struct Refresher {
    session: Session,
    status: watch::Receiver<Status>,
    /// The consent whose login is used.
    consents: u64,
    services: Arc<Services>,
    settings: watch::Receiver<Settings>,
    /// The time between two refreshes by which the plans are made.
    interval: Duration,
    known: Kept,
    plans: BTreeMap<Call, Plan>,
    slot: Slot,
    refresh: Option<RefreshSummary>,
    nudges: Nudges,
    /// When the latest refresh ended, of whichever calls.
    refreshed: Option<Instant>,
    /// What is on disk, and since when.
    stored: Digest,
    stored_at: Instant,
    /// How often in a row it could not be stored, and when it is tried again.
    unsaved: u32,
    save_again_at: Instant,
    settled: Option<oneshot::Sender<()>>,
}

/// What a refresher waits for.
enum Event {
    /// The login has changed.
    Login,
    /// The configuration was read again.
    Settings,
    /// It is time for a call.
    Due,
    /// Withings has news.
    Nudge(Nudge),
}

/// What every refresher uses.
pub struct Services {
    /// Where readings are kept.
    pub storage: Storage,
    /// Where snapshots are published.
    pub snapshots: watch::Sender<Snapshot>,
    /// Where unknown values are counted.
    pub telemetry: Telemetry,
    /// The present time.
    pub clock: Clock,
    /// What the configuration says at present.
    pub settings: watch::Receiver<Settings>,
    /// When in the interval each profile is refreshed.
    pub slots: Slots,
    /// How often all of them are.
    pub cadence: Cadence,
}

/// What the configuration says about refreshing.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is measured.
    pub selection: Selection,
    /// The time between two refreshes.
    pub interval: Duration,
}

/// When one call is next made, and how it went.
struct Plan {
    due: Option<Instant>,
    /// Whether that is the next interval, and not the end of a pause.
    is_in_turn: bool,
    /// Before this time it would be refused as the same call once more.
    rests_until: Instant,
    failures: u32,
    latest: Attempt,
}

impl Plan {
    /// For a call that was not made yet.
    fn at(due: Instant) -> Self {
        Self { due: Some(due), is_in_turn: false, rests_until: due, failures: 0, latest: Attempt::None }
    }
}

impl Refresher {
    /// Restores the profile of `session` from storage and publishes what was stored. The receiver hears when there is
    /// something to show: restored, tried once, or no login at all. Blocks.
    #[must_use]
    pub fn restore(session: Session, services: Arc<Services>) -> (Self, oneshot::Receiver<()>) {
        let (settled, hears) = oneshot::channel();
        let mut status = session.status();
        let Status { consents, user_id: user, twin_of, .. } = status.borrow_and_update().clone();
        let known = match twin_of {
            Some(_) => Known::default(),
            None => Known::restore(&services.storage, session.profile(), user.as_deref()),
        };
        let now = Instant::now();
        let mut settings = services.settings.clone();
        let Settings { selection, interval } = settings.borrow_and_update().clone();
        let mut refresher = Self {
            plans: calls(&selection).map(|call| (call, Plan::at(now))).collect(),
            settled: Some(settled).filter(|_| user.is_some() && known.is_empty()),
            session,
            consents,
            status,
            settings,
            interval,
            stored: known.digest(),
            known: Kept::new(known),
            slot: services.slots.take(),
            services,
            refresh: None,
            nudges: Nudges::default(),
            refreshed: None,
            stored_at: now,
            unsaved: 0,
            save_again_at: now,
        };
        refresher.publish();
        refresher.known.pack();
        (refresher, hears)
    }

    /// Whose login the calls are made with.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Where notifications about the profile are left.
    #[must_use]
    pub fn nudges(&self) -> Nudges {
        self.nudges.clone()
    }

    /// Refreshes until `shutdown`, then stores what is not stored yet.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = shutdown => {}
            () = self.work() => {}
        }
        self.services.cadence.forget(self.session.profile());
        self.save().await;
    }

    async fn work(&mut self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.plans.values().filter_map(|plan| plan.due).min();
            let event = tokio::select! {
                biased;
                Ok(()) = self.status.changed() => Event::Login,
                Ok(()) = self.settings.changed() => Event::Settings,
                _ = looks.tick() => {
                    self.session.look().await;
                    continue;
                }
                () = sleep_until_some(due) => Event::Due,
                nudge = self.nudges.take() => Event::Nudge(nudge),
            };
            // In a box, because what it needs is several times what waiting does.
            Box::pin(self.handle(event)).await;
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Login => self.note_login().await,
            Event::Settings => self.note_settings().await,
            Event::Due => self.refresh().await,
            Event::Nudge(nudge) => self.follow(nudge).await,
        }
        self.publish();
        self.known.pack();
    }

    /// Makes the calls that are due.
    async fn refresh(&mut self) {
        let (began, is_first) = (Instant::now(), self.known.read().is_empty());
        let due: Vec<Call> = self
            .plans
            .iter()
            .filter(|(_, plan)| plan.due.is_some_and(|at| at <= began))
            .map(|(call, _)| *call)
            .collect();
        if self.is_round(&due) {
            self.services.cadence.note(self.session.profile(), began);
        }
        for call in due {
            let Some(outcome) = self.fetch_unless_new_login(call, is_first).await else { return };
            self.note_outcome(call, outcome, began);
            self.publish();
            self.save_if_changed().await;
            self.known.pack();
        }
        self.settled.take();
        self.refreshed = Some(Instant::now());
        // Without a login there was nobody to refresh.
        if self.status.borrow().login.is_some() {
            let duration = began.elapsed().as_secs_f64();
            self.refresh = Some(RefreshSummary { ended_at: self.services.clock.unix(), duration });
        }
        if is_first {
            // Reading everything takes as long as it takes.
            self.services.cadence.forget(self.session.profile());
        }
    }

    /// Makes a call. `None` if somebody logs in meanwhile: what is known of the new person comes first.
    async fn fetch_unless_new_login(&mut self, call: Call, is_first: bool) -> Option<Result<(), SessionError>> {
        let (mut status, consents) = (self.status.clone(), self.consents);
        let rests_until = self.plans[&call].rests_until;
        let fetch = async {
            // If the refresh before this one has lasted until now.
            sleep_until(rests_until).await;
            self.fetch(call, is_first).await
        };
        let outcome = tokio::select! {
            biased;
            Ok(_) = status.wait_for(|it| it.consents != consents) => return None,
            outcome = fetch => outcome,
        };
        Some(outcome).filter(|it| !matches!(it, Err(SessionError::NewLogin)))
    }

    /// Whether somebody logged in whose login was not noted yet.
    fn has_new_login(&self) -> bool {
        self.status.borrow().consents != self.consents
    }

    /// Does what notifications ask for. A call that comes soon anyway is left to its time, as the identical call would be
    /// refused; so is one that fails, lest notifications shorten its pause.
    async fn follow(&mut self, nudge: Nudge) {
        let now = Instant::now();
        let at = self.refreshed.map_or(now, |it| now.max(it + NUDGED_APART));
        for call in nudge.calls {
            let Some(plan) = self.plans.get_mut(&call).filter(|it| it.failures == 0) else { continue };
            plan.due = plan.due.map(|due| if due > at + REPEAT_AFTER { at } else { due });
        }
        self.known.change().note_bed(nudge.bed);
        self.save_if_changed().await;
    }

    /// Whether these are all the calls that are made at every interval.
    fn is_round(&self, due: &[Call]) -> bool {
        let is_regular = |call: Call, plan: &Plan| plan.due.is_some() && schedule::every(call, self.interval) == 1;
        let mut round = self.plans.iter().filter(|(call, plan)| is_regular(**call, plan)).peekable();
        round.peek().is_some() && round.all(|(call, _)| due.contains(call))
    }

    async fn fetch(&mut self, call: Call, is_first: bool) -> Result<(), SessionError> {
        let Self { session, services, known, .. } = self;
        Fetch { session, telemetry: &services.telemetry, known, is_first }.call(call).await
    }

    /// Notes how a call of the refresh that began at `began` went.
    fn note_outcome(&mut self, call: Call, outcome: Result<(), SessionError>, began: Instant) {
        if outcome.is_err() {
            self.services.cadence.forget(self.session.profile());
        }
        self.services.cadence.judge();
        let rests_until = Instant::now() + REPEAT_AFTER;
        let plan = self.plans.get_mut(&call).expect("only planned calls are made");
        // A start and a login wait for no slot: the next one may be so near that there is nothing new.
        let after = if plan.latest == Attempt::None { began + self.interval / 2 } else { began };
        let next_interval = self.slot.next(call, self.interval, after);
        let Err(error) = outcome else {
            self.known.change().note_success(call, self.services.clock.unix());
            let due = Some(next_interval);
            *plan = Plan { due, is_in_turn: true, rests_until, failures: 0, latest: Attempt::Worked };
            return;
        };
        plan.failures += 1;
        plan.rests_until = rests_until;
        let next = after_failure(&error, plan.failures, fastrand::f64());
        plan.due = match next {
            Next::After(pause) => Some(Instant::now() + pause),
            Next::Interval => Some(next_interval),
            Next::NewLogin => None,
        };
        plan.is_in_turn = next == Next::Interval;
        plan.latest = attempt(call, &error, next);
        if schedule::drops_cursor(&error) {
            self.known.change().forget_cursor(call);
        }
        log_failure(self.session.profile(), call, &error, plan.failures);
    }

    /// A new consent: everything is due at once or soon, and nothing of another person stays.
    async fn note_login(&mut self) {
        let status = self.status.borrow_and_update().clone();
        let has_readings = || self.services.storage.has_readings(self.session.profile());
        if status.login.is_none() && (status.twin_of.is_some() || !has_readings()) {
            self.nudges.clear();
            // Of a twin it stays on the disk.
            self.keep_stored(Known::default());
        } else if self.known.read().is_not_yet_of(status.user_id.as_deref()) {
            self.nudges.clear();
            self.restore_person(status.user_id.clone()).await;
        }
        if self.consents != status.consents {
            self.consents = status.consents;
            self.services.cadence.forget(self.session.profile());
            let now = Instant::now();
            for (call, plan) in &mut self.plans {
                *plan = Plan::at(now + schedule::after_login(*call));
            }
        } else if status.login.is_some() {
            // It was away for a moment, as on a disk that failed: calls that met nobody then are made now.
            let waiting = self.plans.values_mut().filter(|it| it.due.is_none() && it.latest == Attempt::None);
            waiting.for_each(|it| it.due = Some(Instant::now()));
        }
    }

    /// The configuration was read again. What is planned stays, but for calls that are needed no more or anew, another
    /// interval, and a login whose refusal the new configuration may have mended.
    async fn note_settings(&mut self) {
        let Settings { selection, interval } = self.settings.borrow_and_update().clone();
        let now = Instant::now();
        let mut former = std::mem::take(&mut self.plans);
        let planned = |call| (call, former.remove(&call).unwrap_or_else(|| Plan::at(now)));
        self.plans = calls(&selection).map(planned).collect();
        if std::mem::replace(&mut self.interval, interval) != interval {
            for (call, plan) in self.plans.iter_mut().filter(|(_, plan)| plan.is_in_turn) {
                plan.due = Some(self.slot.next(*call, interval, now));
            }
        }
        if self.session.try_again().await {
            self.plans.values_mut().filter(|it| it.failures > 0).for_each(|it| it.due = Some(now));
        }
    }

    /// Shows what is stored of the profile's new person, which is something after it took a login over.
    async fn restore_person(&mut self, user: Option<Arc<str>>) {
        let (storage, profile) = (self.services.storage.clone(), Arc::clone(self.session.profile()));
        let restored = spawn_blocking(move || Known::restore(&storage, &profile, user.as_deref())).await;
        self.keep_stored(restored.expect("reading stored values does not panic"));
    }

    fn keep_stored(&mut self, known: Known) {
        self.stored = known.digest();
        self.known = Kept::new(known);
    }

    fn publish(&mut self) {
        let status = self.status.borrow().clone();
        let known = self.known.read();
        let is_new = status.consents != self.consents;
        if is_new || status.login.is_some() && known.is_not_yet_of(status.user_id.as_deref()) {
            // It is another person's, or what is stored of this one was not read yet.
            return;
        }
        let calls = self.plans.iter().map(|(call, plan)| {
            (*call, CallStatus { latest: plan.latest.clone(), last_success: known.last_success(*call) })
        });
        let snapshot = known.snapshot(
            self.services.clock.unix(),
            Arc::clone(self.session.profile()),
            &self.settings.borrow().selection,
            status.login,
            calls.collect(),
            self.refresh,
        );
        self.services.snapshots.send_if_modified(|all| all.show(snapshot));
    }

    async fn save_if_changed(&mut self) {
        let is_due = self.known.read().is_worth_storing(self.stored) || self.stored_at.elapsed() >= SAVE_TIMES_EVERY;
        if is_due && Instant::now() >= self.save_again_at {
            self.save().await;
        }
    }

    async fn save(&mut self) {
        if self.has_new_login() {
            // What was stored of the former person is deleted.
            return;
        }
        let digest = self.known.read().digest();
        if digest == self.stored {
            return;
        }
        let Err(error) = self.session.save_readings(self.known.read().clone()).await else {
            (self.stored, self.stored_at, self.unsaved) = (digest, Instant::now(), 0);
            return;
        };
        self.unsaved += 1;
        self.save_again_at = Instant::now() + SAVE_AGAIN_AFTER;
        // A disk that is full must not fill the log as well.
        if self.unsaved.is_power_of_two() {
            tracing::error!(
                profile = %self.session.profile(), error = error.with_cause(), failures = self.unsaved,
                "the readings could not be stored; they are shown, and storing them is tried again"
            );
        }
    }
}

/// The calls that these measurements need.
fn calls(selection: &Selection) -> impl Iterator<Item = Call> {
    Call::DATA.into_iter().filter(|call| selection.iter().any(|it| it.source.calls().contains(call)))
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn attempt(call: Call, error: &SessionError, next: Next) -> Attempt {
    match (error, next, call.scope()) {
        // No attempt was made: there was nothing to make it with.
        (SessionError::NoLogin, ..) => Attempt::None,
        (SessionError::Call(_), Next::NewLogin, Some(scope)) => Attempt::SwitchedOff { scope },
        _ => Attempt::Failed(with_causes(error)),
    }
}

/// Once when it begins to fail and then ever more rarely: a long outage must not fill the log.
fn log_failure(profile: &str, call: Call, error: &SessionError, failures: u32) {
    if matches!(error, SessionError::NoLogin) {
        return;
    }
    // What is wrong with a login is said once, and not for each call that lacks it.
    let is_said = matches!(error, SessionError::LoginRefused { .. } | SessionError::RefreshRests { .. });
    let error = with_causes(error);
    if failures.is_power_of_two() && !is_said {
        tracing::warn!(profile, %call, error, failures, "a call failed; the last values stay");
    } else {
        tracing::debug!(profile, %call, error, failures, "a call failed; the last values stay");
    }
}
