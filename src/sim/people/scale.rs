//! The scale in the bathroom.

use std::sync::Arc;

use super::body::Body;
use super::day::{Day, whole};
use super::feet::{self, LEFT_FOOT, RIGHT_FOOT};
use super::generator::{Entries, Recorder};
use super::heart::{NEGATIVE, PULSE, rhythm};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};
use crate::sim::random::Random;

pub(super) const WEIGHT: u32 = 1;
const FAT_FREE_MASS: u32 = 5;
const FAT_RATIO: u32 = 6;
const FAT_MASS: u32 = 8;
const MUSCLE_MASS: u32 = 76;
const HYDRATION: u32 = 77;
const BONE_MASS: u32 = 88;
const PULSE_WAVE_VELOCITY: u32 = 91;
const VASCULAR_AGE: u32 = 155;
const EXTRACELLULAR_WATER: u32 = 168;
const INTRACELLULAR_WATER: u32 = 169;
const VISCERAL_FAT: u32 = 170;
const SEGMENT_FAT_FREE_MASS: u32 = 173;
const SEGMENT_FAT_MASS: u32 = 174;
const SEGMENT_MUSCLE_MASS: u32 = 175;
const BASAL_METABOLIC_RATE: u32 = 226;
const METABOLIC_AGE: u32 = 227;

const BETWEEN_LEGS: u32 = 6;
const WHOLE_BODY: u32 = 7;
const TORSO: u32 = 12;
/// Right arm, left arm, left leg, right leg, and their share of the body in thousandths. The torso is the rest.
const LIMBS: [(u32, i64); 4] = [(2, 56), (3, 54), (10, 168), (11, 171)];

/// The attribution of a value that may be another person's.
const AMBIGUOUS: u32 = 1;
/// The attribution of the pulse wave velocity of each foot, as seen (joostlek/python-withings#86).
const PER_FOOT: u32 = 10;

/// A scale that measures the composition of the body.
pub(super) struct Scale {
    pub(super) device: Arc<Device>,
    pub(super) body: Body,
    /// Whether the scale has a handle and measures segments, vessels and metabolism.
    pub(super) whole_scan: bool,
    /// The weight of a visitor who stands on the scale now and then.
    pub(super) visitor_kg: f64,
}

impl Recorder for Scale {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        let date = day.at(day.random("weighing").around(6.9, 0.4));
        // The scale finds its network again after days, sometimes after weeks.
        let offline = if day.ahead > 0 && day.is_every(31) { day.ahead.min(40) * 86_400 } else { 0 };
        let delay = whole(day.random("upload").between(4.0, 30.0)) + offline;
        if day.random("forgotten").happens(0.88) {
            for group in self.weigh_in(day, date) {
                entries.group(group, delay);
            }
        }
        // On the last two days too, so that the newest weight is the wrong one.
        if day.is_every(9) || day.ahead == 1 {
            let grams = whole(day.random("visitor").around(self.visitor_kg, 0.8) * 20.0) * 50;
            let visitor = MeasureGroup::new(date + 600, [Measure::new(WEIGHT, grams, -3)]);
            entries.group(visitor.by(&self.device).attributed(AMBIGUOUS), delay);
        }
    }
}

impl Scale {
    /// The groups of one weighing, all of the same second.
    fn weigh_in(&self, day: &Day, date: i64) -> Vec<MeasureGroup> {
        let mass = Mass::of(&self.body, day);
        // 8 means the same as 0; as seen in the fixtures, one fifth of the groups has it.
        let attrib = if day.random("firmware").happens(0.2) { 8 } else { 0 };
        let group = |measures| MeasureGroup::new(date, measures).by(&self.device).attributed(attrib);
        let mut groups = vec![group(self.composition(&mass, day))];
        groups.push(group(vec![Measure::new(PULSE, whole(day.random("standing pulse").around(68.0, 7.0)), 0)]));
        if self.whole_scan {
            let speed = day.random("vessels").around(7.1 + 0.2 * day.winter(), 0.35);
            groups.push(group(vec![
                Measure::new(PULSE_WAVE_VELOCITY, whole(speed * 1000.0), -3),
                Measure::new(VASCULAR_AGE, whole(speed * 58.0), -1),
            ]));
            let foot = |position, offset: f64| {
                Measure::new(PULSE_WAVE_VELOCITY, whole((speed + offset) * 1000.0), -3).at(position)
            };
            groups.push(group(vec![foot(RIGHT_FOOT, 1.4), foot(LEFT_FOOT, 1.9)]).attributed(PER_FOOT));
            groups.extend(feet::groups(day, date).into_iter().map(|group| group.by(&self.device)));
            if day.is_every(7) {
                groups.push(group(rhythm(day, NEGATIVE)));
            }
        }
        groups
    }

