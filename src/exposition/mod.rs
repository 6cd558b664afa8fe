//! Values → bytes: what a scrape is answered with, in two formats, plain or compressed.
//!
//! A page has two sections. The data section (measurements and what belongs to a profile) is large and changes when a
//! snapshot is published, or when a value in it ends by itself; it is rendered by the first scrape after that and kept.
//! The live section (the exporter's own counters and the process) is small and rendered at most once a second,
//! or together with the data. Both are
//! written as OpenMetrics; the text format is a translation of it.

mod archive;
mod data;
mod encoding;
mod live;
mod negotiation;
mod openmetrics;
mod rendition;
mod selection;
mod text;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::clock::ServerClock;
use crate::process::Process;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

pub use archive::{Archive, MetricFamily, own_labels, time_label};
use encoding::Compressor;
use negotiation::Negotiations;
pub use negotiation::{Encoding, Escaping, Format, negotiate};
use rendition::{Rendition, Sources, rendered};
pub use selection::Selection;

/// The source of pages. Cheap to clone; clones share what was rendered.
#[derive(Clone)]
pub struct Exposition(Arc<Renditions>);

struct Renditions {
    openmetrics: Rendition,
    openmetrics_gzip: Rendition,
    text: Rendition,
    text_gzip: Rendition,
    negotiations: Negotiations,
}

/// Whether the exporter's own metrics are shown.
#[derive(Clone, Copy, Debug)]
pub enum Live {
    /// They are not.
    Hidden,
    /// They are, and this reads those of the process ([`Process::read`]); they are left out where it gives none.
    Shown {
        /// Called at most once a second for each format and encoding; must not block for long.
        process: fn() -> Option<Process>,
    },
}

/// A page to be sent: the body of an answer.
#[derive(Clone, Debug)]
pub struct Page {
    /// The body in pieces, in order; the second may be empty. A large first piece is shared between pages and not copied.
    pub chunks: [Bytes; 2],
}

impl Exposition {
    /// Pages of the newest of `snapshots`, with values that end by themselves judged by `clock`.
    #[must_use]
    pub fn new(snapshots: watch::Receiver<Snapshot>, telemetry: Telemetry, clock: ServerClock, live: Live) -> Self {
        let sources = Sources { snapshots, telemetry, clock, live };
        let rendition = |format, encoding| Rendition::new(format, encoding, sources.clone());
        // The page does not depend on the escaping.
        let openmetrics = Format::OpenMetrics { escaping: Escaping::default() };
        Self(Arc::new(Renditions {
            openmetrics: rendition(openmetrics, Encoding::Identity),
            openmetrics_gzip: rendition(openmetrics, Encoding::Gzip),
            text: rendition(Format::Text, Encoding::Identity),
            text_gzip: rendition(Format::Text, Encoding::Gzip),
            negotiations: Negotiations::default(),
        }))
    }

    /// What to serve to who sends these headers: what [`negotiate`] chooses.
    pub fn negotiate<'a>(
        &self,
        accept: impl Iterator<Item = &'a str>,
        accept_encoding: impl Iterator<Item = &'a str>,
    ) -> (Format, Encoding) {
        self.0.negotiations.negotiate(accept, accept_encoding)
    }

    /// The present page. Waits for a rendering at most, never for the network; cancel safe.
    pub async fn page(&self, format: Format, encoding: Encoding) -> Page {
        let rendition = match (format, encoding) {
            (Format::OpenMetrics { .. }, Encoding::Identity) => &self.0.openmetrics,
            (Format::OpenMetrics { .. }, Encoding::Gzip) => &self.0.openmetrics_gzip,
            (Format::Text, Encoding::Identity) => &self.0.text,
            (Format::Text, Encoding::Gzip) => &self.0.text_gzip,
        };
        rendition.page().await
    }

    /// The present page with the selected families only. The whole page is kept as ever; this one is not.
    pub async fn selected_page(&self, format: Format, encoding: Encoding, selection: Selection) -> Page {
        let whole = self.page(format, Encoding::Identity).await;
        let part = rendered(move || {
            let select =
                |chunk: &Bytes| selection.select(std::str::from_utf8(chunk).expect("pages are rendered as text"));
            encoding.first(whole.chunks.iter().map(select).collect())
        });
        encoding.page(&part.await, &encoding.last(String::new(), &mut Compressor::default()))
    }
}
