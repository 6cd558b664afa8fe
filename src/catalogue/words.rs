//! Withings' numbers in words: states and values of labels, as the API reference lists them
//! (<https://developer.withings.com/api-reference/>), and what was seen beyond it.

use std::borrow::Cow;

/// The states of `sleep_state`, in the order of exposition.
pub const SLEEP_STATES: &[&str] = &["unknown", "awake", "light", "deep", "rem"];

/// The zones of the heart rate, from the lowest.
pub const ZONES: &[&str] = &["light", "moderate", "intense", "maximal"];

/// The words of a battery; anything else is the last one.
pub const BATTERY_STATES: &[&str] = &["high", "medium", "low", "unknown"];

/// What a device says about an electrocardiogram or a pulse wave, by Withings' number; the last one stands for every
/// other number.
pub const CLASSIFICATIONS: &[&str] = &[
    "negative",
    "positive",
    "inconclusive",
    "no_signal",
    "other",
    "noise",
    "low_hr",
    "high_hr",
    "inconclusive_us",
    "negative_normal_hr",
    "negative_high_hr",
    "positive_normal_hr",
    "positive_high_hr",
    "no_diagnosis",
    "unknown",
];

/// What a stethoscope says about the valves of the heart. Withings documents no meanings of its numbers: they are taken for those
/// of `afib`, which stands beside them in each row. The last one stands for every other number.
pub const VALVE_STATES: &[&str] = &["negative", "positive", "inconclusive", "unknown"];

/// Positions on the body, by Withings' number.
const POSITIONS: &[&str] = &[
    "right_wrist",
    "left_wrist",
    "right_arm",
    "left_arm",
    "right_foot",
    "left_foot",
    "between_legs",
    "whole_body",
    "left_part",
    "right_part",
    "left_leg",
    "right_leg",
    "torso",
    "left_hand",
    "right_hand",
    "aortic",
    "pulmonic",
    "tricuspid",
    "mitral",
    "apex",
    "lung_front_upper_right",
    "lung_front_upper_left",
    "lung_front_lower_right",
    "lung_front_lower_left",
    "lung_back_upper_left",
    "lung_back_upper_right",
    "lung_back_lower_left",
    "lung_back_lower_right",
    "wide_mode",
    "between_arms",
    "hold_right",
    "hold_left",
];

/// The name of a position on the body; `None` for a number that is not in Withings' list.
#[must_use]
pub fn position_name(number: i64) -> Option<&'static str> {
    usize::try_from(number).ok().and_then(|place| POSITIONS.get(place)).copied()
}

/// The name of a workout's category; `None` for a number that is not in Withings' list.
#[must_use]
pub fn workout_category(number: i64) -> Option<&'static str> {
    let place = WORKOUTS.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    Some(WORKOUTS[place].1)
}

/// The label's value for a number that has a name or has none: `walk`, `category_533`. New numbers come without notice
/// (joostlek/python-withings#807), and must not fail an answer.
#[must_use]
pub fn named(name: Option<&'static str>, kind: &str, number: i64) -> Cow<'static, str> {
    name.map_or_else(|| format!("{kind}_{number}").into(), Cow::from)
}

#[rustfmt::skip]
const WORKOUTS: &[(i64, &str)] = &[
    (1, "walk"), (2, "run"), (3, "hiking"), (4, "skating"), (5, "bmx"), (6, "bicycling"), (7, "swimming"), (8, "surfing"),
    (9, "kitesurfing"), (10, "windsurfing"), (11, "bodyboard"), (12, "tennis"), (13, "table_tennis"), (14, "squash"),
    (15, "badminton"), (16, "lift_weights"), (17, "fitness"), (18, "elliptical"), (19, "pilates"), (20, "basketball"),
    (21, "soccer"), (22, "football"), (23, "rugby"), (24, "volleyball"), (25, "water_polo"), (26, "horse_riding"),
    (27, "golf"), (28, "yoga"), (29, "dancing"), (30, "boxing"), (31, "fencing"), (32, "wrestling"), (33, "martial_arts"),
    (34, "skiing"), (35, "snowboarding"), (36, "other"), (128, "no_activity"), (187, "rowing"), (188, "zumba"),
    (191, "baseball"), (192, "handball"), (193, "hockey"), (194, "ice_hockey"), (195, "climbing"), (196, "ice_skating"),
    (272, "multi_sport"), (306, "indoor_walk"), (307, "indoor_run"), (308, "indoor_cycle"), (455, "stand_up_paddle"),
    (456, "padel"), (457, "gaming"), (490, "beach_volleyball"), (491, "stair_stepper"), (492, "skateboard"),
    (493, "parkour"), (494, "kayak"), (495, "canoe"), (496, "sailing"), (497, "fishing"), (498, "trail_run"),
    (499, "snowshoe"), (500, "paintball"), (501, "archery"), (502, "scuba"), (503, "baseball_training"), (504, "biathlon"),
    (505, "bocce"), (506, "petanque"), (507, "paragliding"), (508, "frisbee"), (509, "skydiving"), (510, "pickleball"),
    (511, "cornhole"), (512, "dodgeball"), (513, "ultimate"), (514, "teqball"), (515, "wheelchair_run_pace"),
    (516, "wheelchair_walk_pace"), (517, "athletics"), (518, "track_cycling"), (519, "pentathlon"), (520, "sport_shooting"),
    (521, "triathlon"), (522, "diving"), (523, "mountain_biking"), (524, "gravel"), (525, "e_bike"),
    (526, "e_mountain_bike"), (527, "handcycle"), (528, "velomobile"), (529, "backcountry_ski"), (530, "nordic_ski"),
    (531, "roller_ski"), (532, "racquetball"), (534, "hip_hop"), (535, "muay_thai"), (536, "taekwondo"), (537, "judo"),
    (538, "trampoline"), (539, "standing_frame"), (540, "seated_strength"), (541, "seated_cardio"), (542, "walker"),
    (543, "cane"), (544, "breaking"), (545, "chores"), (546, "crossfit"), (547, "spin_class"), (548, "cricket"),
    (549, "flamenco"), (550, "hiit"), (551, "meditation"), (552, "stretching"), (553, "gardening"), (554, "cleaning"),
    (555, "public_speaking"), (556, "spikeball"), (557, "lacrosse"), (558, "baby_wearing"), (559, "dog_walking"),
    (560, "breathing_exercises"), (561, "balance_drills"), (562, "stroller"), (563, "toddler_wearing"), (564, "bowling"),
    (565, "laser_tag"), (566, "nordic_walking"), (567, "sumo"), (568, "cooking"),
];
