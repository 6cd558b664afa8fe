//! `measurements`: the catalogue.

use std::io::Write;

use anyhow::Result;

use crate::catalogue;
use crate::cli::CatalogueFormat;

/// Prints the catalogue in `format`.
pub(super) fn run(format: CatalogueFormat, out: &mut dyn Write) -> Result<()> {
    Ok(out.write_all(catalogue::document(format.into()).as_bytes())?)
}
