//! Pages, kept between scrapes.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::runtime::Handle;
use tokio::sync::{self, watch};
use tokio::time::{Instant, sleep};

use crate::clock::ServerClock;
use crate::reading::Snapshot;
use crate::telemetry::Telemetry;

use super::samples::{Sample, samples};
use super::text::TextWriter;
use super::{Encoding, FamilySelection, Format, Part, SampleWriter, SelfMetrics, self_metrics};

/// How long a page is kept: what the exporter says of itself is never older.
const LASTS: Duration = Duration::from_secs(1);

/// How many pages are kept at most: as many as a large installation has shards. What is asked for beyond them is made for
/// one scrape alone.
const MOST_KEPT: usize = 100;

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

/// What a page with all families is of. Equal kinds have equal pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageKind {
    format: Format,
    encoding: Encoding,
    part: Part,
}

/// The pages that are kept.
pub(super) struct PageCache {
    sources: Sources,
    /// Locked for a look alone.
    pages: Mutex<HashMap<PageKind, Arc<CachedPage>>>,
}

/// A page, or the place for one. Locked while the page is made, so that all scrapes that need it wait for one rendering. It
/// waits for nothing but computing.
type CachedPage = sync::Mutex<Option<KeptPage>>;

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

impl PageKind {
    /// A part of the page in a format and an encoding.
    #[must_use]
    pub const fn new(format: Format, encoding: Encoding, part: Part) -> Self {
        Self { format, encoding, part }
    }
}

impl PageCache {
    pub(super) fn new(sources: Sources) -> Self {
        Self { sources, pages: Mutex::default() }
    }

    /// The page that is kept, or a new one. A scrape that is given up meanwhile leaves the next one to make it. A page that was
    /// begun after the scrape asked is new enough for it: at most two renderings serve all who wait.
    pub(super) async fn page(self: &Arc<Self>, kind: PageKind, place: impl Send + 'static) -> Bytes {
        let Some(cached) = self.cached(kind) else {
            return self.page_of(kind, FamilySelection::everything(), place).await;
        };
        let asked = Instant::now();
        let mut kept = cached.lock().await;
        let is_new = |kept: &&KeptPage| kept.begun > asked || kept.is_true_at(self.sources.clock.now());
        if let Some(kept) = kept.as_ref().filter(is_new) {
            return kept.page.clone();
        }
        let made = self.sources.make(kind, FamilySelection::everything(), place).await;
        tokio::spawn(Arc::clone(self).drop_old(Arc::clone(&cached)));
        kept.insert(made).page.clone()
    }

    /// The present page with some of its families. It is made for one scrape alone and not kept.
    pub(super) async fn page_of(&self, kind: PageKind, families: FamilySelection, place: impl Send + 'static) -> Bytes {
        self.sources.make(kind, families, place).await.page
    }

    /// The place of a page; `None` if there are as many others as may be.
    fn cached(&self, kind: PageKind) -> Option<Arc<CachedPage>> {
        let mut pages = self.pages();
        let has_room = pages.len() < MOST_KEPT || pages.contains_key(&kind);
        has_room.then(|| Arc::clone(pages.entry(kind).or_default()))
    }

    /// Drops the page when it is too old to be shown: between scrapes it would be most of the memory of many profiles.
    async fn drop_old(self: Arc<Self>, cached: Arc<CachedPage>) {
        sleep(LASTS).await;
        cached.lock().await.take_if(|kept| kept.is_old());
        drop(cached);
        // Places stay that have a page, or that a scrape knows.
        self.pages().retain(|_, cached| Arc::get_mut(cached).is_none_or(|cached| cached.get_mut().is_some()));
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<PageKind, Arc<CachedPage>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Makes a page off the async threads: one of thousands of people takes a while. The scrape's place is moved there: a client
    /// that goes away makes no room while the page is still made.
    async fn make(&self, kind: PageKind, families: FamilySelection, place: impl Send + 'static) -> KeptPage {
        // What is counted while the page is made may be missing in it.
        let (begun, now) = (Instant::now(), self.clock.now());
        let mut snapshots = self.snapshots.clone();
        let snapshot = snapshots.borrow_and_update().clone();
        let changes_at = snapshot.changes_at(now);
        let sources = self.clone();
        let text = move || sources.text(&snapshot, now, kind, &families);
        let page = self.rendering.spawn_blocking(move || {
            let _place = place;
            kind.encoding.encode(text())
        });
        let page =
            page.await.expect("rendering does not panic, and a runtime that shuts down stops who waits here first");
        KeptPage { page, begun, now, changes_at, snapshots }
    }

    fn text(&self, snapshot: &Snapshot, now: i64, kind: PageKind, families: &FamilySelection) -> Vec<u8> {
        let mut page = Vec::new();
        let PageKind { format, part, .. } = kind;
        let mut writer = TextWriter::new(format, &mut page);
        let is_selected = |sample: &Sample<'_>| families.has(&sample.family.name);
        let people = part.of(snapshot);
        samples(&people, now).filter(is_selected).for_each(|sample| writer.write(&sample).expect(VEC_WRITES));
        if let (true, SelfMetrics::Shown { process }) = (part.has_own(), self.self_metrics) {
            // prometheus-client keeps its counters to itself, so they are no samples.
            let counted = match format {
                Format::OpenMetrics => self.telemetry.openmetrics(|family| families.has(family)),
                Format::Text => self.telemetry.text(|family| families.has(family)),
            };
            writer.append(&counted).expect(VEC_WRITES);
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
