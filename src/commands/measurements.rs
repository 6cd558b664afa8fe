//! `measurements`: the catalogue.

use std::io::Write;

use anyhow::Result;

use crate::catalogue::{self, DocumentFormat};

/// Prints the catalogue in `format`.
pub(super) fn run(format: DocumentFormat, out: &mut dyn Write) -> Result<()> {
    Ok(out.write_all(catalogue::document(format).as_bytes())?)
}
