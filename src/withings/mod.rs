//! The Withings API as types: what it says becomes ours here and travels no further.
//!
//! A request waits for its turn ([`pace`]), is sent and opened ([`client`]), its status is read before its body
//! ([`envelope`]), its foreign shapes ([`wire`]) become readings ([`measures`], [`sleep`]). Tokens are
//! [`oauth`], their end is [`revoke`]; what Withings calls us for is [`notify`].

pub mod client;
pub mod envelope;
pub mod measures;
pub mod notify;
pub mod oauth;
pub mod pace;
pub mod revoke;
pub mod sleep;
pub mod wire;

/// How far a time may lie ahead of the server's before it is not believed, seconds: a day.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// Whether a time (Unix seconds) is too far ahead of the server's time to be believed.
fn is_future(at: i64, server_now: i64) -> bool {
    at > server_now.saturating_add(AHEAD_SECONDS)
}
