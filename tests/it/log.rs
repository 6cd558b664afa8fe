//! The exporter's log, captured for the test on whose thread it is written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use withings_exporter::telemetry::log::{LogFormat, lines};

/// The lines of this thread's log, as long as it lives.
pub(crate) struct Log {
    written: Written,
    _listening: DefaultGuard,
}

impl Log {
    /// Captures the lines at `level` and above.
    pub(crate) fn listen(level: LevelFilter) -> Self {
        // Without a subscriber that is there for all threads, tracing takes a line that another test comes upon just now for one
        // that nobody will ever want to hear.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| tracing::subscriber::set_global_default(Undecided).unwrap());
        let written = Written::default();
        let writer = written.clone();
        let lines = lines(LogFormat::Logfmt, move || writer.clone());
        let listening = tracing::subscriber::set_default(registry().with(level).with(lines));
        Self { written, _listening: listening }
    }

    /// Forgets the lines so far.
    pub(crate) fn clear(&self) {
        self.written.lock().clear();
    }

    /// The lines since then, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8(self.written.lock().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

/// A subscriber that wants to be asked about each line, and wants none.
struct Undecided;

impl Subscriber for Undecided {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
