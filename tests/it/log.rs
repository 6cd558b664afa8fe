//! The exporter's log, captured for the test on whose thread it is written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
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
