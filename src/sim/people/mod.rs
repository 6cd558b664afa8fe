//! Believable people, generated from a seed as the clock moves.
//!
//! * `Alice` owns everything. She loses weight, more slowly each year and less in winter, naps now and then,
//!   and has a fever when the cloud begins and every half year before.
//! * `Bob` has high blood pressure, which a treatment brings down, not always far enough, and atrial
//!   fibrillation on the evening before the cloud begins. He has sleep apnoea, and counts steps by phone.
//! * `Zoë` bought a scale two weeks ago, and a sleep mat some days later.
//!
//! A day is a pure function of the seed, of the day on which the cloud began, and of itself. What holds for every day:
//! weight is fat-free mass and fat mass; sleep is light, deep and dreaming; efficiency is sleep over time in bed; who
//! moves burns more than who rests; a workout ends on its day. A day's totals grow from hour to hour. What misleads
//! readers of the real service happens now and then: late uploads, manual entries, somebody else on the scale, a goal
//! among the measurements, another power of ten for the same type, missing values as null, −1, 0 or nothing, a phone
//! that counts the watch's steps again, a device that is listed twice.

mod alice;
mod bob;
mod body;
mod cuff;
mod day;
mod effort;
mod feet;
mod fever;
mod generator;
mod glucometer;
mod heart;
mod household;
mod manual_entry;
mod mat;
mod newcomer;
mod pedometer;
mod phone;
mod profile;
mod scale;
mod sport;
mod thermometer;
mod urine;
mod watch;

#[cfg(test)]
mod tests;

use super::UserId;

pub(super) use generator::Generator;
pub(super) use household::{demo, household};

/// The user id of `Alice`.
pub const ALICE: UserId = 30_817_294;
/// The user id of `Bob`.
pub const BOB: UserId = 30_817_305;
/// The user id of `Zoë`.
pub const ZOE: UserId = 30_817_318;
/// The user id of Withings' demo user.
pub const DEMO_USER: UserId = 30_817_001;
