//! Electrocardiograms.

use super::day::{Day, whole};
use crate::sim::measure::Measure;

pub(super) const PULSE: u32 = 11;
const CLASSIFICATION: u32 = 130;
const QRS_INTERVAL: u32 = 135;
const PR_INTERVAL: u32 = 136;
const QT_INTERVAL: u32 = 137;
const CORRECTED_QT_INTERVAL: u32 = 138;

/// No atrial fibrillation.
pub(super) const NEGATIVE: i64 = 0;
/// Atrial fibrillation.
pub(super) const POSITIVE: i64 = 1;
/// No decision.
pub(super) const INCONCLUSIVE: i64 = 2;
/// No atrial fibrillation at a normal heart rate: what newer firmware writes.
pub(super) const NEGATIVE_NORMAL_RATE: i64 = 9;

/// A short electrocardiogram: the pulse and the classification.
pub(super) fn rhythm(day: &Day, classification: i64) -> Vec<Measure> {
    vec![Measure::new(PULSE, rate(day, classification), 0), Measure::new(CLASSIFICATION, classification, 0)]
}

/// The heart rate of the day's electrocardiogram, beats per minute.
pub(super) fn rate(day: &Day, classification: i64) -> i64 {
    let rate = if classification == POSITIVE { 96.0 } else { 66.0 };
    whole(day.random("rhythm").around(rate, 6.0))
}

/// An electrocardiogram: the pulse, the classification, and the intervals in ms.
pub(super) fn electrocardiogram(day: &Day, classification: i64) -> Vec<Measure> {
    let interval = |kind, mean, spread| {
        let random = day.random("interval").fork(u64::from(kind));
        Measure::new(kind, whole(random.around(mean, spread)), 0)
    };
    let mut measures = rhythm(day, classification);
    measures.extend([
        interval(QRS_INTERVAL, 94.0, 7.0),
        interval(PR_INTERVAL, 158.0, 12.0),
        interval(QT_INTERVAL, 388.0, 14.0),
        interval(CORRECTED_QT_INTERVAL, 412.0, 12.0),
    ]);
    measures
}
