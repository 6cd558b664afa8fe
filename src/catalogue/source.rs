//! Where values come from, and the labels that tell the readings of one measurement apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Call;

/// Where a value comes from: the call and what to take of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Measure types of `getmeas`.
    Measure {
        /// Withings' numbers of the measure types: one, or one for each place on the body.
        meastypes: &'static [u32],
        /// Which readings of these types stand for the person.
        position: Position,
        /// Whether a value typed in at account creation (attribution 4) counts.
        at_account_creation: bool,
        /// The power of ten from Withings' unit to ours: −3 where Withings gives ms.
        exponent: i32,
    },
    /// A measure type of `getmeas` whose value is a number of [`super::CLASSIFICATIONS`].
    Classification {
        /// Withings' number of the measure type.
        meastype: u32,
    },
    /// The same of an electrocardiogram; where `getmeas` has none, `afib` of `heart list`.
    EcgClassification {
        /// Withings' number of the measure type.
        meastype: u32,
    },
    /// The newest recordings in `heart list`.
    Heart(HeartFact),
    /// Every measure type of `getmeas` that no other row has.
    UnlistedMeasure,
    /// A field of the night's row in `getsummary`: the first of these that has a value.
    Summary {
        /// Field names, the preferred one first.
        fields: &'static [&'static str],
        /// The power of ten from Withings' unit to ours: −3 where Withings gives ms.
        exponent: i32,
    },
    /// What `getsummary` says about the last night by its rows alone.
    Night(NightFact),
    /// The segments of the last night in `sleep get`.
    NightSegments,
    /// The mean of `rmssd` over the last night's minutes in `sleep get`.
    NightVariability,
    /// A field of the newest minute in `sleep get`.
    SleepMinute(MinuteField),
    /// The `state` of the newest segment of `sleep get`.
    SleepState,
    /// Notifications that somebody got into or out of bed, which no call brings.
    BedEvent,
    /// Fields of the present day's row in `getactivity`: one, or one for each zone of the heart rate.
    Activity {
        /// Field names, in the order of [`super::ZONES`] if there are several.
        fields: &'static [&'static str],
    },
    /// The begin of the present day in `getactivity`.
    ActivityDay,
    /// The newest value of a field of `getintradayactivity`.
    Intraday {
        /// The field's name.
        field: &'static str,
        /// The power of ten from Withings' unit to ours: −3 where Withings gives ms.
        exponent: i32,
    },
    /// A field of `getgoals`.
    Goal {
        /// The field's name.
        field: &'static str,
    },
    /// The newest workout of each category in `getworkouts`.
    Workout(WorkoutFact),
    /// Each device of `getdevice`.
    Device(DeviceFact),
}

/// What the rows of `getsummary` say without their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NightFact {
    /// When the night began.
    Start,
    /// When the night ended.
    End,
    /// How long the naps since then were.
    Naps,
}

/// What `sleep get` says about each minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinuteField {
    /// `hr`, beats per minute.
    HeartRate,
    /// `rr`, breaths per minute.
    Respiratory,
    /// `rmssd`, ms.
    Rmssd,
}

/// What is taken of `heart list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartFact {
    /// The heart rate of an electrocardiogram.
    EcgHeartRate,
    /// What a stethoscope says about the valves.
    Stethoscope,
}

/// What is taken of a workout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkoutFact {
    /// When the workout began.
    Start,
    /// When the workout ended.
    End,
    /// A field of the workout's `data`: the first of these that has a value.
    Data(&'static [&'static str]),
    /// Fields of the workout's `data`, one for each of [`super::ZONES`].
    Zones(&'static [&'static str]),
}

/// What is taken of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFact {
    /// The kind of device and its model.
    Info,
    /// How full the battery is.
    Battery,
    /// When the device last spoke to Withings.
    LastSeen,
}

/// Which positions on the body a measure type may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Only the whole body: no position, 6 (between the legs) or 7 (whole body). A limb never stands in for it: a Body Scan
    /// sends the fat of a leg with the type of the whole body's (home-assistant/core#103291).
    WholeBody,
    /// Anywhere: the position only says where the reading was taken.
    Anywhere,
    /// Each position is a reading of its own, told apart by the label.
    Labelled,
    /// Each of the measure types is a place on the body; these are their names, in the same order.
    OfType(&'static [&'static str]),
}

