//! Samples → bytes: what a scrape is answered with and what a history is written as.
//!
//! `samples` says once what a snapshot or a reading means: names, labels, values and times. OpenMetrics, the text format
//! 0.0.4 and CSV are writers of samples. The page of each format and encoding is kept for a second at most (`page_cache`),
//! as long as nothing was published and no value in it has ended.

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
pub use negotiation::{Encoding, Escaping, Format, negotiate};
use page_cache::{CachedPage, Sources};
pub use part::{InvalidPart, Part, Shard};
pub use samples::{Sample, of_time, of_value, samples};
pub use selection::{FamilySelection, Selection};
pub use text::TextWriter;

/// The source of pages. Cheap to clone; clones share what was made.
#[derive(Clone)]
pub struct Exposition(Arc<Pages>);

struct Pages {
    sources: Sources,
    openmetrics: Arc<CachedPage>,
    openmetrics_gzip: Arc<CachedPage>,
    text: Arc<CachedPage>,
    text_gzip: Arc<CachedPage>,
}

/// Whether the exporter's own metrics are shown.
#[derive(Clone, Copy, Debug)]
pub enum SelfMetrics {
    /// They are not.
    Hidden,
    /// They are, and this reads those of the process ([`Process::read`]); they are left out where it gives none.
    Shown {
        /// Called at most once a second for each format and encoding, and for each page with a selection; must not block
        /// for long.
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
        let sources = Sources { snapshots, telemetry, clock, self_metrics, rendering };
        let page = |format, encoding| Arc::new(CachedPage::new(format, encoding, sources.clone()));
        Self(Arc::new(Pages {
            openmetrics: page(Format::OPENMETRICS, Encoding::Identity),
            openmetrics_gzip: page(Format::OPENMETRICS, Encoding::Gzip),
            text: page(Format::Text, Encoding::Identity),
            text_gzip: page(Format::Text, Encoding::Gzip),
            sources,
        }))
    }

    /// The present page. Waits for a rendering at most, never for the network; cancel safe.
    pub async fn page(&self, format: Format, encoding: Encoding) -> Bytes {
        let page = match (format, encoding) {
            (Format::OpenMetrics { .. }, Encoding::Identity) => &self.0.openmetrics,
            (Format::OpenMetrics { .. }, Encoding::Gzip) => &self.0.openmetrics_gzip,
            (Format::Text, Encoding::Identity) => &self.0.text,
            (Format::Text, Encoding::Gzip) => &self.0.text_gzip,
        };
        page.page().await
    }

    /// The present page with what is selected only. It is made for one scrape alone and not kept.
    pub async fn selected_page(&self, format: Format, encoding: Encoding, selection: Selection) -> Bytes {
        self.0.sources.selected(format, encoding, selection).await
    }
}
