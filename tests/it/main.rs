//! The only integration crate: the program as its users meet it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod aiowithings;
mod cli;
mod config;
mod exposition;
mod flow;
mod http_client;
mod kills;
mod rotation;
mod sim;
mod web;
mod world;
