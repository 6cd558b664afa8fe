//! The sleep mat: nights and naps.

use std::sync::Arc;

use serde_json::json;

use super::day::{Day, whole};
use super::generator::{Entries, Recorder};
use crate::sim::device::Device;
use crate::sim::night::{AWAKE, DEEP, LIGHT, Night, REM, Vitals};
use crate::sim::random::Random;

/// Disturbances of breathing are counted in nights longer than this, in seconds.
const LONG_NIGHT: i64 = 5 * 3600;

/// The former and the present name of the disturbances of breathing.
pub(super) const DISTURBANCES: [&str; 2] = ["breathing_disturbances_intensity", "breathing_quality_assessment"];

pub(super) struct Mat {
    pub(super) device: Arc<Device>,
    /// The first night was so many days after the person's first generated day.
    pub(super) since: i64,
    /// How often there is a nap, 0 to 1.
    pub(super) naps: f64,
    /// The local hour of getting up on a working day.
    pub(super) gets_up: f64,
    pub(super) breath: Breath,
    /// Which of [`DISTURBANCES`] are answered.
    pub(super) disturbances: &'static [&'static str],
    /// Whether a watch is worn in bed, too, whose temperature the service adds.
    pub(super) watch: bool,
}

/// How a person breathes asleep.
#[derive(Clone, Copy)]
pub(super) struct Breath {
    /// Pauses of breath an hour.
    pub(super) halts: f64,
    /// The share of the night that is snored through, 0 to 1.
    pub(super) snores: f64,
    /// How often a cycle of sleep ends awake, 0 to 1.
    pub(super) wakes: f64,
}

/// Healthy breathing.
pub(super) const CALM: Breath = Breath { halts: 3.5, snores: 0.12, wakes: 0.35 };
/// Sleep apnoea, of the kind that should be treated.
pub(super) const APNOEA: Breath = Breath { halts: 26.0, snores: 0.45, wakes: 0.75 };

impl Recorder for Mat {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn record(&self, day: &Day, entries: &mut Entries<'_>) {
        if day.age < self.since {
            return;
        }
        // Minutes as a rule; the whole day when the network was down.
        let delay = if day.random("network").happens(0.04) { 20 * 3600 } else { 1200 };
        let minutes = day.random("length").around(460.0, 55.0);
        let up = day.random("up").around(self.gets_up, 0.4);
        entries.night(self.sleep(day, "night", minutes, up), whole(day.random("upload").between(60.0, 2400.0)) + delay);
        if day.random("nap").happens(self.naps) {
            let minutes = day.random("nap length").between(25.0, 80.0);
            entries.night(self.sleep(day, "nap", minutes, 14.9), 1500);
        }
    }
}

impl Mat {
    fn sleep(&self, day: &Day, what: &str, minutes: f64, until: f64) -> Night {
        let stages = stages(day.random(what), minutes, self.breath);
        let in_bed: u16 = stages.iter().map(|stage| stage.1).sum();
        let start = day.at(until) - i64::from(in_bed) * 60;
        let random = day.random(what).named("vitals");
        let faster = if day.fever.is_some() { 11.0 } else { 0.0 };
        let night = Night::asleep(&self.device, start, &stages);
        let night = night.measured(|minute, state| vitals(random, minute, state, self.breath, faster));
        let score = score(&night);
        let left_bed = i64::from(random.named("thirst").happens(self.breath.wakes / 2.0));
        let night = night.with([("sleep_score", json!(score)), ("out_of_bed_count", json!(left_bed))]);
        let night = self.breathed(night, random);
        let night = if self.watch { warm(night, random, day.fever) } else { night };
        if random.named("slipped").happens(0.03) { without_heart(night) } else { night }
    }

    /// The same night with the summary of its breathing; in a short one disturbances are not counted, which is −1, as
    /// seen in the fixtures.
    fn breathed(&self, night: Night, random: Random) -> Night {
        let long = night.enddate - night.startdate > LONG_NIGHT;
        let halts = random.named("apnea").around(self.breath.halts, self.breath.halts * 0.3);
        let count = |number: f64| json!(if long { whole(number) } else { -1 });
        let chest = random.named("chest").around(15.0, 1.0);
        let spread = random.named("chest spread").between(3.0, 6.0);
        let disturbances = self.disturbances.iter().map(|name| (*name, count(halts * 2.4)));
        night.with(disturbances).with([
            ("apnea_hypopnea_index", count(halts)),
            // What mats sold in the USA say in its place: these are of both markets.
            ("withings_index", count(halts)),
            ("chest_movement_rate_average", json!(whole(chest))),
            ("chest_movement_rate_min", json!(whole(chest - spread))),
            ("chest_movement_rate_max", json!(whole(chest + spread))),
        ])
    }
}

