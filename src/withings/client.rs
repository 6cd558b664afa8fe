//! One call of the API: wait for a turn, send, read the answer while it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Rows};
use super::envelope::{self, DecodeError, NotAnEnvelope, Refusal, Remedy};
use super::request::Request;
use super::thin::Thin;
use super::wire::Page;
use crate::catalogue::Call;
use crate::clock::Clock;
use crate::http::{Head, Http, HttpError};
use crate::storage::{Class, NoTurn, Storage};
use crate::telemetry::{Reason, Telemetry};

/// How long an exchange waits for its turn. A code lives 30 s, of which the way here and to Withings take some.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(27);

/// How long a refresh of known data waits for its turn; then the profile is given back, and is still due.
const TURN_WITHIN: Duration = Duration::from_mins(3);

/// How long a page of a history waits, lest it be read again from its begin after a short pause.
const PAGE_WITHIN: Duration = Duration::from_mins(5);

/// The Withings API. Cheap to clone; clones share connections, budget and the server's time.
#[derive(Clone)]
pub struct Client {
    http: Http,
    api_url: Url,
    storage: Storage,
    telemetry: Telemetry,
    server_time: Arc<ServerTime>,
}

/// A call did not bring what it should.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No whole answer came.
    #[error("no answer from Withings")]
    Http(#[from] HttpError),
    /// An HTTP status other than 200: something before the API answered.
    #[error("HTTP status {0} instead of an answer")]
    HttpStatus(u16),
    /// No envelope.
    #[error(transparent)]
    Envelope(#[from] NotAnEnvelope),
    /// No body, where everything was asked for: that is not the same as nothing.
    #[error("the answer has no body")]
    NoBody,
    /// A body of another shape.
    #[error("the answer is not what the call promises")]
    Body(#[source] DecodeError),
    /// A status other than 0.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request had no turn in time, and was not made.
    #[error(transparent)]
    NoTurn(#[from] NoTurn),
    /// An `offset` that does not grow: the pages would never end.
    #[error("the pages of the answer do not end: offset {offset} follows offset {previous}")]
    SameOffset {
        /// The offset of this page.
        previous: i64,
        /// The offset that it gave for the next one.
        offset: i64,
    },
    /// So many pages, and more to come.
    #[error("the pages of the answer do not end: there were {0}")]
    EndlessPages(usize),
}

/// The server's clock, as an offset to the host's in seconds.
///
/// Answers tell it twice, as `updatetime` and in the header `Date`; the later one counts. An `updatetime` that lags, as if
/// it were the time of the last change, would hold back the daily read of everything and miss the last night.
struct ServerTime {
    clock: Clock,
    from_updatetime: AtomicI64,
    from_date: AtomicI64,
}

/// No offset is known yet.
const UNKNOWN: i64 = i64::MIN;

impl Client {
    /// The API at `api_url`.
    #[must_use]
    pub fn new(http: Http, api_url: Url, storage: Storage, telemetry: Telemetry, clock: Clock) -> Self {
        Self { http, api_url, storage, telemetry, server_time: Arc::new(ServerTime::new(clock)) }
    }

    /// The same API at another address: with the same budget, and the same server's time until it tells its own.
    #[must_use]
    pub fn moved(&self, http: Http, api_url: Url) -> Self {
        Self { http, api_url, ..self.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// Waits for the right to make one request. No lock and no lease may be held meanwhile.
    pub async fn turn(&self, class: Class) -> Result<(), CallError> {
        let within = match class {
            Class::Exchange => EXCHANGE_WITHIN,
            Class::Refresh | Class::Data => TURN_WITHIN,
            Class::FirstRead | Class::Backfill => PAGE_WITHIN,
        };
        Ok(self.storage.turn(class, within).await?)
    }

    /// One page of `request`, from `offset`; the first page without one. Its rows are read while it comes, and `thin` leaves
    /// out what nothing depends on. The caller has waited for its [turn](Self::turn).
    pub async fn page<P: Page>(
        &self,
        token: &str,
        request: &Request,
        offset: Option<i64>,
        thin: Thin<P::Row>,
    ) -> Result<Rows<P::Row>, CallError> {
        let mut answer = Answer::<P>::new(thin, self.server_now());
        let path = path(request.call);
        self.post(request.call, path, Some(token), request.form(offset), |chunk| answer.push(chunk)).await?;
        let rows = match answer.finish(request.needs_body() || offset.is_some()) {
            Ok(rows) => rows,
            Err(error) => return Err(self.note(request.call, error).await),
        };
        if let Some(at) = rows.server_time {
            self.server_time.note_updatetime(at);
        }
        Ok(rows)
    }

    /// Sends a form to the token endpoint and gives the envelope back, unopened. The caller has waited for its turn.
    pub(super) async fn token(&self, form: String) -> Result<Vec<u8>, CallError> {
        self.whole(Call::Requesttoken, path(Call::Requesttoken), form).await
    }

    /// Sends a form that is signed and needs no token, and gives the body back.
    pub(super) async fn signed(&self, path: &str, form: String) -> Result<Bytes, CallError> {
        self.turn(Class::Refresh).await?;
        let answer = self.whole(Call::Revoke, path, form).await?;
        let body = envelope::open(&answer).map_err(CallError::from);
        match body.and_then(|it| Ok(Bytes::copy_from_slice(it?.as_bytes()))) {
            Ok(body) => Ok(body),
            Err(error) => Err(self.note(Call::Revoke, error).await),
        }
    }

    /// Counts an error and, where Withings asked for it, stops everybody for a while. Gives the error back.
    pub(super) async fn note(&self, call: Call, error: CallError) -> CallError {
        self.telemetry.failure(call, error.reason());
        if let Remedy::PauseAll(pause) = error.remedy() {
            self.storage.pause(pause).await;
        }
        error
    }

    /// The present time by Withings' clock, Unix seconds.
    #[must_use]
    pub fn server_now(&self) -> i64 {
        self.server_time.now()
    }

    /// A call without a token, and its whole answer.
    async fn whole(&self, call: Call, path: &str, form: String) -> Result<Vec<u8>, CallError> {
        let mut answer = Vec::new();
        self.post(call, path, None, form, |chunk| answer.extend_from_slice(chunk)).await?;
        Ok(answer)
    }

    /// Makes a call whose answer `take` is given while it comes.
    async fn post(
        &self,
        call: Call,
        path: &str,
        token: Option<&str>,
        form: String,
        take: impl FnMut(&[u8]),
    ) -> Result<(), CallError> {
        let url = self.api_url.join(path).expect("the path of a call is a valid URL path");
        let sent = Instant::now();
        let head = self.http.post_form(url, token, form, take).await;
        let took = sent.elapsed();
        self.telemetry.request(call, took);
        tracing::debug!(%call, seconds = took.as_secs_f64(), "called Withings");
        match head.map_err(CallError::from).and_then(|it| self.judge(&it)) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.note(call, error).await),
        }
    }

    fn judge(&self, head: &Head) -> Result<(), CallError> {
        if head.status != 200 {
            return Err(CallError::HttpStatus(head.status));
        }
        if let Some(date) = head.date {
            self.server_time.note_date(date.timestamp());
        }
        Ok(())
    }
}

impl CallError {
    /// What it asks us to do.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::Http(_)
            | Self::HttpStatus(_)
            | Self::Envelope(_)
            | Self::NoBody
            | Self::Body(_)
            | Self::NoTurn(_)
            | Self::SameOffset { .. }
            | Self::EndlessPages(_) => Remedy::Retry,
        }
    }

    /// The label `reason` of the metric.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Http(HttpError::Connect(_)) => Reason::Connect,
            Self::Http(HttpError::Timeout(_)) => Reason::Timeout,
            Self::Http(HttpError::TooLarge) => Reason::TooLarge,
            Self::HttpStatus(_) => Reason::Http,
            Self::Envelope(_) | Self::NoBody | Self::Body(_) | Self::SameOffset { .. } | Self::EndlessPages(_) => {
                Reason::Decode
            }
            Self::NoTurn(_) => Reason::RateLimited,
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}

impl ServerTime {
    fn new(clock: Clock) -> Self {
        Self { clock, from_updatetime: AtomicI64::new(UNKNOWN), from_date: AtomicI64::new(UNKNOWN) }
    }

    fn now(&self) -> i64 {
        let offset = self.from_updatetime.load(Ordering::Relaxed).max(self.from_date.load(Ordering::Relaxed));
        self.clock.unix() + if offset == UNKNOWN { 0 } else { offset }
    }

    fn note_updatetime(&self, at: i64) {
        self.from_updatetime.store(at - self.clock.unix(), Ordering::Relaxed);
    }

    fn note_date(&self, at: i64) {
        self.from_date.store(at - self.clock.unix(), Ordering::Relaxed);
    }
}

fn path(call: Call) -> &'static str {
    match call {
        Call::Getmeas => "/measure",
        Call::Getsummary | Call::SleepGet => "/v2/sleep",
        Call::Getactivity | Call::Getworkouts => "/v2/measure",
        Call::Getdevice | Call::Getgoals => "/v2/user",
        Call::Requesttoken | Call::Revoke => "/v2/oauth2",
        Call::Notify => "/notify",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_is_the_later_of_what_its_answers_say() {
        let clock = Clock::frozen(chrono::DateTime::from_timestamp(1000, 0).unwrap());
        let time = ServerTime::new(clock.clone());
        assert_eq!(time.now(), 1000);
        time.note_date(900);
        assert_eq!(time.now(), 900, "a host whose clock is ahead");
        time.note_updatetime(910);
        clock.advance(Duration::from_secs(10));
        assert_eq!(time.now(), 920);
        time.note_date(1500);
        assert_eq!(time.now(), 1500, "an updatetime that lags does not hold the time back");
    }
}
