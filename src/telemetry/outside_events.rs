//! Events that anybody who reaches the port can cause as often as they like. One of a kind is logged at once, and those of the
//! next minute are one line with their number: a flood fills no disk, and is seen.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::Telemetry;

/// The time between two lines of one kind.
const LINE_EVERY: Duration = Duration::from_mins(1);

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutsideEvent {
    /// A login could not begin.
    LoginNotBegun,
    /// A login was not finished, as with a made-up code.
    LoginNotFinished,
    /// The operating system gave no connection, most often for want of file descriptors.
    NotAccepted,
    /// The configuration was read again because a client has asked for it.
    Reloaded,
    /// The configuration could not be read again when a client asked for it.
    NotReloaded,
}

impl OutsideEvent {
    fn sentence(self) -> &'static str {
        match self {
            Self::LoginNotBegun => "a login could not begin",
            Self::LoginNotFinished => "a login was not finished",
            Self::NotAccepted => "no connection can be accepted at the moment",
            Self::Reloaded => "the configuration was read again for a client",
            Self::NotReloaded => "the configuration could not be read again for a client, and stays as it was",
        }
    }
}

/// What is counted of each kind.
pub(super) type OutsideEvents = BTreeMap<OutsideEvent, CountedEvents>;

/// The events of one kind that no line has told of yet.
pub(super) struct CountedEvents {
    line_at: Instant,
    times: u64,
    latest: String,
}

impl Telemetry {
    /// Counts an event, and logs it if it is the first of its kind for a minute. `detail` says what was the matter, without
    /// codes and secrets.
    pub fn outside_event(&self, event: OutsideEvent, detail: &dyn Display) {
        let mut events = self.0.outside_events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = events.get_mut(&event) {
            counted.times += 1;
            counted.latest = detail.to_string();
            return;
        }
        events.insert(event, CountedEvents { line_at: Instant::now(), times: 0, latest: String::new() });
        drop(events);
        log(event, 1, &detail.to_string());
    }

    /// Logs what was counted for a minute: to be called every few seconds.
    pub fn log_outside_events(&self) {
        let mut events = self.0.outside_events.lock().unwrap_or_else(PoisonError::into_inner);
        events.retain(|event, counted| {
            if counted.line_at.elapsed() < LINE_EVERY {
                return true;
            }
            let is_going_on = counted.times > 0;
            if is_going_on {
                log(*event, counted.times, &counted.latest);
                *counted = CountedEvents { line_at: Instant::now(), times: 0, latest: String::new() };
            }
            is_going_on
        });
    }
}

fn log(event: OutsideEvent, times: u64, latest: &str) {
    if event == OutsideEvent::Reloaded {
        tracing::info!(times, latest, "{}", event.sentence());
    } else {
        tracing::warn!(times, latest, "{}", event.sentence());
    }
}
