//! Who the people are.

use super::alice::alice;
use super::bob::bob;
use super::newcomer::newcomer;
use super::{DEMO_USER, ZOE};
use crate::sim::person::{Person, Resident};
use crate::zone::Zone;

/// The three, with so many years behind them.
pub(in crate::sim) fn household(seed: u64, years: u16, now: i64) -> Vec<Resident> {
    let days = u64::from(years) * 365;
    vec![
        alice(seed, days, now),
        bob(seed, days, now),
        newcomer(Person::new(ZOE, "Zoë", Zone::known("Asia/Tokyo")), seed, now),
    ]
}

/// Withings' demo user, a newcomer whom the consent page does not offer.
pub(in crate::sim) fn demo(seed: u64, now: i64) -> Resident {
    let person = Person::new(DEMO_USER, "Demo", Zone::UTC);
    Resident { offered: false, ..newcomer(person, seed, now) }
}
