//! The only integration crate: the program as its users meet it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod aiowithings;
mod cli;
mod config;
mod exposition;
mod flow;
mod house;
mod http_client;
mod layers;
mod program;
mod readme;
mod sim;
mod sources;
mod web;
mod world;
