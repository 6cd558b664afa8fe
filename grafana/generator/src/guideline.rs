//! The guidelines for blood pressure at home, of which the rules in `deploy/prometheus` choose one.

use crate::colours::Words;
use crate::limits::Limits;

/// What a guideline calls high.
pub(crate) struct Guideline {
    /// As the series `withings_guideline` names it.
    pub(crate) name: &'static str,
    pub(crate) systolic: Limits,
    pub(crate) diastolic: Limits,
    /// The classes of a reading: a number, its word and its colour, which is that of the limit where the class begins.
    pub(crate) classes: Words,
}

/// Both guidelines; the first counts where none is chosen.
pub(crate) const GUIDELINES: [Guideline; 2] = [
    Guideline {
        name: "esh",
        systolic: Limits {
            below: "blue",
            steps: &[(90.0, "green"), (135.0, "orange"), (181.0, "dark-red")],
            source: SOURCE,
        },
        diastolic: Limits { below: "green", steps: &[(85.0, "orange"), (121.0, "dark-red")], source: SOURCE },
        classes: &[(0, "not high", "green"), (1, "high", "orange"), (2, "severe", "dark-red")],
    },
    Guideline {
        name: "acc_aha",
        systolic: Limits {
            below: "blue",
            steps: &[(90.0, "green"), (120.0, "yellow"), (130.0, "orange"), (135.0, "red"), (181.0, "dark-red")],
            source: SOURCE,
        },
        diastolic: Limits {
            below: "green",
            steps: &[(80.0, "orange"), (85.0, "red"), (121.0, "dark-red")],
            source: SOURCE,
        },
        classes: &[
            (0, "normal", "green"),
            (1, "elevated", "yellow"),
            (2, "stage 1", "orange"),
            (3, "stage 2", "red"),
            (4, "severe", "dark-red"),
        ],
    },
];

const SOURCE: &str = "Blood pressure at home is high from 135/85 mmHg by ESH; by ACC/AHA, if the alert rules choose it, \
                      elevated from 120, stage 1 from 130/80, stage 2 from 135/85. Severe is above 180/120 in both, \
                      and a systolic value below 90 is blue.";

impl Guideline {
    /// The number of the class that begins where a limit has this colour: what is low is in the first class too.
    pub(crate) fn class(&self, colour: &str) -> u8 {
        self.classes.iter().find(|(_, _, of_class)| *of_class == colour).map_or(0, |(number, ..)| *number)
    }
}
