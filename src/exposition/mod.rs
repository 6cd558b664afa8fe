//! Samples → bytes: what a scrape is answered with and what a history is written as.
//!
//! `samples` says once what a snapshot or a reading means: names, labels, values and times. OpenMetrics, the text format
//! 0.0.4 and CSV are writers of samples. A page, or a shard of it, is kept for a second at most in each format and encoding
//! (`page_cache`), as long as nothing was published and no value in it has ended.

mod csv;
mod family;
mod negotiation;
mod page_cache;
mod part;
mod samples;
mod selection;
mod self_metrics;
mod text;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::clock::ServerClock;
use crate::process::Process;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

pub use csv::CsvWriter;
pub use family::{Family, own_labels};
pub use negotiation::{Encoding, Format, negotiate};
pub use page_cache::PageKind;
use page_cache::{PageCache, Sources};
pub use part::{InvalidPart, Part, Shard};
pub use samples::{Sample, of_time, of_value, samples};
pub use selection::FamilySelection;
pub use text::TextWriter;

/// The source of pages. Cheap to clone; clones share what was made.
#[derive(Clone)]
pub struct Exposition(Arc<PageCache>);

/// Whether the exporter's own metrics are shown.
#[derive(Clone, Copy, Debug)]
pub enum SelfMetrics {
    /// They are not.
    Hidden,
    /// They are, and this reads those of the process ([`Process::read`]); they are left out where it gives none.
    Shown {
        /// Called for each page that is made; must not block for long.
        process: fn() -> Option<Process>,
    },
}

/// A format that samples are written in.
pub trait SampleWriter {
    /// Whether a sample has a place in this format.
    #[must_use]
    fn takes(_: &Sample<'_>) -> bool {
        true
    }

    /// Writes a sample. All samples of a family must come one after the other, and so must those of a series.
    fn write(&mut self, sample: &Sample<'_>) -> io::Result<()>;

    /// Ends what is written, and flushes it.
    fn end(self) -> io::Result<()>;
}

impl Exposition {
    /// Pages of the newest of `snapshots`, with values that end by themselves judged by `clock`. The blocking threads of
    /// `rendering` make them.
    #[must_use]
    pub fn new(
        snapshots: watch::Receiver<Snapshot>,
        telemetry: Telemetry,
        clock: ServerClock,
        self_metrics: SelfMetrics,
        rendering: Handle,
    ) -> Self {
        Self(Arc::new(PageCache::new(Sources { snapshots, telemetry, clock, self_metrics, rendering })))
    }

    /// The present page. Waits for a rendering at most, never for the network; cancel safe. `place` is what the scrape takes up: a
    /// rendering that has begun goes on when the scrape is given up, and keeps it until it has ended.
    pub async fn page(&self, kind: PageKind, place: impl Send + 'static) -> Bytes {
        self.0.page(kind, place).await
    }

    /// The present page with some of its families, made for one scrape alone and not kept. `place` is as in [`Self::page`].
    pub async fn page_of(&self, kind: PageKind, families: FamilySelection, place: impl Send + 'static) -> Bytes {
        self.0.page_of(kind, families, place).await
    }
}
