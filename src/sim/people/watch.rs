//! The watch: blood oxygen each morning, fitness each month, and the night of who wears it in bed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::day::{Day, whole};
use super::mat::{stages, vitals};
use super::story::{Entries, Gear};
use crate::sim::device::Device;
use crate::sim::measure::{Measure, MeasureGroup};
use crate::sim::night::Night;

const OXYGEN: u32 = 54;
const FITNESS: u32 = 123;

/// Uploaded when the phone's application runs, hours later.
const UPLOAD_SECONDS: i64 = 2 * 3600;

pub(super) struct Watch {
    pub(super) device: Arc<Device>,
    /// Whether it writes nights.
    pub(super) worn_at_night: bool,
}

impl Gear for Watch {
    fn device(&self) -> Option<&Arc<Device>> {
        Some(&self.device)
    }

    fn live(&self, day: &Day, entries: &mut Entries<'_>) {
        let date = day.at(day.noise("watch").around(5.5, 1.0));
        let oxygen = Measure::new(OXYGEN, whole(day.noise("oxygen").around(96.2, 2.0)).min(100), 0);
        entries.group(MeasureGroup::new(date, [oxygen]).by(&self.device), UPLOAD_SECONDS);
        if day.is_every(30) {
            let fitness = Measure::new(FITNESS, whole(day.noise("fitness").around(38.0, 1.5) * 10.0), -1);
            entries.group(MeasureGroup::new(date + 60, [fitness]).by(&self.device), UPLOAD_SECONDS);
        }
        if self.worn_at_night {
            entries.night(self.night(day), UPLOAD_SECONDS);
        }
    }
}

impl Watch {
    /// A watch knows the heart and guesses the stages; breath and snoring it does not know, in three ways.
    fn night(&self, day: &Day) -> Night {
        let stages = stages(day.noise("watch night"), 420.0);
        let minutes: u16 = stages.iter().map(|it| it.1).sum();
        let start = day.at(6.3) - i64::from(minutes) * 60;
        let noise = day.noise("watch vitals");
        let mut night =
            Night::asleep(&self.device, start, &stages).measured(|minute, state| vitals(noise, minute, state));
        for unknown in ["snoring", "snoringepisodecount", "mvt_score_avg"] {
            night.data.remove(unknown);
        }
        night.with([
            ("rr_average", Value::Null),
            ("rr_min", Value::Null),
            ("rr_max", Value::Null),
            ("breathing_disturbances_intensity", json!(-1)),
            ("apnea_hypopnea_index", json!(-1)),
        ])
    }
}
