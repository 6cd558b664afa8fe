//! The mat under the mattress: nights, and naps.

use std::sync::Arc;

use serde_json::json;

use super::day::{Day, whole};
use super::story::{Entries, Gear};
use crate::sim::device::Device;
use crate::sim::night::{AWAKE, DEEP, LIGHT, Night, REM, Vitals};
use crate::sim::noise::Noise;

/// Disturbances of breathing are counted in nights longer than this, in seconds.
const LONG_NIGHT: i64 = 5 * 3600;

pub(super) struct Mat {
    pub(super) device: Arc<Device>,
    /// How often there is a nap, 0 to 1.
    pub(super) naps: f64,
    /// The local hour of getting up on a working day.
    pub(super) gets_up: f64,
}

impl Gear for Mat {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        // Minutes as a rule; the whole day when the network was down.
        let delay = if day.noise("network").happens(0.04) { 20 * 3600 } else { 1200 };
        let minutes = day.noise("length").around(460.0, 55.0);
        let up = day.noise("up").around(self.gets_up, 0.4);
        entries.night(self.sleep(day, "night", minutes, up), whole(day.noise("upload").between(60.0, 2400.0)) + delay);
        if day.noise("nap").happens(self.naps) {
            let minutes = day.noise("nap length").between(25.0, 80.0);
            entries.night(self.sleep(day, "nap", minutes, 14.9), 1500);
        }
    }
}

impl Mat {
    fn sleep(&self, day: &Day, what: &str, minutes: f64, until: f64) -> Night {
        let stages = stages(day.noise(what), minutes);
        let in_bed: u16 = stages.iter().map(|it| it.1).sum();
        let start = day.at(until) - i64::from(in_bed) * 60;
        let noise = day.noise(what).named("vitals");
        let night = Night::asleep(&self.device, start, &stages).measured(|minute, state| vitals(noise, minute, state));
        let long = night.enddate - night.startdate > LONG_NIGHT;
        let index = |respect: &str, high: f64| if long { whole(noise.named(respect).between(2.0, high)) } else { -1 };
        let score = score(&night);
        let night = night.with([
            ("sleep_score", json!(score)),
            ("breathing_disturbances_intensity", json!(index("breath", 34.0))),
            ("apnea_hypopnea_index", json!(index("apnea", 9.0))),
        ]);
        if noise.named("slipped").happens(0.03) { without_heart(night) } else { night }
    }
}

/// The mat slipped: no heart rate, the fields are not there.
fn without_heart(mut night: Night) -> Night {
    for field in ["hr_average", "hr_min", "hr_max", "sleep_score"] {
        night.data.remove(field);
    }
    for segment in &mut night.segments {
        segment.vitals.clear();
    }
    night
}

/// 0 to 100: seven hours and little tossing are good.
fn score(night: &Night) -> i64 {
    let seconds = |field: &str| night.data[field].as_f64().unwrap_or_default();
    whole((seconds("total_sleep_time") / 25_200.0 * 80.0 - seconds("waso") / 240.0 + 5.0).clamp(10.0, 96.0))
}

/// About so many minutes in bed: falling asleep, cycles of light, deep, light and dreaming with wakings, waking up.
/// Deep sleep is early, dreams are late.
pub(super) fn stages(noise: Noise, minutes: f64) -> Vec<(u8, u16)> {
    let draw = |what: &str, low: f64, high: f64| minutes_of(noise.named(what).between(low, high));
    let goal = minutes_of(minutes);
    let mut stages = vec![(AWAKE, draw("falling asleep", 4.0, 24.0))];
    let mut slept = 0;
    for cycle in 0.. {
        let noise = noise.fork(cycle);
        let late = f64::from(slept) / f64::from(goal.max(1));
        let length = |what: &str, low: f64, high: f64| minutes_of(noise.named(what).between(low, high));
        let mut round = vec![
            (LIGHT, length("light", 16.0, 34.0)),
            (DEEP, minutes_of(noise.named("deep").around(34.0 * (1.0 - late), 8.0))),
            (LIGHT, length("lighter", 10.0, 24.0)),
            (REM, minutes_of(noise.named("dream").around(8.0 + 28.0 * late, 6.0))),
        ];
        if noise.named("waking").happens(0.35) {
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

/// Neighbours of the same stage are one.
fn joined(stages: &[(u8, u16)]) -> Vec<(u8, u16)> {
    stages.chunk_by(|a, b| a.0 == b.0).map(|run| (run[0].0, run.iter().map(|it| it.1).sum())).collect()
}

/// What is measured in a minute of this stage: calmer when deep, uneven in dreams.
pub(super) fn vitals(noise: Noise, minute: i64, state: u8) -> Vitals {
    let at = noise.fork(minute.unsigned_abs());
    let (hr, rr, rmssd, movement) = match state {
        AWAKE => (66.0, 16.0, 34.0, 40.0),
        DEEP => (53.0, 13.0, 58.0, 1.0),
        REM => (61.0, 15.5, 38.0, 6.0),
        _ => (57.0, 14.5, 46.0, 4.0),
    };
    let near = |what: u64, mean: f64, spread: f64| byte(at.fork(what).around(mean, spread));
    // Snoring comes in stretches of a quarter of an hour.
    let snores = state != AWAKE && noise.named("snores").fork(minute.unsigned_abs() / 900).happens(0.12);
    Vitals {
        hr: near(0, noise.named("night").around(hr, 5.0), 4.0),
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
