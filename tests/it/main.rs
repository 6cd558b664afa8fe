//! The only integration crate: the program as its users meet it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod aiowithings;
mod captured;
mod cli;
mod compression;
mod config;
mod demo;
mod exposition;
mod failures;
mod flow;
mod house;
mod household;
mod http_client;
mod judges;
mod layers;
mod page;
mod process;
mod program;
mod prometheus;
mod python;
mod readme;
mod restarts;
mod shell;
mod sim;
mod sources;
mod values;
mod web;
mod world;
