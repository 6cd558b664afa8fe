//! The only integration crate: the program as its users meet it.

mod aiowithings;
mod sim;
