//! Waiting until a profile is shown as a test wants it.

use std::time::Duration;

use tokio::sync::watch;
use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::reading::{Attempt, CallStatus, ProfileSnapshot, Snapshot};

use super::World;

impl World {
    /// What changes on the page from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<Snapshot> {
        let mut changes = self.exporter.as_ref().unwrap().snapshots.clone();
        changes.mark_unchanged();
        changes
    }

    /// Waits until the published snapshot of `profile` is as wanted; an hour of the world's time at most.
    pub(crate) async fn until(&self, profile: &str, is_wanted: impl Fn(&ProfileSnapshot) -> bool) {
        let mut snapshots = self.exporter.as_ref().unwrap().snapshots.clone();
        let of_profile = |all: &Snapshot| all.get(profile).is_some_and(|snapshot| is_wanted(snapshot));
        let waited = tokio::time::timeout(Duration::from_hours(1), snapshots.wait_for(of_profile))
            .await
            .map(|snapshot| snapshot.is_ok());
        assert_eq!(waited, Ok(true), "{:#?}", self.exporter.as_ref().unwrap().snapshots.borrow());
    }

    /// Waits until `profile` shows this value.
    pub(crate) async fn until_shown(&self, profile: &str, key: &str, value: f64) {
        let measurement = Measurement::by_key(key).unwrap();
        let is_shown = |snapshot: &ProfileSnapshot| {
            snapshot
                .readings
                .iter()
                .any(|reading| reading.measurement == measurement && (reading.value - value).abs() < 1e-9)
        };
        self.until(profile, is_shown).await;
    }

    /// Waits until `profile` shows some value of this measurement.
    pub(crate) async fn until_measured(&self, profile: &str, key: &str) {
        let measurement = Measurement::by_key(key).unwrap();
        self.until(profile, |snapshot| snapshot.readings.iter().any(|reading| reading.measurement == measurement))
            .await;
    }

    /// Waits until a refresh of `profile` that begins from now on has ended.
    pub(crate) async fn until_refreshed(&self, profile: &str) {
        let is_due = |status: &CallStatus| status.next_try.is_some_and(|at| at <= self.host_clock.unix());
        self.until(profile, |snapshot| !snapshot.calls.values().any(is_due)).await;
        let before = self.exporter.as_ref().unwrap().snapshots.borrow().get(profile).unwrap().calls.clone();
        // The time of the next try is rounded anew each time.
        let has_moved = |before: Option<&CallStatus>, status: &CallStatus| {
            let next_try = |of: &CallStatus| of.next_try.unwrap_or_default();
            before.is_none_or(|was| {
                was.last_success != status.last_success || next_try(was).abs_diff(next_try(status)) > 2
            })
        };
        let often = [Call::Getmeas, Call::Getsummary, Call::SleepGet, Call::Getactivity];
        let is_made = |(call, status): (&Call, &CallStatus)| {
            !often.contains(call) || status.next_try.is_none() || has_moved(before.get(call), status) && !is_due(status)
        };
        self.until(profile, |snapshot| snapshot.calls != before && snapshot.calls.iter().all(is_made)).await;
    }

    /// Waits until every call of `profile` has worked or been switched off: for half a minute after a login, which is
    /// long in real time.
    pub(crate) async fn until_up(&self, profile: &str) {
        let has_worked = |status: &CallStatus| match status.latest {
            Attempt::None => status.last_success.is_some() && status.failing_since.is_none(),
            _ => true,
        };
        let is_tried = |snapshot: &ProfileSnapshot| snapshot.calls.values().all(has_worked);
        self.until(profile, |snapshot| is_tried(snapshot) && snapshot.up() == Some(true)).await;
    }

    /// Waits until a call of `profile` has failed and none has worked since.
    pub(crate) async fn until_down(&self, profile: &str) {
        self.until(profile, |snapshot| snapshot.up() == Some(false)).await;
    }
}
