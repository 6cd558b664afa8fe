//! The readings of every moment of one person: what was fetched, chosen by the rules of the page.

use std::collections::BTreeMap;

use super::HistoryError;
use super::question::Asked;
use super::reader::SeriesReader;
use super::spool::Spool;
use super::timeline::Timeline;
use super::work::Work;
use crate::catalogue::{Call, Measurement, Source};
use crate::reading::{Reading, SleepSegment, SleepState};
use crate::storage::StorageError;
use crate::withings::calls::getactivity::ActivityDays;
use crate::withings::calls::getsummary::{PastNight, SleepRow};
use crate::withings::calls::sleep_get::{SPAN, SegmentRow};
use crate::withings::calls::{getworkouts, sleep_get};

impl Work {
    /// Sorts what was fetched into series. All calls must have been made, or left out.
    pub fn reader(&self) -> Result<SeriesReader, HistoryError> {
        let Asked { question, .. } = self.asked();
        let period = self.asked().period();
        let mut people = Vec::new();
        for (place, person) in question.people.iter().enumerate() {
            let name = format!("series-{place}");
            let tracks = timeline(self, place)?.tracks(&period);
            let spool = Spool::write(tracks, self.create(&name)?, self.file(&name));
            people.push((person.profile.as_str().into(), spool.map_err(HistoryError::Sort)?));
        }
        Ok(SeriesReader::new(people, question, &period))
    }
}

/// The series of the person at `place` of the question.
fn timeline(work: &Work, place: usize) -> Result<Timeline, StorageError> {
    let mut timeline = Timeline::default();
    let question = &work.asked().question;
    let is_asked = |reading: &Reading| question.measurements.contains(&reading.measurement);
    // The class of an electrocardiogram comes from two calls: as on a page, of one time that of getmeas stays, which is the last.
    for call in [Call::HeartList, Call::Getmeas] {
        timeline.extend(work.rows::<Reading>(place, call)?.into_iter().filter(is_asked));
    }
    let sleeps = work.sleeps(place)?;
    let mut segments = NightSegments { parts: work.segments(place, &sleeps), open: Vec::new() };
    for PastNight { night, readings, ends_at } in sleeps.history(work.asked().at) {
        let segments = segments.around(night)?;
        let course = sleep_get::course(night, segments).into_iter().map(|reading| reading.ending_at(ends_at));
        let curves = sleep_get::curves(night, segments);
        timeline.extend(readings.into_iter().chain(course).chain(curves).filter(is_asked));
    }
    for day in work.intraday(place) {
        timeline.extend(day?.into_iter().filter(is_asked));
    }
    timeline.extend(ActivityDays::joined(work.rows(place, Call::Getactivity)?).history().filter(is_asked));
    timeline.extend(getworkouts::history(work.rows(place, Call::Getworkouts)?).into_iter().filter(is_asked));
    if let Some(state) = question.measurements.iter().find(|measurement| measurement.source == Source::SleepState) {
        sleep_states(&mut timeline, *state, work.segments(place, &sleeps))?;
    }
    Ok(timeline)
}

/// The segments of one night after the other: those of all nights are most of what Withings knows of a person.
struct NightSegments<I> {
    parts: I,
    /// Ascending by their begin.
    open: Vec<SegmentRow>,
}

impl<I: Iterator<Item = Result<Vec<SegmentRow>, StorageError>>> NightSegments<I> {
    /// The segments around `night` and those after it, ascending by their begin. Nights are given ascending by their ends, and none
    /// is longer than a span.
    fn around(&mut self, night: &SleepRow) -> Result<&[SegmentRow], StorageError> {
        let begin = |segment: &SegmentRow| segment.startdate.unwrap_or_default();
        self.open.retain(|segment| begin(segment) >= night.ended_at - 2 * SPAN);
        while self.open.last().is_none_or(|last| begin(last) < night.ended_at + SPAN) {
            let Some(part) = self.parts.next() else { break };
            self.open.extend(part?);
            self.open.sort_by_key(begin);
        }
        Ok(&self.open)
    }
}

/// The state at the end of each segment, and `unknown` as soon as it was older than a state lasts.
fn sleep_states(
    timeline: &mut Timeline,
    measurement: Measurement,
    segments: impl Iterator<Item = Result<Vec<SegmentRow>, StorageError>>,
) -> Result<(), StorageError> {
    let mut states = BTreeMap::new();
    for part in segments {
        states.extend(sleep_get::ended_states(&part?));
    }
    let mut states = states.into_iter().peekable();
    while let Some((ended_at, state)) = states.next() {
        timeline.add_state(measurement, ended_at, state.place());
        let expires_at = SleepSegment { state, ended_at }.expires_at() + 1;
        if states.peek().is_none_or(|(next, _)| *next > expires_at) {
            timeline.change_state(measurement, expires_at, SleepState::Unknown.place());
        }
    }
    Ok(())
}
