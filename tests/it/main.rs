//! The only integration crate: the program as its users meet it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod aiowithings;
mod captured;
mod cli;
mod compression;
mod config;
mod demo;
mod exposition;
mod flow;
mod household;
mod http_client;
mod judges;
mod page;
mod program;
mod prometheus;
mod python;
mod sim;
mod web;
mod world;
