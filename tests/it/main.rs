//! The only integration crate: the program as its users meet it.
mod sim;

#![allow(clippy::unwrap_used, reason = "a panic is the message of a test")]

mod exposition;
mod http_client;
mod web;
