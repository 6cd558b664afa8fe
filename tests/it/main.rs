//! The only integration crate: the program as its users meet it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod aiowithings;
mod browser;
mod budget;
mod captured;
mod certificates;
mod cli;
mod compression;
mod config;
mod daily;
mod demo;
mod exposition;
mod failures;
mod flow;
mod house;
mod household;
mod http_client;
mod installation;
mod judges;
mod kills;
mod layers;
mod page;
mod people;
mod permissions;
mod process;
mod program;
mod prometheus;
mod python;
mod readme;
mod reload;
mod restarts;
mod rotation;
mod secrets;
mod service;
mod shell;
mod sim;
mod sources;
mod terminal;
mod values;
mod web;
mod web_config;
mod webhooks;
mod world;
