//! The simulated Withings cloud, as a program that speaks HTTP meets it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message, also outside of the test functions")]

mod dana;
mod data;
mod limits;
mod login;
mod moving;
mod notify;
mod replay;
pub(crate) mod server;
mod skin;
mod vitals;
