//! A night or a nap: the stages of sleep, the vital signs of each minute, and the summary of both.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::device::Device;

/// The state of a segment: awake in bed.
pub const AWAKE: u8 = 0;
/// The state of a segment: light sleep.
pub const LIGHT: u8 = 1;
/// The state of a segment: deep sleep.
pub const DEEP: u8 = 2;
/// The state of a segment: dreaming.
pub const REM: u8 = 3;

/// The movement of a minute in which somebody moves, on Withings' scale from 0 to 255.
const MOVING: u8 = 60;

const MINUTE: i64 = 60;
/// Heart rate variability is averaged over so many minutes at either end of the night.
const HRV_MINUTES: usize = 90;

/// A stretch of sleep: a row of `getsummary`, and its segments in `sleep get`.
#[derive(Clone, Debug)]
pub struct Night {
    /// Into bed, Unix seconds.
    pub startdate: i64,
    /// Out of bed, Unix seconds.
    pub enddate: i64,
    /// What measured it.
    pub device: Arc<Device>,
    /// Whether the night is over, if said. It is documented since 2026, and no answer of the fixtures has it.
    pub completed: Option<bool>,
    /// Every summary field, whether asked for by default or not; a value may be null or −1.
    pub data: Map<String, Value>,
    /// The stages, in order of time.
    pub segments: Vec<Segment>,
}

/// A stretch of one stage.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Begin, Unix seconds.
    pub startdate: i64,
    /// End, Unix seconds.
    pub enddate: i64,
    /// [`AWAKE`], [`LIGHT`], [`DEEP`], [`REM`], or any other number that the service might send.
    pub state: u8,
    /// One entry for each minute, or none at all.
    pub vitals: Vec<Vitals>,
}

/// The vital signs of one minute of sleep.
#[derive(Clone, Copy, Debug)]
pub struct Vitals {
    /// Heart rate, beats per minute.
    pub hr: u8,
    /// Breathing rate, breaths per minute.
    pub rr: u8,
    /// Snoring, seconds of the minute.
    pub snoring: u8,
    /// Heart rate variability, successive differences, ms.
    pub rmssd: u8,
    /// Heart rate variability, standard deviation, ms.
    pub sdnn: u8,
    /// Movement, 0 to 255.
    pub movement: u8,
}

impl Night {
    /// A night from `startdate` on through these stages, each with its length in minutes, and their summary; no vital
    /// signs.
    #[must_use]
    pub fn asleep(device: &Arc<Device>, startdate: i64, stages: &[(u8, u16)]) -> Self {
        let mut enddate = startdate;
        let segments = stages.iter().map(|&(state, minutes)| {
            let startdate = enddate;
            enddate += i64::from(minutes) * MINUTE;
            Segment { startdate, enddate, state, vitals: Vec::new() }
        });
        let segments: Vec<_> = segments.collect();
        let data = stage_summary(&segments, startdate, enddate);
        Self { startdate, enddate, device: Arc::clone(device), completed: None, data, segments }
    }

    /// A night of which only the length is known, as other companies' trackers send it; `asleep` in seconds. There are
    /// no segments, and as seen in the fixtures the durations of the stages are null.
    #[must_use]
    pub fn unstaged(device: &Arc<Device>, startdate: i64, enddate: i64, asleep: i64) -> Self {
        let data = into_map(json!({
            "asleepduration": asleep,
            "total_timeinbed": enddate - startdate,
            "lightsleepduration": null,
            "deepsleepduration": null,
            "remsleepduration": null,
        }));
        Self { startdate, enddate, device: Arc::clone(device), completed: None, data, segments: Vec::new() }
    }

    /// The same night with the vital signs that `measure` gives for each minute (its begin in Unix seconds, and the
    /// state) and their summary.
    #[must_use]
    pub fn measured(mut self, measure: impl Fn(i64, u8) -> Vitals) -> Self {
        for segment in &mut self.segments {
            segment.vitals = segment.minutes().map(|minute| measure(minute, segment.state)).collect();
        }
        let minutes: Vec<_> = self.segments.iter().flat_map(|segment| &segment.vitals).copied().collect();
        self.data.extend(vitals_summary(&minutes));
        self
    }

    /// The same night with these further summary fields.
    #[must_use]
    pub fn with(mut self, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.data.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }
}

