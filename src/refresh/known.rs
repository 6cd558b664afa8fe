//! What is known of one profile: the last readings and how far each call has read. This is what is stored.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::bed::Bed;
use crate::catalogue::{Call, Measurement, Source};
use crate::config::Selection;
use crate::reading::{CallStatus, Login, ProfileSnapshot, Reading, RefreshSummary, Shown, Sleep, SleepSegment};
use crate::session::SessionError;
use crate::storage::Storage;
use crate::telemetry::{Telemetry, Unknown};
use crate::withings::activity::Days;
use crate::withings::client::CallError;
use crate::withings::envelope::Remedy;
use crate::withings::measures::{self, Context};
use crate::withings::request::{FIRST_DAY, Rows};
use crate::withings::sleep::{self, Hypnogram, SleepRow, Sleeps};
use crate::withings::wire::{ActivityRow, Amount, Device, Group, Segment, SummaryRow, WorkoutRow};
use crate::withings::workouts::{self, Workouts};
use crate::withings::{devices, goals};

/// How far a read of changes reaches back before the newest change that was seen, seconds: Withings does not say whether
/// the bound is inclusive, and its machines' clocks may differ.
const OVERLAP: i64 = 3600;

/// How old the last read of everything may be, seconds. Withings does not announce deletions: they show by absence.
const EVERYTHING_EVERY: i64 = 24 * 3600;

/// How far back `sleep get` is asked, seconds: Withings answers 24 hours at most.
const SEGMENTS_SPAN: i64 = 24 * 3600;

/// The last readings and cursors of one profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Withings' id of the person whose readings these are.
    user_id: Option<String>,
    /// The newest reading of each measurement of `getmeas` and its labels, ascending.
    measures: Vec<Reading>,
    /// The last sleeps.
    sleeps: Sleeps,
    /// The newest sleep segment.
    segment: Option<SleepSegment>,
    /// The course of the last night that `sleep get` told whole; without any stretch if it has nothing of that night.
    #[serde(default)]
    hypnogram: Option<Hypnogram>,
    /// The last days of activity.
    #[serde(default)]
    days: Days,
    /// The newest workouts.
    #[serde(default)]
    workouts: Workouts,
    /// The readings of the devices.
    #[serde(default)]
    devices: Vec<Reading>,
    /// The readings of the goals.
    #[serde(default)]
    goals: Vec<Reading>,
    /// What happened in bed.
    #[serde(default)]
    bed: Bed,
    cursors: BTreeMap<Call, Cursor>,
}

/// How far a call has read; all in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    /// The newest change that was seen.
    changed_at: Option<i64>,
    /// When everything was read.
    everything_at: Option<i64>,
    /// When it last succeeded, by the host's clock.
    last_success: Option<i64>,
}

/// Tells one state of the known from another, so that what is stored need not be kept in memory as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    values: u64,
    /// Of the times of success.
    times: u64,
}

/// One read of a call: everything, or what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    rows: Rows,
    server_now: i64,
}

/// A time to ask `sleep get` for, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
    /// Whether it is the last night's, and not the last day.
    is_night: bool,
}

/// Whether an answer told everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It did.
    Everything,
    /// A shown value ended and its successor is not in the answer.
    ReadEverything,
}

/// What noting an answer needs.
pub(super) struct Noting {
    pub(super) server_now: i64,
    pub(super) telemetry: Telemetry,
}

impl Noting {
    fn with<T>(&self, work: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let mut unknown = |kind: Unknown, what: &dyn Display| self.telemetry.unknown(kind, what);
        work(&mut Context { server_now: self.server_now, unknown: &mut unknown })
    }
}

impl Read {
    /// A read of everything.
    pub(super) fn everything(server_now: i64) -> Self {
        Self { rows: Rows::All, server_now }
    }

    /// The same by days, from the first day to tomorrow.
    pub(super) fn by_days(self) -> Self {
        Self { rows: Rows::Days { from: FIRST_DAY, to: day(self.server_now, 1) }, ..self }
    }

    pub(super) fn rows(self) -> Rows {
        self.rows
    }

    /// Whether Withings refused `lastupdate=0`, so that days should be tried. A whole read of `getmeas` has none.
    pub(super) fn is_refused_as_a_whole(self, call: Call, error: &SessionError) -> bool {
        let is_wrong = |error: &CallError| error.remedy() == Remedy::FullRead;
        call != Call::Getmeas && self.rows == Rows::All && matches!(error, SessionError::Call(error) if is_wrong(error))
    }

