//! What is known of one profile while it is refreshed: the last readings and how far each call has read. A part of it for each
//! call is stored.

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::{DateTime, NaiveDate, TimeDelta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::part::{self, Part};
use crate::catalogue::{Call, Measurement, Source};
use crate::config::Selection;
use crate::login::LoginError;
use crate::reading::in_bed::InBed;
use crate::reading::{Reading, Sleep, SleepSegment};
use crate::storage::State;
use crate::telemetry::{Telemetry, Unknown};
use crate::withings::activity::Days;
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
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
#[derive(Clone, Debug, Default)]
pub(super) struct ProfileState {
    /// Withings' id of the person whose readings these are.
    user_id: Option<String>,
    /// The newest reading of each measurement of `getmeas` and its labels, ascending.
    measures: Vec<Reading>,
    /// The last sleeps.
    sleeps: Sleeps,
    /// The newest sleep segment.
    segment: Option<SleepSegment>,
    /// The course of the last night that `sleep get` told whole; without any stretch if it has nothing of that night.
    hypnogram: Option<Hypnogram>,
    /// The last days of activity.
    days: Days,
    /// The newest workouts.
    workouts: Workouts,
    /// The readings of the devices.
    devices: Vec<Reading>,
    /// The readings of the goals.
    goals: Vec<Reading>,
    /// What happened in bed.
    in_bed: InBed,
    cursors: BTreeMap<Call, Cursor>,
    /// The readings of parts that could not be understood: they are shown until the call was made.
    former: BTreeMap<Call, Vec<Reading>>,
    /// The parts as they are stored, by the names of their calls; those of other versions too.
    stored: BTreeMap<String, Box<RawValue>>,
}

/// How far a call has read; all in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The newest change that was seen.
    changed_at: Option<i64>,
    /// When everything was read.
    everything_at: Option<i64>,
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
    pub(super) fn is_refused_as_a_whole(self, call: Call, error: &LoginError) -> bool {
        let is_wrong = |error: &CallError| error.remedy() == Remedy::FullRead;
        call != Call::Getmeas && self.rows == Rows::All && matches!(error, LoginError::Call(error) if is_wrong(error))
    }

    pub(super) fn is_of_everything(self) -> bool {
        !matches!(self.rows, Rows::ChangedSince(_))
    }
}

impl ProfileState {
    /// What is stored.
    pub(super) fn restore(stored: State) -> Self {
        let State { user_id, parts, first_format, in_bed } = stored;
        let mut state = Self { user_id, in_bed, ..Self::default() };
        if let Some(json) = first_format {
            state.restore_first_format(serde_json::from_str(json.get()).unwrap_or_default());
            return state;
        }
        state.restore_parts(&parts);
        state.stored = parts;
        state
    }

    /// Whose readings these are; `None`: nobody's yet.
    pub(super) fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// What is to be stored at `now`, Unix seconds; `None` if nothing has changed.
    pub(super) fn changed(&mut self, now: i64) -> Option<State> {
        let parts = Call::DATA.into_iter().filter_map(|call| Some((call.name().to_owned(), self.part(call, now)?)));
        let mut new = self.stored.clone();
        new.extend(parts);
        let is_same = new.iter().all(|(call, part)| self.stored.get(call).is_some_and(|it| it.get() == part.get()));
        if is_same {
            return None;
        }
        self.stored.clone_from(&new);
        Some(State { user_id: self.user_id.clone(), parts: new, first_format: None, in_bed: self.in_bed.clone() })
    }

    /// Whether the part of a call could not be understood, so that it is to be read whole at once.
    pub(super) fn is_to_be_read(&self, call: Call) -> bool {
        self.former.contains_key(&call)
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
        let chosen = noting.with(|context| match read.rows {
            Rows::ChangedSince(_) => measures::merge(&self.measures, groups, context),
            Rows::All | Rows::Days { .. } => Some(measures::choose(groups, context)),
        });
        self.note_chosen(Call::Getmeas, read, measures::highest_modified(groups), chosen, |state| &mut state.measures)
    }

    pub(super) fn note_summaries(&mut self, read: Read, rows: &[SummaryRow], noting: &Noting) -> Noted {
        let chosen = noting.with(|context| match read.rows {
            Rows::ChangedSince(_) => self.sleeps.merge(rows, context),
            Rows::All | Rows::Days { .. } => Some(Sleeps::choose(rows, context)),
        });
        self.note_chosen(Call::Getsummary, read, sleep::highest_modified(rows), chosen, |state| &mut state.sleeps)
    }

    pub(super) fn note_workouts(&mut self, read: Read, rows: &[WorkoutRow], noting: &Noting) -> Noted {
        let chosen = noting.with(|context| match read.rows {
            Rows::ChangedSince(_) => self.workouts.merge(rows, context),
            Rows::All | Rows::Days { .. } => Some(Workouts::choose(rows, context)),
        });
        self.note_chosen(Call::Getworkouts, read, workouts::highest_modified(rows), chosen, |state| &mut state.workouts)
    }

