//! How large the program is.

use std::fs;

use anyhow::Result;

use crate::figures::announce;
use crate::program;

/// What is wanted, bytes.
const WANTED: u64 = 12_000_000;

pub(crate) fn run() -> Result<()> {
    announce("size", "bytes of the release build");
    println!("{} bytes; wanted: at most {WANTED}", fs::metadata(program::exporter()?)?.len());
    Ok(())
}
