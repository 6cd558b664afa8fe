//! The people of a seeded cloud, and the demo user.

use super::alice::alice;
use super::bob::bob;
use super::newcomer::newcomer;
use super::{DEMO_USER, ZOE};
use crate::sim::person::Person;
use crate::sim::user::User;
use crate::zone::Zone;

/// Alice and Bob with so many years of rows, and Zoë with two weeks, in these zones.
pub(in crate::sim) fn household(seed: u64, years: u16, zones: [Zone; 3], now: i64) -> Vec<User> {
    let days = u64::from(years) * 365;
    let [of_alice, of_bob, of_zoe] = zones;
    vec![
        alice(of_alice, seed, days, now),
        bob(of_bob, seed, days, now),
        newcomer(Person::new(ZOE, "Zoë", of_zoe), seed, now),
    ]
}

/// Withings' demo user, a newcomer whom the consent page does not offer.
pub(in crate::sim) fn demo(seed: u64, now: i64) -> User {
    let person = Person::new(DEMO_USER, "Demo", Zone::UTC);
    User { offered: false, ..newcomer(person, seed, now) }
}