    fn composition(&self, mass: &Mass, day: &Day) -> Vec<Measure> {
        // The same weight, in grams on one day and in hundredths of a kilogram on another.
        let weight = if day.age % 3 == 0 { (mass.weight, -2) } else { (mass.weight * 10, -3) };
        let ratio = whole(mass.fat as f64 / mass.weight as f64 * 100_000.0);
        let mut measures = vec![Measure::new(WEIGHT, weight.0, weight.1)];
        if self.whole_scan {
            // Twice the same, as seen in the fixtures.
            let [lean, fat] = [(FAT_FREE_MASS, mass.lean), (FAT_MASS, mass.fat)]
                .map(|(kind, value)| Measure::new(kind, value, -2).at(WHOLE_BODY));
            measures.extend([lean, lean, fat, fat]);
        } else {
            measures.extend([Measure::new(FAT_FREE_MASS, mass.lean, -2), Measure::new(FAT_MASS, mass.fat, -2)]);
        }
        measures.extend([
            Measure::new(FAT_RATIO, ratio, -3),
            Measure::new(MUSCLE_MASS, mass.muscle(), -2),
            Measure::new(HYDRATION, mass.water(), -2),
            Measure::new(BONE_MASS, mass.bone(), -2),
        ]);
        if self.whole_scan {
            measures.extend(scan(mass, day.random("scan")));
        }
        measures
    }
}

/// Masses in hundredths of a kilogram: weight is lean and fat, lean is muscle and bone.
struct Mass {
    weight: i64,
    lean: i64,
    fat: i64,
}

impl Mass {
    fn of(body: &Body, day: &Day) -> Self {
        let weight = body.grams(day) / 10;
        let fat = whole(weight as f64 * body.fat(day));
        Self { weight, fat, lean: weight - fat }
    }

    fn bone(&self) -> i64 {
        self.lean / 20
    }

    fn muscle(&self) -> i64 {
        self.lean - self.bone()
    }

    fn water(&self) -> i64 {
        self.lean * 73 / 100
    }
}

/// The values that only a scale with a handle measures.
fn scan(mass: &Mass, random: Random) -> Vec<Measure> {
    let outside = mass.water() * 42 / 100;
    let metabolism = 370 + mass.lean * 216 / 1000;
    let mut measures = vec![
        // Now and then at another position, which stands for the whole body too.
        Measure::new(EXTRACELLULAR_WATER, outside, -2).at(if random.happens(0.07) { BETWEEN_LEGS } else { WHOLE_BODY }),
        Measure::new(INTRACELLULAR_WATER, mass.water() - outside, -2).at(WHOLE_BODY),
        Measure::new(VISCERAL_FAT, whole(random.around(mass.fat as f64 / 70.0, 1.5)), -1).at(WHOLE_BODY),
        Measure::new(BASAL_METABOLIC_RATE, metabolism, 0).at(WHOLE_BODY),
        Measure::new(METABOLIC_AGE, whole(random.named("age").around(28.0 + mass.fat as f64 / 200.0, 1.0)), 0),
    ];
    let bodies =
        [(SEGMENT_FAT_FREE_MASS, mass.lean), (SEGMENT_FAT_MASS, mass.fat), (SEGMENT_MUSCLE_MASS, mass.muscle())];
    for (kind, whole_body) in bodies {
        let limbs = LIMBS.map(|(position, share)| Measure::new(kind, whole_body * share / 1000, -2).at(position));
        let torso = whole_body - limbs.iter().map(|limb| limb.value).sum::<i64>();
        measures.extend(limbs);
        measures.push(Measure::new(kind, torso, -2).at(TORSO));
    }
    measures
}
