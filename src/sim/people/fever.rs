//! An illness that comes every half year, and whose height is the day on which the cloud begins.

/// °C on the days of a fever, the last one first.
const COURSE: [f64; 7] = [37.2, 37.6, 38.2, 39.0, 39.2, 38.9, 37.9];
/// The cloud begins so many days before the last day of a fever.
const DAYS_TO_COME: i64 = 3;
/// Days from one fever to the next.
const DAYS_BETWEEN: i64 = 182;

/// The body temperature of a person who falls ill, °C, so many days before the cloud began; `None` when well.
pub(super) fn fever(ahead: i64) -> Option<f64> {
    let left = usize::try_from((ahead + DAYS_TO_COME).rem_euclid(DAYS_BETWEEN)).unwrap_or(usize::MAX);
    COURSE.get(left).copied()
}
