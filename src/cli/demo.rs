//! The flags of `demo`.

use std::path::PathBuf;

use clap::Args;

use super::Label;

/// What is shown, and what is written first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct DemoFlags {
    /// Serve the captured answers in this directory instead of a simulation.
    #[arg(long = "demo.replay", value_name = "DIR", env = "WITHINGS_EXPORTER_DEMO_REPLAY")]
    pub replay: Option<PathBuf>,

    /// First write the people's history to this file.
    #[arg(long = "demo.backfill", value_name = "FILE", env = "WITHINGS_EXPORTER_DEMO_BACKFILL")]
    pub backfill: Option<PathBuf>,

    /// A label for every series of that file; repeat the flag for several. With `job` and `instance` as in Prometheus'
    /// targets, history and live scrapes are the same series.
    #[arg(long = "demo.label", value_name = "NAME=VALUE", requires = "backfill")]
    pub labels: Vec<Label>,
}