    /// Puts what was chosen of an answer in its place; `None` if the answer does not tell enough.
    fn note_chosen<T>(
        &mut self,
        call: Call,
        read: Read,
        changed_at: Option<i64>,
        chosen: Option<T>,
        place: impl FnOnce(&mut Self) -> &mut T,
    ) -> Noted {
        let Some(chosen) = chosen else { return Noted::ReadEverything };
        *place(self) = chosen;
        let cursor = self.cursors.entry(call).or_default();
        if read.is_of_everything() {
            cursor.everything_at = Some(read.server_now);
            cursor.changed_at = changed_at;
        } else {
            cursor.changed_at = cursor.changed_at.max(changed_at);
        }
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

    /// Makes the next read of `call` one of everything.
    pub(super) fn forget_cursor(&mut self, call: Call) {
        self.cursors.entry(call).or_default().everything_at = None;
    }

    /// What is shown of it at `now`, Unix seconds by the clock that judges what has ended: the readings, ascending by
    /// measurement and labels, and the sleep state.
    pub(super) fn shown(&self, now: i64, selection: &Selection) -> (Vec<Reading>, Sleep) {
        let readings = Call::DATA.into_iter().flat_map(|call| self.readings(call, now)).chain(self.in_bed.reading());
        let mut readings: Vec<_> = readings.filter(|it| selection.contains(it.measurement)).collect();
        readings.sort_by(|a, b| (a.measurement, &a.labels).cmp(&(b.measurement, &b.labels)));
        readings.shrink_to_fit();
        let is_sleep_state = |it: Measurement| it.source == Source::SleepState;
        let sleep = if selection.iter().any(is_sleep_state) { Sleep::Newest(self.segment) } else { Sleep::NotSelected };
        (readings, sleep)
    }

    /// The readings that a call has brought.
    fn readings(&self, call: Call, now: i64) -> Vec<Reading> {
        if let Some(former) = self.former.get(&call) {
            return former.clone();
        }
        match call {
            Call::Getmeas => self.measures.clone(),
            Call::Getsummary => self.sleeps.readings(),
            Call::SleepGet => {
                let night = self.sleeps.night().zip(self.hypnogram.as_ref());
                night.into_iter().flat_map(|(night, hypnogram)| hypnogram.readings(night)).collect()
            }
            Call::Getactivity => self.days.readings(now).cloned().collect(),
            Call::Getworkouts => self.workouts.readings().collect(),
            Call::Getdevice => self.devices.clone(),
            Call::Getgoals => self.goals.clone(),
            Call::Requesttoken | Call::Revoke | Call::Notify => Vec::new(),
        }
    }

    /// Notes that a call was made: what it has brought is understood.
    pub(super) fn note_made(&mut self, call: Call) {
        self.former.remove(&call);
    }

    /// The part of a call as it is stored; `None` where there is nothing but what was not understood.
    fn part(&self, call: Call, now: i64) -> Option<Box<RawValue>> {
        if self.is_to_be_read(call) {
            return None;
        }
        let cursor = self.cursors.get(&call).cloned().unwrap_or_default();
        let readings = || self.readings(call, now);
        let part = match call {
            Call::Getmeas => Part::new(cursor, self.measures.clone(), ()).to_json(),
            Call::Getsummary => Part::new(cursor, readings(), &self.sleeps).to_json(),
            Call::SleepGet => Part::new(cursor, readings(), (self.segment, &self.hypnogram)).to_json(),
            Call::Getactivity => Part::new(cursor, readings(), &self.days).to_json(),
            Call::Getworkouts => Part::new(cursor, readings(), &self.workouts).to_json(),
            Call::Getdevice => Part::new(cursor, self.devices.clone(), ()).to_json(),
            Call::Getgoals => Part::new(cursor, self.goals.clone(), ()).to_json(),
            Call::Requesttoken | Call::Revoke | Call::Notify => return None,
        };
        Some(part)
    }

    fn restore_parts(&mut self, parts: &BTreeMap<String, Box<RawValue>>) {
        for call in Call::DATA {
            let Some(json) = parts.get(call.name()) else { continue };
            let head = part::Head::read(json.get());
            let understood =
                head.data.as_deref().is_some_and(|data| self.restore_part(call, &head.readings, data.get()));
            if understood {
                self.cursors.insert(call, head.cursor);
            } else {
                self.former.insert(call, head.readings);
            }
        }
        if self.former.contains_key(&Call::Getsummary)
            && let Some(part) = parts.get(Call::SleepGet.name())
        {
            // Which night its readings are of is not known any more.
            self.former.entry(Call::SleepGet).or_insert_with(|| part::Head::read(part.get()).readings);
        }
    }

    /// Takes what was stored of a call; whether it is understood.
    fn restore_part(&mut self, call: Call, readings: &[Reading], data: &str) -> bool {
        fn take<T: DeserializeOwned>(data: &str, place: &mut T) -> bool {
            serde_json::from_str(data).map(|it| *place = it).is_ok()
        }
        match call {
            Call::Getmeas => self.measures = readings.to_vec(),
            Call::Getdevice => self.devices = readings.to_vec(),
            Call::Getgoals => self.goals = readings.to_vec(),
            Call::Getsummary => return take(data, &mut self.sleeps),
            Call::Getactivity => return take(data, &mut self.days),
            Call::Getworkouts => return take(data, &mut self.workouts),
            Call::SleepGet => {
                let mut night = (None, None);
                let is_understood = take(data, &mut night);
                (self.segment, self.hypnogram) = night;
                return is_understood;
            }
            Call::Requesttoken | Call::Revoke | Call::Notify => {}
        }
        true
    }

    /// Takes what 0.1.0 has stored; what is not understood is read anew.
    fn restore_first_format(&mut self, stored: part::FirstFormat) {
        let part::FirstFormat { measures, sleeps, segment, hypnogram, days, workouts, devices, goals, cursors } =
            stored;
        (self.measures, self.devices, self.goals) = (measures, devices, goals);
        (self.sleeps, self.segment, self.hypnogram) = (sleeps, segment, hypnogram);
        (self.days, self.workouts, self.cursors) = (days, workouts, cursors);
    }
}

/// The server's day, in UTC, so many days from the present one.
pub(super) fn day(server_now: i64, days: i64) -> NaiveDate {
    let present = DateTime::from_timestamp(server_now, 0).unwrap_or_default();
    present.checked_add_signed(TimeDelta::days(days)).unwrap_or(present).date_naive()
}

#[cfg(test)]
#[path = "profile_state_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
