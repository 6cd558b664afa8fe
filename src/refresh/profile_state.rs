//! The state of one profile while it is refreshed: a part for each call, and the events of the bed.

use super::cursor::Cursor;
use super::first_format::FirstFormat;
use super::part::{AnyPart, CallPart, StoredParts};
use crate::catalogue::{Call, Measurement, Source};
use crate::config::Selection;
use crate::reading::in_bed::InBed;
use crate::reading::{Reading, Sleep};
use crate::storage::StoredState;
use crate::withings::calls::getsummary::SleepRow;
use crate::withings::calls::{
    Context, DataCall, Getactivity, Getdevice, Getgoals, Getintradayactivity, Getmeas, Getsummary, Getworkouts,
    HeartList, Moment, SleepGet,
};
use crate::withings::request::RowSelection;

/// The state of one profile: what is known of its person.
#[derive(Default)]
pub(super) struct ProfileState {
    /// Withings' id of the person whose readings these are.
    user_id: Option<String>,
    pub(super) getmeas: CallPart<Getmeas>,
    pub(super) getsummary: CallPart<Getsummary>,
    pub(super) sleep_get: CallPart<SleepGet>,
    pub(super) getactivity: CallPart<Getactivity>,
    pub(super) getintradayactivity: CallPart<Getintradayactivity>,
    pub(super) getworkouts: CallPart<Getworkouts>,
    pub(super) getdevice: CallPart<Getdevice>,
    pub(super) getgoals: CallPart<Getgoals>,
    pub(super) heart_list: CallPart<HeartList>,
    in_bed: InBed,
    /// The parts as they are stored; parts of calls that this version does not know too.
    stored: StoredParts,
}

/// The part of a call in the state.
pub(super) type PartOf<C> = fn(&mut ProfileState) -> &mut CallPart<C>;

impl ProfileState {
    /// The state as it is stored.
    pub(super) fn restore(stored: StoredState) -> Self {
        let StoredState { user_id, parts, first_format, in_bed } = stored;
        let mut state = Self { user_id, in_bed, ..Self::default() };
        if let Some(json) = first_format {
            state.restore_first_format(FirstFormat::read(json.get()));
            return state;
        }
        state.parts_mut().into_iter().for_each(|part| part.restore(&parts));
        if state.getsummary.is_to_be_read() && parts.contains_key(SleepGet::CALL.name()) {
            // It is not known any more of which night the segments are: only their readings can be shown.
            state.sleep_get.restore_readings(&parts);
        }
        state.stored = parts;
        state
    }

    /// Withings' id of the person whose readings these are; `None`: nobody's yet.
    pub(super) fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// The requests of a call, one after another, where `read` is due.
    pub(super) fn asks<C: DataCall>(
        &mut self,
        part: PartOf<C>,
        read: RowSelection,
        server_now: i64,
    ) -> Vec<RowSelection> {
        let night = self.night(server_now).cloned();
        C::asks(&part(self).known, read, &Moment { server_now, night: night.as_ref() })
    }

    /// Notes an answer to what was asked; returns false if it does not tell enough, and everything must be read.
    pub(super) fn note<C: DataCall>(
        &mut self,
        part: PartOf<C>,
        asked: RowSelection,
        rows: &[C::Row],
        context: &mut Context<'_>,
    ) -> bool {
        let night = self.night(context.server_now).cloned();
        let moment = Moment { server_now: context.server_now, night: night.as_ref() };
        part(self).note(asked, rows, &moment, context)
    }

    /// The state that is to be stored at `server_now`, Unix seconds; `None` if nothing has changed since it was stored.
    pub(super) fn changed(&mut self, server_now: i64) -> Option<StoredState> {
        let moment = self.moment(server_now);
        let mut new = self.stored.clone();
        self.parts().into_iter().for_each(|part| part.store(&moment, &mut new));
        let is_same =
            new.iter().all(|(call, part)| self.stored.get(call).is_some_and(|stored| stored.get() == part.get()));
        if is_same {
            return None;
        }
        self.stored.clone_from(&new);
        Some(StoredState { user_id: self.user_id.clone(), parts: new, first_format: None, in_bed: self.in_bed.clone() })
    }

