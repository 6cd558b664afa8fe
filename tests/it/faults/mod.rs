//! Everything that can go wrong, one row and one test case for each: what tells of it, what is shown meanwhile, when it is
//! tried again, and that the values are right again after its end without a restart.
//!
//! docs/faults.md shows the same rows; `UPDATE_EXPECT=1` writes them anew.

mod check;
mod disk;
mod kills;
mod network;
mod row;
mod served;
mod soak;
mod table;
