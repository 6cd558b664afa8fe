//! What an empty panel says: which device brings what it would show.

pub(super) const SCALE: &str = "No weigh-in in this time; it takes a scale";
pub(super) const BODY_SCALE: &str = "Nothing in this time; it takes a scale with body composition";
pub(super) const BODY_SCAN: &str = "Nothing in this time; it takes a Body Comp or Body Scan";
pub(super) const CUFF: &str = "Needs a pressure cuff";
pub(super) const PULSE: &str = "Nothing in this time; it takes a cuff, a scale or a sleep mat";
pub(super) const PULSE_WAVE: &str = "Nothing in this time; it takes a Body Cardio or Body Scan";
pub(super) const ELECTRODES: &str = "Needs ECG electrodes";
pub(super) const NIGHT: &str = "No night in this time; it takes a sleep mat or a watch";
pub(super) const TRACKER: &str = "No day in this time; it takes a watch, or the phone's steps";
pub(super) const WATCH: &str = "Nothing in this time; it takes a watch";
pub(super) const WATCH_OR_MAT: &str = "Nothing in this time; it takes a watch or a sleep mat";
pub(super) const THERMOMETER: &str = "Nothing in this time; it takes a thermometer";
pub(super) const GLUCOSE_METER: &str = "Nothing in this time; it takes a blood glucose meter";
pub(super) const URINE_ANALYSER: &str = "Nothing yet; it takes a U-Scan";
