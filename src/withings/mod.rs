//! The Withings API as types: what it says becomes ours here and travels no further.
//!
//! A [`request`] waits for its turn in the budget of [`crate::storage`] and is sent ([`client`]). Its answer is read while
//! it comes ([`streaming_decoder`]), its status counts before its body ([`envelope`]), and what fails says what to do
//! ([`error`]). Each call that brings data is a file of [`calls`]. Tokens are [`oauth`], their end is [`revoke`]; what
//! Withings calls us for is [`notify`].

pub mod appli;
pub mod calls;
pub mod client;
pub mod envelope;
pub mod error;
pub mod notify;
pub mod oauth;
pub mod prune;
pub mod request;
pub mod revoke;
pub mod rows;
pub mod streaming_decoder;
pub mod wire;