/// A label beside `profile`, by which readings of one measurement differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelName {
    /// A place on the body ([`super::position_name`]).
    Position,
    /// Withings' number of a measure type.
    Meastype,
    /// The place of a segment in the night: `00`, `01` …
    Segment,
    /// The stage of sleep: one of [`super::SLEEP_STATES`], or `none` after getting up.
    Stage,
    /// The zone of the heart rate ([`super::ZONES`]).
    Zone,
    /// Withings' id of a device.
    Device,
    /// The category of a workout ([`super::workout_category`]) or of a device.
    Category,
    /// The model of a device.
    Model,
}

impl Source {
    /// The calls that bring the value; none where only a notification does.
    #[must_use]
    pub fn calls(&self) -> &'static [Call] {
        match self {
            Self::Measure { .. } | Self::Classification { .. } | Self::UnlistedMeasure => &[Call::Getmeas],
            Self::EcgClassification { .. } => &[Call::Getmeas, Call::HeartList],
            Self::Heart(_) => &[Call::HeartList],
            Self::Summary { .. } | Self::Night(_) => &[Call::Getsummary],
            Self::NightSegments | Self::NightVariability => &[Call::Getsummary, Call::SleepGet],
            Self::SleepState | Self::SleepMinute(_) => &[Call::SleepGet],
            Self::BedEvent => &[],
            Self::Activity { .. } | Self::ActivityDay => &[Call::Getactivity],
            Self::Intraday { .. } => &[Call::Getintradayactivity],
            Self::Goal { .. } => &[Call::Getgoals],
            Self::Workout(_) => &[Call::Getworkouts],
            Self::Device(_) => &[Call::Getdevice],
        }
    }

    /// The call and its field, as HELP and the documents name it: `getmeas type 1`, `getsummary hr_average`.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Measure { meastypes, .. } => {
                let types: Vec<_> = meastypes.iter().map(u32::to_string).collect();
                format!("getmeas type {}", types.join(" or "))
            }
            Self::Classification { meastype } => format!("getmeas type {meastype}"),
            Self::EcgClassification { meastype } => format!("getmeas type {meastype}, heart list afib"),
            Self::Heart(HeartFact::EcgHeartRate) => "heart list heart_rate".to_owned(),
            Self::Heart(HeartFact::Stethoscope) => "heart list vhd".to_owned(),
            Self::UnlistedMeasure => "getmeas, any other type".to_owned(),
            Self::Summary { fields, .. } => format!("getsummary {}", fields.join(" or ")),
            Self::Night(NightFact::Start) => "getsummary startdate".to_owned(),
            Self::Night(NightFact::End) => "getsummary enddate".to_owned(),
            Self::Night(NightFact::Naps) => "getsummary startdate and enddate of other sleep".to_owned(),
            Self::NightSegments => "sleep get startdate and state".to_owned(),
            Self::NightVariability => "sleep get rmssd, mean of the night".to_owned(),
            Self::SleepMinute(field) => format!("sleep get {}", field.name()),
            Self::SleepState => "sleep get state".to_owned(),
            Self::BedEvent => "notifications 50 and 51".to_owned(),
            Self::Activity { fields } => format!("getactivity {}", fields.join(", ")),
            Self::ActivityDay => "getactivity date and timezone".to_owned(),
            Self::Intraday { field, .. } => format!("getintradayactivity {field}"),
            Self::Goal { field } => format!("getgoals {field}"),
            Self::Workout(WorkoutFact::Start) => "getworkouts startdate".to_owned(),
            Self::Workout(WorkoutFact::End) => "getworkouts enddate".to_owned(),
            Self::Workout(WorkoutFact::Data(fields)) => format!("getworkouts {}", fields.join(" or ")),
            Self::Workout(WorkoutFact::Zones(fields)) => format!("getworkouts {}", fields.join(", ")),
            Self::Device(DeviceFact::Info) => "getdevice type and model".to_owned(),
            Self::Device(DeviceFact::Battery) => "getdevice battery".to_owned(),
            Self::Device(DeviceFact::LastSeen) => "getdevice last_session_date".to_owned(),
        }
    }
}

impl MinuteField {
    /// Every field.
    pub const ALL: [Self; 3] = [Self::HeartRate, Self::Respiratory, Self::Rmssd];

    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeartRate => "hr",
            Self::Respiratory => "rr",
            Self::Rmssd => "rmssd",
        }
    }

    /// The power of ten from Withings' unit to ours: −3 where Withings gives ms.
    #[must_use]
    pub fn exponent(self) -> i32 {
        if self == Self::Rmssd { -3 } else { 0 }
    }
}

impl LabelName {
    /// The label's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Meastype => "meastype",
            Self::Segment => "segment",
            Self::Stage => "stage",
            Self::Zone => "zone",
            Self::Device => "device",
            Self::Category => "category",
            Self::Model => "model",
        }
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
