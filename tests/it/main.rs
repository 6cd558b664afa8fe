//! The only integration crate: the program as its users meet it.
mod sim;

mod exposition;
