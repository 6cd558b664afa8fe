//! The page in one format and one encoding, with what is kept of it between scrapes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

use super::encoding::Part;
use super::{Encoding, Format, Live, Page, data, live, text};

/// How long a rendered live section is shown.
const LIVE_LASTS: Duration = Duration::from_secs(1);

/// What pages are made of.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) snapshots: watch::Receiver<Snapshot>,
    pub(super) telemetry: Telemetry,
    pub(super) clock: Clock,
    pub(super) live: Live,
}

/// The page in one format and one encoding. A section's lock is held while it is rendered, so that all scrapes that
/// need it wait for one rendering.
pub(super) struct Rendition {
    format: Format,
    encoding: Encoding,
    data: Mutex<DataSection>,
    live: Mutex<LiveSection>,
}

struct DataSection {
    snapshots: watch::Receiver<Snapshot>,
    clock: Clock,
    kept: Option<KeptData>,
}

struct KeptData {
    part: Arc<Part>,
    /// When a value in it ends by itself, Unix seconds.
    changes_at: Option<i64>,
}

struct LiveSection {
    telemetry: Telemetry,
    live: Live,
    kept: Option<(Instant, Arc<Part>)>,
}

impl Rendition {
    pub(super) fn new(format: Format, encoding: Encoding, sources: Sources) -> Self {
        let Sources { snapshots, telemetry, clock, live } = sources;
        Self {
            format,
            encoding,
            data: Mutex::new(DataSection { snapshots, clock, kept: None }),
            live: Mutex::new(LiveSection { telemetry, live, kept: None }),
        }
    }

    pub(super) async fn page(&self) -> Page {
        let data = self.data().await;
        let live = self.live().await;
        let trailer = self.encoding.trailer(&data, &live);
        Page { chunks: [data.bytes.clone(), live.bytes.clone(), trailer] }
    }

    async fn data(&self) -> Arc<Part> {
        let mut section = self.data.lock().await;
        let now = section.clock.unix();
        if let Some(kept) = section.kept_at(now) {
            return kept;
        }
        // Should this scrape be given up while it renders, the next one must not find what was kept before.
        section.kept = None;
        let snapshot = section.snapshots.borrow_and_update().clone();
        let changes_at = snapshot.changes_at(now);
        let (format, encoding) = (self.format, self.encoding);
        let part = rendered(move || encoding.first(format.translate(data::render(&snapshot, now)))).await;
        section.kept = Some(KeptData { part: part.clone(), changes_at });
        part
    }

    async fn live(&self) -> Arc<Part> {
        let mut section = self.live.lock().await;
        if let Some((at, part)) = &section.kept
            && at.elapsed() < LIVE_LASTS
        {
            return part.clone();
        }
        let (format, encoding) = (self.format, self.encoding);
        let (live, telemetry) = (section.live, section.telemetry.clone());
        // What is counted while it is rendered may be missing in it.
        let at = Instant::now();
        let part = rendered(move || encoding.last(format.translate(live::render(live, &telemetry)))).await;
        section.kept = Some((at, part.clone()));
        part
    }
}

impl DataSection {
    /// What was kept, if it is what would be rendered at `now`.
    fn kept_at(&self, now: i64) -> Option<Arc<Part>> {
        let kept = self.kept.as_ref()?;
        let lasts = kept.changes_at.is_none_or(|at| now < at) && !self.snapshots.borrow().has_changed();
        lasts.then(|| kept.part.clone())
    }
}

impl Format {
    /// The same text in this format.
    fn translate(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics { .. } => openmetrics,
            Self::Text => text::from_openmetrics(&openmetrics),
        }
    }
}

/// Renders off the async threads: a page of thousands of people takes a while.
pub(super) async fn rendered(render: impl FnOnce() -> Part + Send + 'static) -> Arc<Part> {
    let part = spawn_blocking(render).await;
    Arc::new(part.expect("rendering does not panic, and a runtime that shuts down stops who waits here first"))
}