    pub(super) fn is_of_everything(self) -> bool {
        !matches!(self.rows, Rows::ChangedSince(_))
    }
}

impl Known {
    /// What is stored of `profile`, unless it is another person's than `user_id`.
    pub(super) fn restore(storage: &Storage, profile: &str, user_id: Option<&str>) -> Self {
        let stored: Option<Self> = storage.readings(profile).unwrap_or_else(|error| {
            tracing::error!(
                profile,
                error = error.with_cause(),
                "the last readings cannot be read; everything is read anew"
            );
            None
        });
        let of_nobody = || Self { user_id: user_id.map(str::to_owned), ..Self::default() };
        let mut known = stored.filter(|it| !it.is_not_yet_of(user_id)).unwrap_or_else(of_nobody);
        // Reading a list reserves twice as much as it may need.
        known.measures.shrink_to_fit();
        known
    }

    /// Whether these readings are of somebody else than `user_id`, or of nobody yet.
    pub(super) fn is_not_yet_of(&self, user_id: Option<&str>) -> bool {
        user_id.is_some() && self.user_id.as_deref() != user_id
    }

    /// Whether nothing was ever read.
    pub(super) fn is_empty(&self) -> bool {
        self.cursors.values().all(|it| it.last_success.is_none())
    }

    /// What to ask for next: everything at first, once a day and after a mistake, else what has changed.
    pub(super) fn next_read(&self, call: Call, server_now: i64) -> Read {
        let cursor = self.cursors.get(&call);
        let is_recent = |at: i64| (0..EVERYTHING_EVERY).contains(&(server_now - at));
        let everything_at = cursor.and_then(|it| it.everything_at).filter(|at| is_recent(*at));
        let rows = match (everything_at, cursor.and_then(|it| it.changed_at)) {
            // Withings refuses a time that its clock has not reached.
            (Some(_), Some(changed_at)) => Rows::ChangedSince(changed_at.min(server_now) - OVERLAP),
            _ => Rows::All,
        };
        Read { rows, server_now }
    }

    pub(super) fn note_measures(&mut self, read: Read, groups: &[Group], noting: &Noting) -> Noted {
        let merged = noting.with(|context| {
            if read.is_of_everything() {
                measures::Merged::Known(measures::choose(groups, context))
            } else {
                measures::merge(&self.measures, groups, context)
            }
        });
        let measures::Merged::Known(measures) = merged else { return Noted::ReadEverything };
        self.measures = measures;
        self.note_read(Call::Getmeas, read, measures::highest_modified(groups));
        Noted::Everything
    }

    pub(super) fn note_summaries(&mut self, read: Read, rows: &[SummaryRow], noting: &Noting) -> Noted {
        let merged = noting.with(|context| {
            if read.is_of_everything() {
                sleep::Merged::Known(Sleeps::choose(rows, context))
            } else {
                self.sleeps.merge(rows, context)
            }
        });
        let sleep::Merged::Known(sleeps) = merged else { return Noted::ReadEverything };
        self.sleeps = sleeps;
        self.note_read(Call::Getsummary, read, sleep::highest_modified(rows));
        Noted::Everything
    }

    pub(super) fn note_workouts(&mut self, read: Read, rows: &[WorkoutRow], noting: &Noting) -> Noted {
        let merged = noting.with(|context| {
            if read.is_of_everything() {
                workouts::Merged::Known(Workouts::choose(rows, context))
            } else {
                self.workouts.merge(rows, context)
            }
        });
        let workouts::Merged::Known(workouts) = merged else { return Noted::ReadEverything };
        self.workouts = workouts;
        self.note_read(Call::Getworkouts, read, workouts::highest_modified(rows));
        Noted::Everything
    }

    pub(super) fn note_days(&mut self, rows: &[ActivityRow], noting: &Noting) {
        self.days = noting.with(|context| Days::choose(rows, context));
    }

    pub(super) fn note_devices(&mut self, devices: &[Device], noting: &Noting) {
        self.devices = noting.with(|context| devices::readings(devices, context));
    }

    pub(super) fn note_goals(&mut self, goals: &[(String, Amount)], noting: &Noting) {
        self.goals = noting.with(|context| goals::readings(goals, context));
    }

    fn note_read(&mut self, call: Call, read: Read, changed_at: Option<i64>) {
        let cursor = self.cursors.entry(call).or_default();
        if read.is_of_everything() {
            cursor.everything_at = Some(read.server_now);
            cursor.changed_at = changed_at;
        } else {
            cursor.changed_at = cursor.changed_at.max(changed_at);
        }
    }

