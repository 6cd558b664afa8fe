//! How far a backfill has come: a bar on a terminal, else a line of the log now and then.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use chrono::DateTime;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::history::FetchProgress;
use crate::telemetry::log;
use crate::visible::escaped;

/// How often a line is logged.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where progress is shown.
pub(super) enum Display {
    Bar(ProgressBar),
    Lines { began: Instant, last: Option<Instant> },
}

/// A display for standard error.
pub(super) fn display() -> Display {
    if stderr().is_terminal() {
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} calls, {eta} left  {msg}");
        let bar = ProgressBar::no_length().with_style(style.expect("the template is written here"));
        log::write_above(Some(bar.clone()));
        Display::Bar(bar)
    } else {
        Display::Lines { began: Instant::now(), last: None }
    }
}

impl Display {
    /// Shows how far fetching has come.
    pub(super) fn show(&mut self, progress: &FetchProgress) {
        let FetchProgress { profile, call, reached, values, done, total } = progress;
        let reached = DateTime::from_timestamp(*reached, 0).unwrap_or_default().date_naive();
        match self {
            Self::Bar(bar) => {
                bar.set_length(*total);
                bar.set_position(*done);
                let profile = escaped(profile);
                bar.set_message(format!("{profile}: {call} until {reached}, {values} values"));
            }
            Self::Lines { began, last } => {
                if is_time(last) {
                    let left = began.elapsed().mul_f64((total - done) as f64 / (*done).max(1) as f64);
                    let left = HumanDuration(left).to_string();
                    tracing::info!(%profile, %call, %reached, values, done, total, left, "fetching");
                }
            }
        }
    }

    /// Shows how many samples a server has confirmed.
    pub(super) fn sent(&mut self, samples: u64) {
        match self {
            Self::Bar(bar) => bar.set_message(format!("{samples} samples sent")),
            Self::Lines { last, .. } => {
                if is_time(last) {
                    tracing::info!(samples, "sending");
                }
            }
        }
    }
}

impl Drop for Display {
    /// Takes the bar away, also where the backfill has failed or was interrupted.
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
            log::write_above(None);
        }
    }
}

/// Whether a line is due, which it then is not again for a while.
fn is_time(last: &mut Option<Instant>) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}
