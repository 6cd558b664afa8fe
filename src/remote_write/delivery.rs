//! One batch to the server: again after a pause where that may help, else what the server's answer means.

use std::time::Duration;

use bytes::Bytes;

use super::batch::Batch;
use super::target::Target;
use super::{PushError, protobuf};
use crate::backoff::backoff;
use crate::http::{BuildError, Http, HttpError, HttpResponse, ResponseHead};

/// How often a batch is tried: over some five minutes, if the answers come at once.
const TRIES: u32 = 10;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause of our own.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(10);

/// How servers say that a sample is too old for them, in lower case.
const SAY_TOO_OLD: [&str; 4] = ["out of bounds", "out of order", "out-of-order", "too old"];

/// How much of an answer is shown, characters.
const SHOWN: usize = 200;

/// The way to one server.
#[derive(Debug)]
pub(super) struct Delivery {
    http: Http,
    target: Target,
}

/// A try that failed, where the next one may not.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No whole answer came.
    #[error(transparent)]
    NoAnswer(#[from] HttpError),
    /// The server was too busy or broken: its status, and the beginning of what it said.
    #[error("it answers {0}")]
    Busy(String),
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeliveryOutcome {
    Taken,
    Again,
    TooOld,
    Refused,
}

impl Delivery {
    pub(super) fn to(target: Target) -> Result<Self, BuildError> {
        Ok(Self { http: Http::reaching(&[target.url()])?, target })
    }

    /// Sends a batch until the server has confirmed it, or fails for good.
    pub(super) async fn deliver(&self, batch: &Batch) -> Result<(), PushError> {
        let body = Bytes::from(protobuf::encode(batch));
        let mut tries = 1;
        loop {
            let answer = self.http.post(self.target.url().clone(), protobuf::HEADERS, body.clone()).await;
            let asked = answer.as_ref().ok().and_then(|answer| answer.head.retry_after).unwrap_or_default();
            let Some(failure) = self.failure(answer)? else { return Ok(()) };
            if tries == TRIES {
                return Err(PushError::GaveUp { server: self.target.to_string(), source: failure });
            }
            let pause = backoff(FIRST_PAUSE, LONGEST_PAUSE, tries, fastrand::f64()).max(asked.min(LONGEST_ASKED));
            tracing::warn!(server = %self.target, tries, pause = pause.as_secs_f64(), "not taken, will be tried again: {failure}");
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// Why to try again; `None` for a batch that was taken; fails for good where another try would not help.
    fn failure(&self, answer: Result<HttpResponse, HttpError>) -> Result<Option<DeliveryError>, PushError> {
        let HttpResponse { head: ResponseHead { status, .. }, body } = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(Some(error.into())),
        };
        let text = String::from_utf8_lossy(&body);
        let (server, answer) = (self.target.to_string(), self.shown(status, &text));
        match DeliveryOutcome::of(status, &text) {
            DeliveryOutcome::Taken => Ok(None),
            DeliveryOutcome::Again => Ok(Some(DeliveryError::Busy(answer))),
            DeliveryOutcome::TooOld => Err(PushError::TooOld { server, answer }),
            DeliveryOutcome::Refused => Err(PushError::Refused { server, answer, advice: advice(status) }),
        }
    }

    /// The status and the beginning of what the server said, in one line. Digits are hidden, because servers repeat samples,
    /// and an answer that may repeat secrets of the address is hidden whole.
    fn shown(&self, status: u16, text: &str) -> String {
        if self.target.may_be_told_by(text) {
            return format!("HTTP {status}, and something that may repeat secrets");
        }
        let hide = |letter: char| if letter.is_numeric() { '#' } else { letter };
        let words: Vec<_> = text
            .split(|letter: char| letter.is_whitespace() || letter.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        let words: String = words.join(" ").chars().map(hide).take(SHOWN).collect();
        if words.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {words}") }
    }
}

impl DeliveryOutcome {
    fn of(status: u16, text: &str) -> Self {
        let text = text.to_lowercase();
        match status {
            200..300 => Self::Taken,
            // Prometheus up to 2.x answers 500 to samples that are older than its window, and would for ever.
            400 | 500 if SAY_TOO_OLD.iter().any(|words| text.contains(words)) => Self::TooOld,
            429 | 500..600 => Self::Again,
            _ => Self::Refused,
        }
    }
}

/// How to mend what a status says.
fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "; it leads to another address, which is not followed: name that one",
        401 | 403 => "; it wants other credentials, written as http://USER:PASSWORD@HOST/…",
        404 | 405 => {
            "; nothing takes samples there: check the path, and start Prometheus with --web.enable-remote-write-receiver"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_meaning() {
        let check = |status, text, expected| assert_eq!(DeliveryOutcome::of(status, text), expected, "{status} {text}");
        check(204, "", DeliveryOutcome::Taken);
        check(200, "", DeliveryOutcome::Taken);
        check(400, "out of bounds\n", DeliveryOutcome::TooOld);
        check(400, "out of order sample\n", DeliveryOutcome::TooOld);
        check(500, "too old sample\n", DeliveryOutcome::TooOld);
        check(400, "its timestamp is too old (err-mimir-sample-timestamp-too-old)", DeliveryOutcome::TooOld);
        check(400, "duplicate sample for timestamp", DeliveryOutcome::Refused);
        check(500, "disk full", DeliveryOutcome::Again);
        check(503, "", DeliveryOutcome::Again);
        check(429, "", DeliveryOutcome::Again);
        check(401, "", DeliveryOutcome::Refused);
        check(301, "", DeliveryOutcome::Refused);
    }

    #[test]
    fn an_answer_is_shown_cut_and_without_what_it_repeats() {
        let check = |text: &str, expected: &str| {
            let target = "http://ann:secret@localhost:9/api/v1/write".parse().unwrap();
            assert_eq!(Delivery::to(target).unwrap().shown(400, text), expected);
        };
        check("", "HTTP 400");
        check("cannot parse\n\u{1b}[31m weight 72.345", "HTTP 400: cannot parse [##m weight ##.###");
        check("ann:secret", "HTTP 400, and something that may repeat secrets");
        check(&"é".repeat(300), &format!("HTTP 400: {}", "é".repeat(SHOWN)));
    }
}