    /// The calls whose stored parts were not understood, so that they are to be made at once.
    pub(super) fn to_be_read(&self) -> impl Iterator<Item = Call> {
        self.parts().into_iter().filter(|part| part.is_to_be_read()).map(AnyPart::call)
    }

    /// Makes the next read of `call` one of everything.
    pub(super) fn forget_cursor(&mut self, call: Call) {
        if let Some(part) = self.parts_mut().into_iter().find(|part| part.call() == call) {
            part.cursor().forget();
        }
    }

    /// What is shown at `server_now`, Unix seconds by Withings' clock: the readings, ascending by measurement and labels, and
    /// the sleep state.
    pub(super) fn shown(&self, server_now: i64, selection: &Selection) -> (Vec<Reading>, Sleep) {
        let moment = self.moment(server_now);
        let readings = self.parts().into_iter().flat_map(|part| part.readings(&moment)).chain(self.in_bed.reading());
        let mut readings: Vec<_> = readings.filter(|reading| selection.contains(reading.measurement)).collect();
        // The class of an electrocardiogram comes from two calls: the newer one stays, and of one time that of the earlier call.
        readings
            .sort_by(|a, b| (a.measurement, &a.labels, b.measured_at).cmp(&(b.measurement, &b.labels, a.measured_at)));
        readings.dedup_by(|next, kept| (next.measurement, &next.labels) == (kept.measurement, &kept.labels));
        let is_selected = selection.iter().any(|measurement: Measurement| measurement.source == Source::SleepState);
        let sleep = if is_selected { Sleep::Newest(self.sleep_get.known.newest()) } else { Sleep::NotSelected };
        (readings, sleep)
    }

    /// The parts, in the order in which a refresh makes their calls.
    fn parts(&self) -> [&dyn AnyPart; Call::DATA.len()] {
        let Self { getmeas, getsummary, sleep_get, getactivity, getintradayactivity, .. } = self;
        let Self { getworkouts, getdevice, getgoals, heart_list, .. } = self;
        [getmeas, getsummary, sleep_get, getactivity, getintradayactivity, getworkouts, getdevice, getgoals, heart_list]
    }

    fn parts_mut(&mut self) -> [&mut dyn AnyPart; Call::DATA.len()] {
        let Self { getmeas, getsummary, sleep_get, getactivity, getintradayactivity, .. } = self;
        let Self { getworkouts, getdevice, getgoals, heart_list, .. } = self;
        [getmeas, getsummary, sleep_get, getactivity, getintradayactivity, getworkouts, getdevice, getgoals, heart_list]
    }

    /// The last night at `server_now`, Unix seconds.
    fn night(&self, server_now: i64) -> Option<&SleepRow> {
        self.getsummary.known.night(server_now)
    }

    fn moment(&self, server_now: i64) -> Moment<'_> {
        Moment { server_now, night: self.night(server_now) }
    }

    /// Takes what 0.1.0 stored.
    fn restore_first_format(&mut self, mut stored: FirstFormat) {
        let mut cursor = |call| std::mem::take(stored.cursors.entry(call).or_default());
        self.getmeas = CallPart::of(stored.measures, cursor(Call::Getmeas));
        // The rows of nights and workouts do not tell all that is chosen from them now: everything is read at once.
        self.getsummary = CallPart::of(stored.sleeps, Cursor::default());
        self.sleep_get = CallPart::of(stored.segments, cursor(Call::SleepGet));
        self.getactivity = CallPart::of(stored.days, cursor(Call::Getactivity));
        self.getworkouts = CallPart::of(stored.workouts, Cursor::default());
        self.getdevice = CallPart::of(stored.devices, cursor(Call::Getdevice));
        self.getgoals = CallPart::of(stored.goals, cursor(Call::Getgoals));
    }
}

#[cfg(test)]
#[path = "profile_state_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
