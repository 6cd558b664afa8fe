//! Colours that mean something, told apart in the dark and the light theme.

/// A value, its word and its colour.
pub(crate) type Words = &'static [(u8, &'static str, &'static str)];

pub(crate) const AWAKE: &str = "#F2CC0C";
pub(crate) const REM: &str = "#B877D9";
pub(crate) const LIGHT: &str = "#8AB8FF";
pub(crate) const DEEP: &str = "#1F60C4";

pub(crate) const WEIGHT: &str = "#5794F2";
pub(crate) const BODY_MASS_INDEX: &str = "#B877D9";
pub(crate) const FAT: &str = "#F2CC0C";
pub(crate) const MUSCLE: &str = "#E0604E";
pub(crate) const BONE: &str = "#B7B7B7";

pub(crate) const WATER: &str = "#8AB8FF";
pub(crate) const OUTER_WATER: &str = "#1F60C4";

pub(crate) const SYSTOLIC: &str = "#FF7383";
pub(crate) const DIASTOLIC: &str = "#8AB8FF";
pub(crate) const PULSE: &str = "#E685B5";
pub(crate) const ELECTROCARDIOGRAM: &str = "#73C2BE";
pub(crate) const VESSELS: &str = "#FF9830";
pub(crate) const TEMPERATURE: &str = "#E685B5";
pub(crate) const SKIN: &str = "#FFCB7D";
pub(crate) const OXYGEN: &str = "#5794F2";
pub(crate) const GLUCOSE: &str = "#73C2BE";

/// From little to much effort.
pub(crate) const EFFORT: [&str; 4] = ["#96D98D", "#37872D", "#FF9830", "#E02F44"];

pub(crate) const HIGHEST: &str = "#FF7383";
pub(crate) const MEAN: &str = "#B877D9";
pub(crate) const LOWEST: &str = "#8AB8FF";
pub(crate) const AIM: &str = "#73BF69";

/// A limit that alerts have, and the one beyond it.
pub(crate) const LIMIT: &str = "orange";
pub(crate) const OUTER_LIMIT: &str = "red";

/// A paler shade of a colour, for the dots beside a line of the same colour.
pub(crate) fn pale(colour: &str) -> String {
    format!("{colour}66")
}

/// What an examination for atrial fibrillation has found.
pub(crate) const FIBRILLATION: Words =
    &[(0, "no sign", "green"), (1, "inconclusive", "yellow"), (2, "atrial fibrillation", "red")];

/// Whether something works.
pub(crate) const WORKS: Words = &[(0, "fails", "red"), (1, "works", "green")];

/// Whether Withings accepts a login.
pub(crate) const CONNECTED: Words = &[(0, "to be connected", "red"), (1, "connected", "green")];

/// Whether somebody is in bed.
pub(crate) const IN_BED: Words = &[(0, "no", "text"), (1, "yes", "blue")];

/// The stages of a night, from the deepest up.
pub(crate) const STAGES: Words =
    &[(0, "unknown", "gray"), (1, "deep", DEEP), (2, "light", LIGHT), (3, "REM", REM), (4, "awake", AWAKE)];

/// How full a battery is.
pub(crate) const BATTERY: &[(&str, &str, &str)] =
    &[("high", "high", "green"), ("medium", "medium", "yellow"), ("low", "low", "red"), ("unknown", "unknown", "text")];
