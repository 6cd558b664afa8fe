//! Tasks that listen, apart from the workers: to logins that other processes change, to events of beds, to reloads, and to a
//! wall clock that runs away. None of them ever waits for a call, so that each hears at once whatever Withings does; but for one,
//! which ends logins that nobody has confirmed.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{self, Instant, Interval, MissedTickBehavior};

use super::profiles::Profiles;
use super::reload::ReloadTask;
use crate::webhooks::BedNotification;

/// How often to look for changes of which no event tells.
const POLL_EVERY: Duration = Duration::from_secs(2);

/// How often to store the plans.
const STORE_EVERY: Duration = Duration::from_mins(1);

/// How often to keep the claims of this process: three times in the time that each lasts.
const KEEP_EVERY: Duration = Duration::from_secs(4);

/// How often to look for logins that nobody has confirmed.
const REVOKE_EVERY: Duration = Duration::from_mins(1);

/// How far the wall clock may run from the monotonic one between two looks: more is a suspended machine, or a clock that was
/// set.
const RUNS_AWAY: TimeDelta = TimeDelta::seconds(60);

/// Starts the tasks that listen; they run until `tasks` is dropped or shut down.
pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    profiles: &Arc<Profiles>,
    bed_notifications: mpsc::Receiver<BedNotification>,
    reload_task: Option<ReloadTask>,
) {
    tasks.spawn(follow_logins(Arc::clone(profiles)));
    tasks.spawn(receive_bed_notifications(Arc::clone(profiles), bed_notifications));
    tasks.spawn(poll(Arc::clone(profiles)));
    tasks.spawn(follow_storage(Arc::clone(profiles)));
    tasks.spawn(follow_server_clock(Arc::clone(profiles)));
    tasks.spawn(keep_plans(Arc::clone(profiles)));
    tasks.spawn(keep_claims(Arc::clone(profiles)));
    tasks.spawn(revoke_unconfirmed(Arc::clone(profiles)));
    if let Some(reload_task) = reload_task {
        tasks.spawn(reload_task.run(Arc::clone(profiles)));
    }
}

/// Does what changed logins ask for, as soon as they have changed.
async fn follow_logins(profiles: Arc<Profiles>) {
    let mut changes = profiles.storage().login_changes();
    loop {
        profiles.follow_logins().await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Shows and stores each event of a bed. The inbox answers Withings without waiting for that.
async fn receive_bed_notifications(profiles: Arc<Profiles>, mut bed_notifications: mpsc::Receiver<BedNotification>) {
    while let Some(notification) = bed_notifications.recv().await {
        profiles.note_bed_event(notification).await;
    }
}

/// Shows all profiles anew when Withings' time has turned out to be another one.
async fn follow_server_clock(profiles: Arc<Profiles>) {
    let mut jumps = profiles.logins.server_clock().jumps();
    while jumps.changed().await.is_ok() {
        // The values that are shown were judged by a wrong time.
        profiles.storage().show_all();
    }
}

/// Looks for a wall clock that has run away, and records the lag.
async fn poll(profiles: Arc<Profiles>) {
    let mut looks = every(POLL_EVERY);
    let mut clocks = Clocks::read(&profiles);
    loop {
        looks.tick().await;
        if clocks.have_diverged(&profiles) {
            if profiles.storage().is_of_many_hosts() {
                tracing::info!(
                    "the clock was set, or this machine was suspended: the database, whose clock counts, says what is due"
                );
            } else {
                tracing::info!("the clock was set, or this machine was suspended: everything is asked for now");
            }
            profiles.make_all_due();
        }
        profiles.record_lag();
        profiles.telemetry.log_outside_events();
    }
}

/// Looks for changes that other processes made, shows what other hosts have found, and does what storage did not let be done
/// before. It is a task of its own: what a whole database has changed takes a while to read, and must not keep [`poll`] from its
/// work.
async fn follow_storage(profiles: Arc<Profiles>) {
    let mut looks = every(POLL_EVERY);
    loop {
        looks.tick().await;
        match profiles.storage().changes().await {
            Ok(refreshed) => {
                profiles.show_refreshed(&refreshed).await;
                profiles.plan_again().await;
            }
            Err(error) => {
                tracing::debug!(error = error.with_cause(), "it is not known whether logins have changed");
            }
        }
    }
}

/// Stores the plans now and then, and saves again what could not be saved. It is a task of its own: a disk that hangs must
/// not keep [`poll`] from its work.
async fn keep_plans(profiles: Arc<Profiles>) {
    let (mut looks, mut minutes) = (every(POLL_EVERY), every(STORE_EVERY));
    loop {
        tokio::select! {
            _ = looks.tick() => drop(profiles.storage().save_unsaved().await),
            _ = minutes.tick() => profiles.storage().keep_plans().await,
        }
    }
}

/// Keeps the claims that workers have. It is a task of its own: nothing may delay it for long.
async fn keep_claims(profiles: Arc<Profiles>) {
    let mut looks = every(KEEP_EVERY);
    loop {
        looks.tick().await;
        profiles.storage().keep_claims().await;
    }
}

/// Revokes logins that nobody has confirmed, one after the other. It is a task of its own, for it waits for Withings.
async fn revoke_unconfirmed(profiles: Arc<Profiles>) {
    let mut looks = every(REVOKE_EVERY);
    loop {
        looks.tick().await;
        profiles.logins.revoke_unconfirmed().await;
    }
}

/// Ticks at once and then with each `period`. One that comes late delays those after it: a look that took long is not made up for.
fn every(period: Duration) -> Interval {
    let mut ticks = time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The wall clock and the monotonic clock at one moment.
struct Clocks {
    wall: DateTime<Utc>,
    monotonic: Instant,
}

impl Clocks {
    fn read(profiles: &Profiles) -> Self {
        Self { wall: profiles.clock.now(), monotonic: Instant::now() }
    }

    /// Whether the wall clock has run away since the last look; true once for each time.
    fn have_diverged(&mut self, profiles: &Profiles) -> bool {
        let now = Self::read(profiles);
        let passed = TimeDelta::from_std(now.monotonic - self.monotonic).unwrap_or(TimeDelta::MAX);
        let have_diverged = (now.wall - self.wall - passed).abs() > RUNS_AWAY;
        *self = now;
        have_diverged
    }
}