/// The same night with the temperature inside the body, °C.
fn warm(night: Night, random: Random, fever: Option<f64>) -> Night {
    let average = random.named("core").around(fever.unwrap_or(36.8), 0.1);
    let tenths = |number: f64| json!(whole(number * 10.0) as f64 / 10.0);
    night.with([
        ("core_body_temperature_min", tenths(average - 0.5)),
        ("core_body_temperature_avg", tenths(average)),
        ("core_body_temperature_max", tenths(average + 0.4)),
        ("core_body_temperature_status", json!(if fever.is_some() { "elevated" } else { "usual" })),
    ])
}

/// The same night of a mat that slipped: no heart rate, and no fields for it.
fn without_heart(mut night: Night) -> Night {
    for field in ["hr_average", "hr_min", "hr_max", "sleep_score"] {
        night.data.remove(field);
    }
    for segment in &mut night.segments {
        segment.vitals.clear();
    }
    night
}

/// The sleep score, 0 to 100: seven hours and little tossing are good.
fn score(night: &Night) -> i64 {
    let seconds = |field: &str| night.data[field].as_f64().unwrap_or_default();
    whole((seconds("total_sleep_time") / 25_200.0 * 80.0 - seconds("waso") / 240.0 + 5.0).clamp(10.0, 96.0))
}

/// The stages of about so many minutes in bed: falling asleep, cycles of light, deep, light and dreaming with wakings,
/// waking up. Deep sleep is early, dreams are late.
fn stages(random: Random, minutes: f64, breath: Breath) -> Vec<(u8, u16)> {
    let draw = |what: &str, low: f64, high: f64| minutes_of(random.named(what).between(low, high));
    let goal = minutes_of(minutes);
    let mut stages = vec![(AWAKE, draw("falling asleep", 4.0, 24.0))];
    let mut slept = 0;
    for cycle in 0.. {
        let random = random.fork(cycle);
        let late = f64::from(slept) / f64::from(goal.max(1));
        let length = |what: &str, low: f64, high: f64| minutes_of(random.named(what).between(low, high));
        let mut round = vec![
            (LIGHT, length("light", 16.0, 34.0)),
            (DEEP, minutes_of(random.named("deep").around(34.0 * (1.0 - late), 8.0))),
            (LIGHT, length("lighter", 10.0, 24.0)),
            (REM, minutes_of(random.named("dream").around(8.0 + 28.0 * late, 6.0))),
        ];
        if random.named("waking").happens(breath.wakes) {
            round.push((AWAKE, length("awake", 1.0, 7.0)));
        }
        for (state, wanted) in round {
            let length = wanted.min(goal.saturating_sub(slept));
            slept += length;
            if length > 0 {
                stages.push((state, length));
            }
        }
        if slept >= goal {
            break;
        }
    }
    stages.push((AWAKE, draw("waking up", 2.0, 14.0)));
    joined(&stages)
}

/// The same stages, neighbours of one stage joined.
fn joined(stages: &[(u8, u16)]) -> Vec<(u8, u16)> {
    stages.chunk_by(|a, b| a.0 == b.0).map(|run| (run[0].0, run.iter().map(|stage| stage.1).sum())).collect()
}

/// The vital signs of a minute of this stage: calmer when deep, uneven in dreams, `faster` by so many beats with a
/// fever.
fn vitals(random: Random, minute: i64, state: u8, breath: Breath, faster: f64) -> Vitals {
    let at = random.fork(minute.unsigned_abs());
    let (hr, rr, rmssd, movement) = match state {
        AWAKE => (66.0, 16.0, 34.0, 40.0),
        DEEP => (53.0, 13.0, 58.0, 1.0),
        REM => (61.0, 15.5, 38.0, 6.0),
        _ => (57.0, 14.5, 46.0, 4.0),
    };
    let near = |what: u64, mean: f64, spread: f64| byte(at.fork(what).around(mean, spread));
    // Snoring comes in stretches of a quarter of an hour.
    let snores = state != AWAKE && random.named("snores").fork(minute.unsigned_abs() / 900).happens(breath.snores);
    Vitals {
        hr: near(0, random.named("night").around(hr + faster, 5.0), 4.0),
        rr: near(1, rr, 1.5),
        snoring: if snores { near(2, 30.0, 25.0) } else { 0 },
        rmssd: near(3, rmssd, 12.0),
        sdnn: near(4, rmssd + 12.0, 12.0),
        movement: near(5, movement, movement),
    }
}

fn byte(number: f64) -> u8 {
    u8::try_from(whole(number.clamp(0.0, 255.0))).unwrap_or(u8::MAX)
}

fn minutes_of(number: f64) -> u16 {
    u16::try_from(whole(number.max(0.0))).unwrap_or(u16::MAX)
}
