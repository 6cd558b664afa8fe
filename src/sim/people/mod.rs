//! Believable people from a seed, who live as long as the clock runs.
//!
//! | Name | Lives in | Story |
//! |---|---|---|
//! | `Alice` | Paris | loses weight, more slowly each year and less in winter; owns everything; naps now and then |
//! | `Bob` | New York | treated hypertension; a fever in the last days and every three months; sleeps with a watch |
//! | `Zoë` | Berlin | bought a scale and a sleep mat a few weeks ago |
//!
//! A day is a pure function of the seed, of the day on which the cloud began, and of itself. What holds for every day:
//! weight is fat-free mass and fat mass; sleep is light, deep and dreaming; efficiency is sleep over time in bed.
//! What happens now and then, because it does: late uploads, manual entries, somebody else on the scale, a goal among
//! the measurements, another power of ten for the same type, missing values as null, −1 or nothing.

mod body;
mod cast;
mod cuff;
mod day;
mod hand;
mod mat;
mod scale;
mod story;
mod thermometer;
mod watch;

#[cfg(test)]
mod tests;

use super::UserId;

pub(super) use cast::{demo, household};
pub(super) use story::Story;

/// The user id of `Alice`.
pub const ALICE: UserId = 30_817_294;
/// The user id of `Bob`.
pub const BOB: UserId = 30_817_305;
/// The user id of `Zoë`.
pub const ZOE: UserId = 30_817_318;
/// The user id of Withings' demo user.
pub const DEMO_USER: UserId = 30_817_001;
