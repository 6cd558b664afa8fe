//! The page in one format and one encoding, kept between scrapes.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use crate::clock::ServerClock;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

use super::samples::{Sample, samples};
use super::text::TextWriter;
use super::{Encoding, Format, SampleWriter, Selection, SelfMetrics, self_metrics};

/// How long a page is kept: what the exporter says of itself is never older.
const LASTS: Duration = Duration::from_secs(1);

/// With zlib-rs, level 2 makes pages as small as level 6 does, in half the time.
const LEVEL: Compression = Compression::new(2);

const VEC_WRITES: &str = "writing to a Vec does not fail";

/// What pages are made of.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) snapshots: watch::Receiver<Snapshot>,
    pub(super) telemetry: Telemetry,
    pub(super) clock: ServerClock,
    pub(super) self_metrics: SelfMetrics,
    /// Whose blocking threads make them.
    pub(super) rendering: Handle,
}

/// The page in one format and one encoding.
pub(super) struct CachedPage {
    format: Format,
    encoding: Encoding,
    sources: Sources,
    /// Locked while the page is made, so that all scrapes that need it wait for one rendering. It waits for nothing but
    /// computing.
    kept: Mutex<Option<KeptPage>>,
}

struct KeptPage {
    page: Bytes,
    /// When making it began.
    begun: Instant,
    /// What time it was then for what ends by itself, Unix seconds.
    now: i64,
    /// When a value in it ends by itself, Unix seconds.
    changes_at: Option<i64>,
    /// Has seen the snapshot that was rendered.
    snapshots: watch::Receiver<Snapshot>,
}

impl CachedPage {
    pub(super) fn new(format: Format, encoding: Encoding, sources: Sources) -> Self {
        Self { format, encoding, sources, kept: Mutex::default() }
    }

    /// The page that is kept, or a new one. A scrape that is given up meanwhile leaves the next one to make it.
    pub(super) async fn page(self: &Arc<Self>) -> Bytes {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_true_at(self.sources.clock.now())) {
            return kept.page.clone();
        }
        let made = self.sources.make(self.format, self.encoding, Selection::everything()).await;
        tokio::spawn(Arc::clone(self).drop_old());
        kept.insert(made).page.clone()
    }

    /// Drops the page when it is too old to be shown: between scrapes it would be most of the memory of many profiles.
    async fn drop_old(self: Arc<Self>) {
        sleep(LASTS).await;
        self.kept.lock().await.take_if(|kept| kept.is_old());
    }
}

impl KeptPage {
    /// Whether it is what would be made at `now`, Unix seconds.
    fn is_true_at(&self, now: i64) -> bool {
        let has_not_ended = self.now <= now && self.changes_at.is_none_or(|at| now < at);
        has_not_ended && !self.is_old() && !self.snapshots.borrow().has_changed()
    }

    fn is_old(&self) -> bool {
        self.begun.elapsed() >= LASTS
    }
}

impl Sources {
    /// The present page with what is selected, for one scrape alone.
    pub(super) async fn selected(&self, format: Format, encoding: Encoding, selection: Selection) -> Bytes {
        self.make(format, encoding, selection).await.page
    }

    /// Makes a page off the async threads: one of thousands of people takes a while.
    async fn make(&self, format: Format, encoding: Encoding, selection: Selection) -> KeptPage {
        // What is counted while the page is made may be missing in it.
        let (begun, now) = (Instant::now(), self.clock.now());
        let mut snapshots = self.snapshots.clone();
        let snapshot = snapshots.borrow_and_update().clone();
        let changes_at = snapshot.changes_at(now);
        let sources = self.clone();
        let page =
            self.rendering.spawn_blocking(move || encoding.encode(sources.text(&snapshot, now, format, &selection)));
        let page =
            page.await.expect("rendering does not panic, and a runtime that shuts down stops who waits here first");
        KeptPage { page, begun, now, changes_at, snapshots }
    }

    fn text(&self, snapshot: &Snapshot, now: i64, format: Format, selection: &Selection) -> Vec<u8> {
        let mut page = Vec::new();
        let mut writer = TextWriter::new(format, &mut page);
        let Selection { families, part } = selection;
        let is_selected = |sample: &Sample<'_>| families.has(&sample.family.name);
        let people = part.of(snapshot);
        samples(&people, now).filter(is_selected).for_each(|sample| writer.write(&sample).expect(VEC_WRITES));
        if let (true, SelfMetrics::Shown { process }) = (part.has_own(), self.self_metrics) {
            writer.append(&self_metrics::text(&self.telemetry, format, families)).expect(VEC_WRITES);
            let process = process().map(|process| self_metrics::process_samples(&process));
            let process = process.into_iter().flatten().filter(is_selected);
            process.for_each(|sample| writer.write(&sample).expect(VEC_WRITES));
        }
        writer.end().expect(VEC_WRITES);
        page
    }
}

impl Encoding {
    fn encode(self, page: Vec<u8>) -> Bytes {
        match self {
            // Kept for a while, so without the room in which it grew.
            Self::Identity => page.into_boxed_slice().into(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), LEVEL);
                encoder.write_all(&page).expect(VEC_WRITES);
                encoder.finish().expect(VEC_WRITES).into()
            }
        }
    }
}
