//! The Withings API as types: what it says becomes ours here and travels no further.
//!
//! A [`request`] waits for its turn in the budget of [`crate::storage`] and is sent ([`client`]). Its answer is read while it comes ([`answer`]), its
//! status counts before its body ([`envelope`]), its foreign shapes ([`wire`]) become readings ([`measures`], [`sleep`],
//! [`activity`], [`workouts`], [`devices`], [`goals`]). Tokens are [`oauth`], their end is [`revoke`]; what Withings calls
//! us for is [`notify`].

pub mod activity;
pub mod answer;
pub mod client;
pub mod devices;
pub mod envelope;
pub mod error;
pub mod goals;
pub mod measures;
pub mod notify;
pub mod oauth;
pub mod request;
pub mod revoke;
pub mod sleep;
pub mod thin;
pub mod wire;
pub mod workouts;

use std::collections::BTreeMap;

use crate::telemetry::Unknown;
use measures::Context;
use wire::Float;

/// How far a time may lie ahead of the server's before it is not believed, seconds: a day.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// Whether a time (Unix seconds) is too far ahead of the server's time to be believed.
fn is_future(at: i64, server_now: i64) -> bool {
    at > server_now.saturating_add(AHEAD_SECONDS)
}

/// The number that stands under `name`; one that is not finite is not believed.
fn number(data: &BTreeMap<String, Float>, name: &str, context: &mut Context<'_>) -> Option<f64> {
    let value = data.get(name)?.0?;
    if !value.is_finite() {
        (context.unknown)(Unknown::BadNumber, &name);
    }
    Some(value).filter(|it| it.is_finite())
}
