//! What a scale measures in the feet: the response of the skin, and the nerves.

use super::day::{Day, whole};
use crate::sim::measure::{Measure, MeasureGroup};

const NERVES_LEFT: u32 = 158;
const NERVES_RIGHT: u32 = 159;
const NERVES_BOTH: u32 = 167;
const SKIN_BOTH: u32 = 196;
const SKIN_LEFT: u32 = 197;
const SKIN_RIGHT: u32 = 198;
const SKIN_CONDUCTANCE: u32 = 229;

pub(super) const RIGHT_FOOT: u32 = 4;
pub(super) const LEFT_FOOT: u32 = 5;

/// The attribution of values taken under guided conditions.
const GUIDED: u32 = 15;
/// The attribution of a conductance taken under guided conditions.
const GUIDED_CONDUCTANCE: u32 = 17;

/// The groups of this weighing, of a device still to be named: the response of the skin, and once a week the nerves.
pub(super) fn groups(day: &Day, date: i64) -> Vec<MeasureGroup> {
    let near = |kind: u32, mean: f64| day.random("feet").fork(u64::from(kind)).around(mean, 4.0);
    let score = |kind, mean| Measure::new(kind, whole(near(kind, mean) * 1000.0), -3);
    let skin = [score(SKIN_BOTH, 54.0), score(SKIN_LEFT, 53.0), score(SKIN_RIGHT, 55.0)];
    let mut groups = vec![MeasureGroup::new(date, skin)];
    if day.is_every(7) {
        let score = |kind, mean| Measure::new(kind, whole(near(kind, mean)), 0);
        let nerves = [score(NERVES_LEFT, 71.0), score(NERVES_RIGHT, 73.0), score(NERVES_BOTH, 72.0)];
        groups.push(MeasureGroup::new(date, nerves).attributed(GUIDED));
        let conductance = |position, mean| {
            let value = day.random("conductance").fork(u64::from(position)).around(mean, 4.0);
            Measure::new(SKIN_CONDUCTANCE, whole(value * 10.0), -1).at(position)
        };
        let feet = [conductance(LEFT_FOOT, 76.0), conductance(RIGHT_FOOT, 77.5)];
        groups.push(MeasureGroup::new(date, feet).attributed(GUIDED_CONDUCTANCE));
    }
    groups
}
