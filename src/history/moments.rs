//! The readings of every moment of one person: what was fetched, chosen by the rules of the page.

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
use crate::withings::calls::sleep_get::SegmentRow;
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
    let segments = work.segments(place, &sleeps)?;
    timeline.extend(sleeps.history(work.asked().at, |night| sleep_get::course(night, &segments)).filter(is_asked));
    let curves = sleeps.nights(work.asked().at).into_iter().flat_map(|night| sleep_get::curves(&night, &segments));
    timeline.extend(curves.filter(is_asked));
    for day in work.intraday(place) {
        timeline.extend(day?.into_iter().filter(is_asked));
    }
    timeline.extend(ActivityDays::joined(work.rows(place, Call::Getactivity)?).history().filter(is_asked));
    timeline.extend(getworkouts::history(work.rows(place, Call::Getworkouts)?).into_iter().filter(is_asked));
    if let Some(state) = question.measurements.iter().find(|measurement| measurement.source == Source::SleepState) {
        sleep_states(&mut timeline, *state, &segments);
    }
    Ok(timeline)
}

/// The state at the end of each segment, and `unknown` as soon as it was older than a state lasts.
fn sleep_states(timeline: &mut Timeline, measurement: Measurement, segments: &[SegmentRow]) {
    let mut states = sleep_get::ended_states(segments).peekable();
    while let Some((ended_at, state)) = states.next() {
        timeline.add_state(measurement, ended_at, state.place());
        let expires_at = SleepSegment { state, ended_at }.expires_at() + 1;
        if states.peek().is_none_or(|(next, _)| *next > expires_at) {
            timeline.change_state(measurement, expires_at, SleepState::Unknown.place());
        }
    }
}
