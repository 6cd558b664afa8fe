//! Colours that mean something, told apart in the dark and the light theme.

/// A value, its word and its colour.
pub(crate) type Words = &'static [(u8, &'static str, &'static str)];

pub(crate) const AWAKE: &str = "#F2CC0C";
pub(crate) const REM: &str = "#B877D9";
pub(crate) const LIGHT: &str = "#8AB8FF";
pub(crate) const DEEP: &str = "#1F60C4";

pub(crate) const FAT: &str = "#F2CC0C";
pub(crate) const MUSCLE: &str = "#E0604E";
pub(crate) const BONE: &str = "#B7B7B7";

/// From little to much effort.
pub(crate) const EFFORT: [&str; 4] = ["#96D98D", "#37872D", "#FF9830", "#E02F44"];

pub(crate) const HIGHEST: &str = "#FF7383";
pub(crate) const MEAN: &str = "#B877D9";
pub(crate) const LOWEST: &str = "#8AB8FF";
pub(crate) const AIM: &str = "#73BF69";

/// The classes of a blood pressure.
pub(crate) const BLOOD_PRESSURE_CLASSES: Words = &[
    (0, "normal", "green"),
    (1, "elevated", "yellow"),
    (2, "stage 1", "orange"),
    (3, "stage 2", "red"),
    (4, "severe", "dark-red"),
];

/// What an examination for atrial fibrillation has found.
pub(crate) const FIBRILLATION: Words =
    &[(0, "no sign", "green"), (1, "inconclusive", "yellow"), (2, "atrial fibrillation", "red")];

/// Whether something works.
pub(crate) const WORKS: Words = &[(0, "fails", "red"), (1, "works", "green")];

/// Whether Withings accepts a login.
pub(crate) const CONNECTED: Words = &[(0, "to be connected", "red"), (1, "connected", "green")];

/// Whether somebody is in bed.
pub(crate) const IN_BED: Words = &[(0, "no", "text"), (1, "yes", "blue")];

/// The stages of a night; what ends it is not drawn.
pub(crate) const STAGES: &[(&str, &str, &str)] = &[
    ("awake", "awake", AWAKE),
    ("rem", "REM", REM),
    ("light", "light", LIGHT),
    ("deep", "deep", DEEP),
    ("unknown", "unknown", "gray"),
    ("none", " ", "transparent"),
];

/// How full a battery is.
pub(crate) const BATTERY: &[(&str, &str, &str)] =
    &[("high", "high", "green"), ("medium", "medium", "yellow"), ("low", "low", "red"), ("unknown", "unknown", "text")];