impl Segment {
    /// The begin of each of the segment's minutes, Unix seconds.
    pub(super) fn minutes(&self) -> impl Iterator<Item = i64> + use<> {
        (self.startdate..self.enddate).step_by(60)
    }

    fn seconds(&self) -> i64 {
        self.enddate - self.startdate
    }
}

fn stage_summary(segments: &[Segment], startdate: i64, enddate: i64) -> Map<String, Value> {
    let total = |state| segments.iter().filter(|segment| segment.state == state).map(Segment::seconds).sum::<i64>();
    let asleep = total(LIGHT) + total(DEEP) + total(REM);
    let in_bed = enddate - startdate;
    let slept = |segment: &&Segment| segment.state != AWAKE;
    let fell_asleep = segments.iter().find(slept).map_or(enddate, |segment| segment.startdate);
    let woke_up = segments.iter().rfind(slept).map_or(enddate, |segment| segment.enddate);
    let within =
        |segment: &&Segment| segment.state == AWAKE && segment.startdate >= fell_asleep && segment.enddate <= woke_up;
    let wakings: Vec<_> = segments.iter().filter(within).collect();
    let fields = json!({
        "lightsleepduration": total(LIGHT),
        "deepsleepduration": total(DEEP),
        "remsleepduration": total(REM),
        "total_sleep_time": asleep,
        "total_timeinbed": in_bed,
        "sleep_efficiency": efficiency(asleep, in_bed),
        "sleep_latency": fell_asleep - startdate,
        "durationtosleep": fell_asleep - startdate,
        "wakeup_latency": enddate - woke_up,
        "durationtowakeup": enddate - woke_up,
        "waso": wakings.iter().map(|waking| waking.seconds()).sum::<i64>(),
        "wakeupduration": total(AWAKE),
        "wakeupcount": wakings.len(),
        "nb_rem_episodes": segments.iter().filter(|segment| segment.state == REM).count(),
        "out_of_bed_count": 0,
    });
    into_map(fields)
}

/// A ratio of two decimals.
fn efficiency(asleep: i64, in_bed: i64) -> f64 {
    if in_bed == 0 { 0.0 } else { (asleep as f64 / in_bed as f64 * 100.0).round() / 100.0 }
}

fn vitals_summary(minutes: &[Vitals]) -> Map<String, Value> {
    let snores = |minute: &Vitals| minute.snoring > 0;
    let episodes = minutes.chunk_by(|a, b| snores(a) == snores(b)).filter(|run| snores(&run[0])).count();
    // Snoring is heard; other sounds of breathing the people of the simulator do not make.
    let snoring: u32 = minutes.iter().map(|minute| u32::from(minute.snoring)).sum();
    let moving = minutes.iter().filter(|minute| minute.movement > MOVING).count();
    let part = minutes.len().min(HRV_MINUTES);
    let mut fields = into_map(json!({
        "snoring": snoring,
        "snoringepisodecount": episodes,
        "breathing_sounds": snoring,
        "breathing_sounds_episode_count": episodes,
        "mvt_active_duration": moving * 60,
        "mvt_score_avg": mean(minutes, |minute| minute.movement),
        "rmssd_start_avg": mean(&minutes[..part], |minute| minute.rmssd),
        "rmssd_end_avg": mean(&minutes[minutes.len() - part..], |minute| minute.rmssd),
    }));
    fields.extend(rates("hr", minutes, |minute| minute.hr));
    fields.extend(rates("rr", minutes, |minute| minute.rr));
    fields
}

/// Average, minimum and maximum; null of nothing.
fn rates(name: &str, minutes: &[Vitals], of: impl Fn(&Vitals) -> u8 + Copy) -> [(String, Value); 3] {
    [
        (format!("{name}_average"), json!(mean(minutes, of))),
        (format!("{name}_min"), json!(minutes.iter().map(of).min())),
        (format!("{name}_max"), json!(minutes.iter().map(of).max())),
    ]
}

/// The rounded average; `None` of nothing.
fn mean(minutes: &[Vitals], of: impl Fn(&Vitals) -> u8) -> Option<usize> {
    let sum: usize = minutes.iter().map(|minute| usize::from(of(minute))).sum();
    (sum + minutes.len() / 2).checked_div(minutes.len())
}

/// The map that a `json!({…})` is.
pub(super) fn into_map(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