    /// The times to ask `sleep get` for: the last day, and once the last night if it began longer ago.
    pub(super) fn sleep_spans(&self, server_now: i64) -> Vec<Span> {
        let day = Span { from: server_now - SEGMENTS_SPAN, to: server_now, is_night: false };
        let is_told = |night: &SleepRow| self.hypnogram.as_ref().is_some_and(|it| it.is_of(night));
        let night = self.sleeps.night().filter(|it| it.started_at < day.from && !is_told(it));
        let night = night.map(|it| Span {
            from: it.started_at.max(it.ended_at - SEGMENTS_SPAN),
            to: it.ended_at,
            is_night: true,
        });
        night.into_iter().chain([day]).collect()
    }

    pub(super) fn note_segments(&mut self, span: Span, segments: &[Segment], noting: &Noting) {
        let newest = noting.with(|context| sleep::newest_segment(segments, context));
        // What ended within the span is known whole now; what ended outside it, only as far as it was. What ended in its
        // older half may have begun before it, and is not in the answer then.
        let told = span.from + SEGMENTS_SPAN / 2..=span.to;
        let outside = self.segment.filter(|it| !told.contains(&it.ended_at));
        self.segment = newest.into_iter().chain(outside).max_by_key(|it| it.ended_at);
        if let Some(night) = self.sleeps.night().filter(|it| span.is_night || it.started_at >= span.from) {
            // Segments may come later than the summary: the night is asked for once more when the last day has left it.
            let is_final = |it: &Hypnogram| span.is_night || !it.is_empty();
            self.hypnogram = Some(Hypnogram::new(night, segments)).filter(is_final);
        }
    }

    pub(super) fn note_bed(&mut self, later: Bed) {
        self.bed.merge(later);
    }

    pub(super) fn note_success(&mut self, call: Call, now: i64) {
        self.cursors.entry(call).or_default().last_success = Some(now);
    }

    pub(super) fn last_success(&self, call: Call) -> Option<i64> {
        self.cursors.get(&call).and_then(|it| it.last_success)
    }

    /// Makes the next read of `call` one of everything.
    pub(super) fn forget_cursor(&mut self, call: Call) {
        self.cursors.entry(call).or_default().everything_at = None;
    }

    pub(super) fn digest(&self) -> Digest {
        let mut without_times = self.clone();
        without_times.cursors.values_mut().for_each(|it| it.last_success = None);
        let values = without_times.to_json();
        let times: Vec<_> = self.cursors.values().map(|it| it.last_success).collect();
        Digest { values: hash(&values), times: hash(&times) }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("stored values have string keys and no failing fields")
    }

    /// Whether more than the times of success differ from what was stored.
    pub(super) fn is_worth_storing(&self, stored: Digest) -> bool {
        self.digest().values != stored.values
    }

    /// What is shown of it at `now`, Unix seconds by the clock that judges what has ended.
    pub(super) fn snapshot(
        &self,
        now: i64,
        profile: Arc<str>,
        selection: &Selection,
        login: Option<Login>,
        calls: BTreeMap<Call, CallStatus>,
        refresh: Option<RefreshSummary>,
    ) -> ProfileSnapshot {
        let day = self.days.readings(now);
        let kept = self.measures.iter().chain(day).chain(&self.devices).chain(&self.goals).cloned();
        let course = self.sleeps.night().zip(self.hypnogram.as_ref());
        let course = course.into_iter().flat_map(|(night, hypnogram)| hypnogram.readings(night));
        let made =
            self.sleeps.readings().into_iter().chain(course).chain(self.workouts.readings()).chain(self.bed.reading());
        let is_selected = |it: &Reading| selection.contains(it.measurement);
        let mut readings: Vec<_> = kept.chain(made).filter(is_selected).map(Shown::from).collect();
        readings.sort_by(|a, b| (a.measurement, &a.labels).cmp(&(b.measurement, &b.labels)));
        readings.shrink_to_fit();
        let is_sleep_state = |it: Measurement| it.source == Source::SleepState;
        let sleep = if selection.iter().any(is_sleep_state) { Sleep::Newest(self.segment) } else { Sleep::NotSelected };
        ProfileSnapshot { profile, login, readings, sleep, calls, refresh }
    }
}

/// The server's day, in UTC, so many days from the present one.
pub(super) fn day(server_now: i64, days: i64) -> NaiveDate {
    let present = DateTime::from_timestamp(server_now, 0).unwrap_or_default();
    present.checked_add_signed(TimeDelta::days(days)).unwrap_or(present).date_naive()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
