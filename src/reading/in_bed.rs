//! Whether somebody is in bed: the last event of each sleep mat. Only notifications bring these events: no call of the API
//! can ask for them again, so they are stored.

use serde::{Deserialize, Serialize};

use super::{Labels, Reading};
use crate::catalogue::{Measurement, Source};

/// How many mats of one person are remembered: the bed at home, another one, and two halves of each.
const MOST_MATS: usize = 4;

/// That somebody got into bed or out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BedEvent {
    /// Whether somebody is in bed since then.
    pub in_bed: bool,
    /// When it happened, Unix seconds.
    pub at: i64,
    /// The sleep mat, where Withings says which.
    pub mat: Option<Box<str>>,
}

/// The last event of each mat, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InBed(Vec<BedEvent>);

impl InBed {
    /// Notes an event, unless a later one of the same mat is known: notifications come late, twice and out of order, for
    /// Withings sends each of them up to ten times until it is taken. An event that does not say its mat may be of any.
    pub fn note(&mut self, event: BedEvent) {
        let is_same_mat = |known: &BedEvent| known.mat == event.mat || known.mat.is_none() || event.mat.is_none();
        if self.0.iter().any(|known| is_same_mat(known) && known.at > event.at) {
            return;
        }
        self.0.retain(|known| !is_same_mat(known));
        self.0.push(event);
        self.0.sort_by_key(|known| known.at);
        if self.0.len() > MOST_MATS {
            self.0.remove(0);
        }
    }

    /// Notes what else is known.
    pub fn take_in(&mut self, others: &Self) {
        others.0.iter().cloned().for_each(|event| self.note(event));
    }

    /// Whether somebody is in bed, on any of the mats, and since when; `None` before the first event.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        let newest = |in_bed: bool| self.0.iter().rfind(|event| event.in_bed == in_bed);
        let event = newest(true).or_else(|| newest(false))?;
        Some(Reading {
            measurement: Measurement::all().find(|measurement| measurement.source == Source::BedEvent)?,
            labels: Labels::default(),
            value: f64::from(u8::from(event.in_bed)),
            measured_at: event.at,
            until: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects this state after events of (in bed, time, mat), in the order of arrival.
    #[track_caller]
    fn check(events: &[(bool, i64, &str)], expected: (f64, i64)) {
        let mut bed = InBed::default();
        for (in_bed, at, mat) in events {
            bed.note(BedEvent { in_bed: *in_bed, at: *at, mat: Some((*mat).into()).filter(|_| !mat.is_empty()) });
        }
        assert_eq!(bed.reading().map(|reading| (reading.value, reading.measured_at)), Some(expected), "{events:?}");
    }

    #[test]
    fn an_older_event_never_overwrites_a_newer_one() {
        check(&[(true, 100, "a"), (false, 200, "a")], (0.0, 200));
        check(&[(false, 200, "a"), (true, 100, "a")], (0.0, 200));
        check(&[(true, 100, "a"), (false, 100, "a"), (false, 100, "a")], (0.0, 100));
    }

    #[test]
    fn somebody_is_in_bed_who_is_on_any_of_the_mats() {
        check(&[(true, 100, "a"), (true, 150, "b"), (false, 200, "b")], (1.0, 100));
        check(&[(true, 100, "a"), (false, 200, "b"), (false, 300, "a")], (0.0, 300));
    }

    #[test]
    fn an_event_that_does_not_say_its_mat_may_be_of_any() {
        check(&[(true, 100, "a"), (true, 110, "b"), (false, 200, "")], (0.0, 200));
        check(&[(true, 100, ""), (false, 200, "a")], (0.0, 200));
        check(&[(false, 200, "a"), (true, 100, "")], (0.0, 200));
    }

    #[test]
    fn few_mats_are_remembered() {
        let mats = ["a", "b", "c", "d", "e", "f"];
        let events: Vec<_> = mats.iter().zip(100..).map(|(mat, at)| (at == 100, at, *mat)).collect();
        check(&events, (0.0, 105));
    }

    #[test]
    fn before_the_first_event_nothing_is_known() {
        assert_eq!(InBed::default().reading(), None);
    }
}
