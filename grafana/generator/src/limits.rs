//! Where colours change, and who says so. A value without such a source stays neutral.

use crate::colours::{AWAKE, DEEP, LIGHT, REM};

/// Values at which the colour changes.
pub(crate) struct Limits {
    /// The colour below the first of them.
    pub(crate) below: &'static str,
    /// Each value with the colour from there on, in ascending order, in the metric's unit.
    pub(crate) steps: &'static [(f64, &'static str)],
    /// Where they come from, as a sentence for the description; empty where they are no more than a scale.
    pub(crate) source: &'static str,
}

/// Classes of the body mass index.
pub(crate) const BODY_MASS_INDEX: Limits = Limits {
    below: "blue",
    steps: &[(18.5, "green"), (25.0, "yellow"), (30.0, "orange"), (35.0, "red"), (40.0, "dark-red")],
    source: "The limits are the WHO's classes for adults: 18.5, 25, 30, 35, 40; not for children or in pregnancy.",
};

/// Oxygen saturation.
pub(crate) const OXYGEN: Limits = Limits {
    below: "red",
    steps: &[(93.0, "yellow"), (95.0, "green")],
    source: "The limits of oxygen are those of the NHS for oximetry at home: 95 % and more is expected, 93 and 94 % are \
             a reason to ask, 92 % and less an emergency.",
};

/// Body temperature.
pub(crate) const TEMPERATURE: Limits = Limits {
    below: "blue",
    steps: &[(35.0, "green"), (38.0, "orange"), (39.5, "red")],
    source: "Fever begins at 38.0 °C, 100.4 °F (CDC, NHS), and is high from 39.5 °C, 103.1 °F; below 35.0 °C, 95 °F, it is \
             blue.",
};

/// Pulse at rest: as the alerts have it, below the one and above the other.
pub(crate) const RESTING_PULSE: Limits = Limits {
    below: "blue",
    steps: &[(45.0, "green"), (101.0, "orange")],
    source: "A pulse at rest above 100 is called fast and is orange, one below 45 is slow and blue; of people in training \
             a slow one is common.",
};

/// Stiffness of the large arteries.
pub(crate) const PULSE_WAVE: Limits = Limits {
    below: "green",
    steps: &[(8.0, "yellow"), (10.0, "orange"), (12.0, "red")],
    source: "For the pulse wave 10 m/s is the marker of stiff arteries in guidelines, 8 and 12 m/s are steps of this dashboard; values \
             rise with age, so compare with your own trend.",
};

/// The guideline's marker alone.
pub(crate) const PULSE_WAVE_LINE: Limits =
    Limits { below: "transparent", steps: &[(10.0, "orange")], source: PULSE_WAVE.source };

/// Pauses in breathing for each hour of sleep.
pub(crate) const APNEA: Limits = Limits {
    below: "green",
    steps: &[(5.0, "yellow"), (15.0, "orange"), (30.0, "red")],
    source: "The limits of pauses in breathing are the degrees of sleep apnoea by the AASM: mild from 5, moderate from 15, severe from 30.",
};

/// How long somebody slept.
pub(crate) const ASLEEP: Limits = Limits {
    below: "red",
    steps: &[(18_000.0, "orange"), (21_600.0, "yellow"), (25_200.0, "green"), (34_200.0, "blue")],
    source: "Adults are advised to sleep 7 hours or more (AASM); 5, 6 and 9.5 hours are steps of this dashboard.",
};

/// Withings' score of a night.
pub(crate) const SCORE: Limits = Limits {
    below: "red",
    steps: &[(50.0, "yellow"), (75.0, "green")],
    source: "The limits of the score are Withings' own: below 50 low, from 75 high.",
};

/// How old a measurement is.
pub(crate) const STALE: Limits = Limits {
    below: "green",
    steps: &[(129_600.0, "yellow"), (604_800.0, "orange"), (2_592_000.0, "red")],
    source: "An age turns yellow after 36 hours, orange after a week, red after 30 days.",
};

/// How long a device has been silent.
pub(crate) const SILENT: Limits = Limits {
    below: "green",
    steps: &[(172_800.0, "yellow"), (604_800.0, "red")],
    source: "A device's last contact turns yellow after 2 days and red after a week.",
};

/// How long ago a refresh worked.
pub(crate) const REFRESH_AGE: Limits = Limits {
    below: "green",
    steps: &[(3_600.0, "yellow"), (21_600.0, "red")],
    source: "It turns yellow after an hour, and red after 6 hours.",
};

/// How long a call may be due.
pub(crate) const LAG: Limits = Limits {
    below: "transparent",
    steps: &[],
    source: "The dashed line is two intervals: an alert begins after 15 minutes beyond it.",
};

/// How long a token lives still.
pub(crate) const TOKEN: Limits = Limits {
    below: "red",
    steps: &[(0.0, "yellow"), (300.0, "green")],
    source: "Red is a token that has ended, yellow one that ends within 5 minutes.",
};

/// How many requests Withings allows.
pub(crate) const BUDGET: Limits = Limits {
    below: "transparent",
    steps: &[(100.0, "orange"), (120.0, "red")],
    source: "The lines are the default of requests_per_minute, 100, and what Withings allows an application, 120.",
};

/// The stages of a night by their numbers, for their colours.
pub(crate) const STAGE: Limits =
    Limits { below: "gray", steps: &[(0.5, DEEP), (1.5, LIGHT), (2.5, REM), (3.5, AWAKE)], source: "" };
