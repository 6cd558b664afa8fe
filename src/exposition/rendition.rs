//! The page in one format and one encoding, with what is kept of it between scrapes.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::clock::ServerClock;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

use super::encoding::{Compressor, Part};
use super::{Encoding, Format, Live, Page, data, live, text};

/// How long a rendered live section is shown.
const LIVE_LASTS: Duration = Duration::from_secs(1);

/// What pages are made of.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) snapshots: watch::Receiver<Snapshot>,
    pub(super) telemetry: Telemetry,
    pub(super) clock: ServerClock,
    pub(super) live: Live,
}

/// The page in one format and one encoding.
pub(super) struct Rendition {
    format: Format,
    encoding: Encoding,
    sources: Sources,
    /// What nearly every scrape is answered with.
    page: RwLock<Option<KeptPage>>,
    /// Locked while a section is rendered, so that all scrapes that need it wait for one rendering.
    rendering: Mutex<Rendering>,
}

/// What a rendering needs of the one before it.
#[derive(Default)]
struct Rendering {
    data: Option<Arc<DataSection>>,
    compressor: Compressor,
}

struct KeptPage {
    page: Page,
    data: Arc<DataSection>,
    /// When its live section was rendered.
    rendered_at: Instant,
}

struct DataSection {
    part: Part,
    /// Has seen the snapshot that was rendered.
    snapshots: watch::Receiver<Snapshot>,
    /// What time it was then, Unix seconds.
    made_at: i64,
    /// When a value in it ends by itself, Unix seconds.
    changes_at: Option<i64>,
}

impl Rendition {
    pub(super) fn new(format: Format, encoding: Encoding, sources: Sources) -> Self {
        Self { format, encoding, sources, page: RwLock::default(), rendering: Mutex::default() }
    }

    pub(super) async fn page(&self) -> Page {
        if let Some(page) = self.kept_page() {
            return page;
        }
        let mut rendering = self.rendering.lock().await;
        // Who waited for the lock finds what was rendered meanwhile.
        if let Some(page) = self.kept_page() {
            return page;
        }
        let data = self.data(&mut rendering.data).await;
        // What is counted while it is rendered may be missing in it.
        let rendered_at = Instant::now();
        let live = self.live(&mut rendering.compressor);
        let page = self.encoding.page(&data.part, &live);
        let kept_page = KeptPage { page: page.clone(), data, rendered_at };
        *self.page.write().unwrap_or_else(PoisonError::into_inner) = Some(kept_page);
        page
    }

    /// The page that was kept, if it is what would be rendered now.
    fn kept_page(&self) -> Option<Page> {
        let kept = self.page.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|it| it.rendered_at.elapsed() < LIVE_LASTS)?;
        kept.data.is_true_at(self.sources.clock.now()).then(|| kept.page.clone())
    }

    async fn data(&self, kept: &mut Option<Arc<DataSection>>) -> Arc<DataSection> {
        let now = self.sources.clock.now();
        if let Some(data) = kept.as_ref().filter(|it| it.is_true_at(now)) {
            return Arc::clone(data);
        }
        // Should this scrape be given up while it renders, the next one must not find what was kept before.
        *kept = None;
        let mut snapshots = self.sources.snapshots.clone();
        let snapshot = snapshots.borrow_and_update().clone();
        let changes_at = snapshot.changes_at(now);
        let (format, encoding) = (self.format, self.encoding);
        let part = rendered(move || encoding.first(format.translate(data::render(&snapshot, now)))).await;
        Arc::clone(kept.insert(Arc::new(DataSection { part, snapshots, made_at: now, changes_at })))
    }

    /// So little that it costs less than to wake another thread.
    fn live(&self, compressor: &mut Compressor) -> Part {
        let text = live::render(self.sources.live, &self.sources.telemetry);
        self.encoding.last(self.format.translate(text), compressor)
    }
}

impl DataSection {
    /// Whether it is what would be rendered at `now`, Unix seconds.
    fn is_true_at(&self, now: i64) -> bool {
        let lasts = self.made_at <= now && self.changes_at.is_none_or(|at| now < at);
        lasts && !self.snapshots.borrow().has_changed()
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
pub(super) async fn rendered(render: impl FnOnce() -> Part + Send + 'static) -> Part {
    let part = spawn_blocking(render).await;
    part.expect("rendering does not panic, and a runtime that shuts down stops who waits here first")
}
