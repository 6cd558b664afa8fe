//! Logging to stderr, as logfmt or JSON, with the keys of the Prometheus exporters that are written in Go.

use std::fmt::{self, Debug, Display, Write};
use std::io;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::visible::is_unprintable;

/// What the targets of our own events begin with.
const OWN_TARGET: &str = "withings_exporter";

/// What the targets of events of the commands themselves begin with.
const COMMANDS: &str = "withings_exporter::commands";

/// The bar at the foot of the terminal, while there is one.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// What is logged: this level and those above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Every call.
    Debug,
    /// What happens in normal work. The default.
    #[default]
    Info,
    /// What somebody may want to look at.
    Warn,
    /// What somebody must look at.
    Error,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value` pairs. The default.
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Starts logging to stderr. An error if the process logs already.
pub fn init(level: Level, format: LogFormat) -> Result<(), TryInitError> {
    start(filter(level), format)
}

/// The same for the demo. It says itself what is to be seen, and that its people are logged in and read is no news: at the default
/// level only a backfill's progress is.
pub fn init_demo(level: Level, format: LogFormat) -> Result<(), TryInitError> {
    let filter = match level {
        Level::Info => filter(Level::Warn).with_target(COMMANDS, level),
        Level::Debug | Level::Warn | Level::Error => filter(level),
    };
    start(filter, format)
}

/// Dependencies log at debug what may hold addresses and headers: only our own lines go below warn.
fn filter(level: Level) -> Targets {
    Targets::new().with_default(LevelFilter::WARN).with_target(OWN_TARGET, level)
}

fn start(filter: Targets, format: LogFormat) -> Result<(), TryInitError> {
    tracing_subscriber::registry().with(filter).with(lines(format, || AboveBar)).try_init()
}

/// Has lines written above this bar, which is drawn on stderr, from now on; `None`: it is gone.
pub fn write_above(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Stderr, where the bar makes room for a line.
struct AboveBar;

impl io::Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write = || io::Write::write(&mut io::stderr(), bytes);
        bar.map_or_else(write, |bar| bar.suspend(write))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut io::stderr())
    }
}

/// The layer that writes each event to `writer`, as a line in `format`.
pub fn lines<S, W>(format: LogFormat, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    tracing_subscriber::fmt::layer().event_format(format).with_writer(writer)
}

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line { format: *self, text: String::new() };
        line.push_text("time", &time);
        line.push_text("level", &metadata.level().as_str().to_ascii_lowercase());
        if !metadata.target().starts_with(OWN_TARGET) {
            line.push_text("target", metadata.target());
        }
        event.record(&mut line);
        writeln!(writer, "{}{}", line.text, if *self == Self::Json { "}" } else { "" })
    }
}

/// A line of the log as far as it is written.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn push_key(&mut self, key: &str) {
        let key = if key == "message" { "msg" } else { key };
        match self.format {
            LogFormat::Logfmt if self.text.is_empty() => self.text.extend([key, "="]),
            LogFormat::Logfmt => self.text.extend([" ", key, "="]),
            LogFormat::Json if self.text.is_empty() => self.text.extend(["{\"", key, "\":"]),
            LogFormat::Json => self.text.extend([",\"", key, "\":"]),
        }
    }

    /// Adds a number or a truth value.
    fn push_bare(&mut self, key: &str, value: impl Display) {
        self.push_key(key);
        self.text.push_str(&value.to_string());
    }

    fn push_text(&mut self, key: &str, value: &str) {
        self.push_key(key);
        if self.format == LogFormat::Logfmt && !value.is_empty() && !value.contains(needs_quotes) {
            self.text.push_str(value);
        } else {
            self.push_quoted(value);
        }
    }

    /// Adds a string as both formats quote it. What would break the line or steer a terminal is escaped.
    fn push_quoted(&mut self, value: &str) {
        self.text.push('"');
        for character in value.chars() {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                '\n' => self.text.push_str("\\n"),
                // All of them have four digits.
                _ if is_unprintable(character) => {
                    write!(self.text, "\\u{:04x}", u32::from(character)).expect("writing to a String does not fail");
                }
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.push_bare(field.name(), value);
        } else {
            self.push_text(field.name(), &value.to_string());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_bare(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_bare(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_bare(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push_text(field.name(), &format!("{value:?}"));
    }
}

/// Whether a value of logfmt with this character stands in quotes.
fn needs_quotes(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '=') || is_unprintable(character)
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

impl Level {
    /// Every level, the least severe first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The flag's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl LogFormat {
    /// Every format, the default first.
    pub const ALL: [Self; 2] = [Self::Logfmt, Self::Json];

    /// The flag's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
        }
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    /// What `log` writes, without the time that it begins with.
    fn written(format: LogFormat, log: impl FnOnce()) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let written: Arc<File> = Arc::new(file.try_clone().unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines(format, written)), log);
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        let (time, rest) = text.split_at(text.find(['Z']).unwrap());
        assert!(time.starts_with(["time=2", "{\"time\":\"2"][usize::from(format == LogFormat::Json)]), "{text}");
        rest[1..].to_owned()
    }

    fn log_something() {
        let (profile, seconds) = ("Zoë \"Z\"", 0.25);
        tracing::warn!(profile, seconds, failures = 3, tls = false, call = %"getmeas", "a call failed");
    }

    #[test]
    fn logfmt_has_the_keys_of_other_exporters() {
        assert_eq!(
            written(LogFormat::Logfmt, log_something),
            " level=warn msg=\"a call failed\" profile=\"Zoë \\\"Z\\\"\" seconds=0.25 failures=3 tls=false call=getmeas\n"
        );
    }

    #[test]
    fn json_is_flat_and_has_numbers() {
        assert_eq!(
            written(LogFormat::Json, log_something),
            "\",\"level\":\"warn\",\"msg\":\"a call failed\",\"profile\":\"Zoë \\\"Z\\\"\",\"seconds\":0.25,\
             \"failures\":3,\"tls\":false,\"call\":\"getmeas\"}\n"
        );
    }

    #[test]
    fn no_value_breaks_the_line_or_steers_a_terminal() {
        let evil = "a\nlevel=error\r\t\0\u{1b}[31m\u{9b}1m\u{7f}\u{2028}\u{202e}\\\"";
        let log = || tracing::info!(evil, empty = "", nan = f64::NAN, "{evil}");
        for format in [LogFormat::Logfmt, LogFormat::Json] {
            let line = written(format, log);
            assert_eq!(line.lines().count(), 1);
            assert!(!line.trim_end().contains(is_unprintable), "{line:?}");
            assert!(line.contains("\"a\\nlevel=error\\u000d\\u0009\\u0000\\u001b[31m\\u009b1m"), "{line}");
        }
        let line: Value = serde_json::from_str(&format!("{{\"time\":\"{}", written(LogFormat::Json, log))).unwrap();
        assert_eq!(line["msg"], evil);
        assert_eq!((&line["evil"], &line["empty"], &line["nan"]), (&json!(evil), &json!(""), &json!("NaN")));
    }

    #[test]
    fn what_another_package_says_names_it() {
        let line = written(LogFormat::Logfmt, || tracing::warn!(target: "h2::server", "odd"));
        assert_eq!(line, " level=warn target=h2::server msg=odd\n");
    }
}
