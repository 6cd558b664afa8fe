//! The Withings API as types: what it says becomes ours here and travels no further.
//!
//! A request waits for its turn ([`pace`]), is sent and opened ([`client`]), its status is read before its body
//! ([`envelope`]), its foreign shapes ([`wire`]) become readings ([`measures`], [`sleep`], [`activity`], [`workouts`],
//! [`devices`], [`goals`]). Tokens are [`oauth`], their end is [`revoke`].

pub mod activity;
pub mod client;
pub mod devices;
pub mod envelope;
pub mod goals;
pub mod measures;
pub mod oauth;
pub mod pace;
pub mod revoke;
pub mod sleep;
pub mod wire;
pub mod workouts;

use std::collections::BTreeMap;

use crate::catalogue::Unit;
use crate::telemetry::Unknown;
use measures::Context;
use wire::Float;

/// How far a time may lie ahead of the server's before it is not believed, seconds: a day.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// Whether a time (Unix seconds) is too far ahead of the server's time to be believed.
fn is_future(at: i64, server_now: i64) -> bool {
    at > server_now.saturating_add(AHEAD_SECONDS)
}

/// `value` × 10^`exponent`, finite. Dividing by a power of ten is exact in f64 where multiplying by its inverse is wrong in
/// one case of five; for the same reason several exponents are added and not applied one after another.
fn scaled(value: f64, exponent: i32) -> Option<f64> {
    let power = 10_f64.powi(exponent.abs());
    let scaled = if exponent < 0 { value / power } else { value * power };
    scaled.is_finite().then_some(scaled)
}

/// −1 means that there is no value, negative durations were seen, and nobody has a heart or breathing rate or a temperature
/// of 0.
fn means_something(value: f64, unit: Unit) -> bool {
    match unit {
        Unit::BeatsPerMinute | Unit::BreathsPerMinute | Unit::DegreesCelsius => value > 0.0,
        _ => value >= 0.0,
    }
}

/// The number that stands under `name`; one that is not finite is not believed.
fn number(data: &BTreeMap<String, Float>, name: &str, context: &mut Context<'_>) -> Option<f64> {
    let value = data.get(name)?.0?;
    if !value.is_finite() {
        (context.unknown)(Unknown::BadNumber, &name);
    }
    Some(value).filter(|it| it.is_finite())
}
