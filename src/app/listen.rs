//! Listening, apart from the work: to logins that other processes change, to events of beds, to reloads, and to a wall clock
//! that runs away. None of these loops ever waits for a call.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::profiles::Profiles;
use super::reload::Reloading;
use crate::webhooks::BedNews;

/// How often is looked for what nobody tells.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How far the wall clock may run from the monotonic one in between: more is a suspended machine, or a clock that was set.
const RUNS_AWAY: TimeDelta = TimeDelta::seconds(60);

/// Listens until the tasks are ended.
pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    profiles: &Arc<Profiles>,
    bed_news: mpsc::Receiver<BedNews>,
    reloading: Option<Reloading>,
) {
    tasks.spawn(follow_logins(Arc::clone(profiles)));
    tasks.spawn(hear_of_beds(Arc::clone(profiles), bed_news));
    tasks.spawn(look(Arc::clone(profiles)));
    tasks.spawn(follow_clock(Arc::clone(profiles)));
    tasks.spawn(keep_plans(Arc::clone(profiles)));
    if let Some(reloading) = reloading {
        tasks.spawn(reloading.run(Arc::clone(profiles)));
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

async fn hear_of_beds(profiles: Arc<Profiles>, mut bed_news: mpsc::Receiver<BedNews>) {
    while let Some(news) = bed_news.recv().await {
        profiles.note_bed_news(news).await;
    }
}

/// Shows everybody anew when Withings' time has turned out to be another one.
async fn follow_clock(profiles: Arc<Profiles>) {
    let mut jumps = profiles.logins().server_clock().jumps();
    while jumps.changed().await.is_ok() {
        // What was shown was judged by a wrong time.
        profiles.storage().show_all();
    }
}

/// Looks what other processes did to the logins, whether the wall clock has run away, and how much waits.
async fn look(profiles: Arc<Profiles>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clocks = Clocks::read(&profiles);
    loop {
        looks.tick().await;
        if clocks.have_parted(&profiles) {
            tracing::info!("the clock was set, or this machine was suspended: everything is asked for now");
            profiles.hurry();
        }
        profiles.tell_lag();
        if let Err(error) = profiles.storage().changes().await {
            tracing::debug!(error = error.with_cause(), "it is not known whether logins have changed");
        }
    }
}

/// Stores the plans now and then, and again what could not be stored.
async fn keep_plans(profiles: Arc<Profiles>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        profiles.storage().save_unsaved().await;
        profiles.storage().keep_plans().await;
    }
}

/// Both clocks at one moment.
struct Clocks {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl Clocks {
    fn read(profiles: &Profiles) -> Self {
        Self { wall: profiles.clock().now(), steady: Instant::now() }
    }

    /// Whether the wall clock has run away since the last look; once for each time.
    fn have_parted(&mut self, profiles: &Profiles) -> bool {
        let now = Self::read(profiles);
        let steady = TimeDelta::from_std(now.steady - self.steady).unwrap_or(TimeDelta::MAX);
        let parted = (now.wall - self.wall - steady).abs() > RUNS_AWAY;
        *self = now;
        parted
    }
}
