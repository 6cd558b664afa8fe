//! One request to the API: wait for a turn, send, read the answer while it comes.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::envelope::{self, Remedy};
use super::error::CallError;
use super::request::Request;
use super::rows::PageRows;
use super::streaming_decoder::StreamingDecoder;
use crate::catalogue::Call;
use crate::clock::ServerClock;
use crate::http::{Http, ResponseHead};
use crate::storage::{Class, Storage};
use crate::telemetry::Telemetry;

/// How long a refresh of known data waits for its turn; then the profile is given back, and is still due.
const TURN_WITHIN: Duration = Duration::from_mins(3);

/// How long a page of a history waits: giving up costs all pages before it, for the call begins anew then.
const PAGE_WITHIN: Duration = Duration::from_mins(5);

/// The Withings API. Cheap to clone; clones share connections, budget and Withings' clock.
#[derive(Clone)]
pub struct Client {
    http: Http,
    api_url: Url,
    storage: Storage,
    telemetry: Telemetry,
    clock: ServerClock,
}

impl Client {
    /// The API at `api_url`.
    #[must_use]
    pub fn new(http: Http, api_url: Url, storage: Storage, telemetry: Telemetry, clock: ServerClock) -> Self {
        Self { http, api_url, storage, telemetry, clock }
    }

    /// The same API at another address, with the same budget and clock.
    #[must_use]
    pub fn moved(&self, http: Http, api_url: Url) -> Self {
        Self { http, api_url, ..self.clone() }
    }

    /// The address of the API.
    #[must_use]
    pub fn api_url(&self) -> &Url {
        &self.api_url
    }

    /// Waits for the right to make one request. No lock and no lease may be held meanwhile.
    pub async fn turn(&self, class: Class) -> Result<(), CallError> {
        let within = match class {
            Class::Exchange | Class::Refresh | Class::Data => TURN_WITHIN,
            Class::FirstRead | Class::Backfill => PAGE_WITHIN,
        };
        Ok(self.storage.turn(class, within).await?)
    }

    /// Asks for one page of `request`, from `offset`; without one the first page. Its rows are taken while they come. Returns the
    /// offset of the next page. The caller has waited for its [turn](Self::turn).
    pub async fn page(
        &self,
        token: &str,
        request: &Request,
        offset: Option<i64>,
        rows: &mut dyn PageRows,
    ) -> Result<Option<i64>, CallError> {
        let mut answer = StreamingDecoder::new(rows, self.clock.now());
        let head = self
            .post(request.call, request.path, Some(token), request.form(offset), |chunk| answer.push(chunk))
            .await?;
        match answer.finish(request.needs_body() || offset.is_some()) {
            Ok(end) => {
                self.note_time(&head, end.server_time);
                Ok(end.next)
            }
            Err(error) => Err(self.note(request.call, error.under(head.status)).await),
        }
    }

    /// Sends a form to the token endpoint and gives the envelope back, unopened. The caller has waited for its turn.
    pub(super) async fn token(&self, form: String) -> Result<Vec<u8>, CallError> {
        self.whole(Call::Requesttoken, "/v2/oauth2", form).await
    }

    /// Sends a form that is signed and needs no token, and gives the body back. The caller has waited for its turn.
    pub(super) async fn signed(&self, path: &str, form: String) -> Result<Vec<u8>, CallError> {
        let answer = self.whole(Call::Revoke, path, form).await?;
        match envelope::open(&answer)? {
            Ok(body) => Ok(body.as_bytes().to_vec()),
            Err(refusal) => Err(self.note(Call::Revoke, refusal.into()).await),
        }
    }

    /// Counts an error and gives it back. Where Withings asked for a pause, every process pauses.
    pub(super) async fn note(&self, call: Call, error: CallError) -> CallError {
        self.telemetry.failure(call, error.reason());
        if let Remedy::PauseAll(pause) = error.remedy() {
            self.storage.pause(pause).await;
        }
        error
    }

    /// Withings' clock.
    #[must_use]
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Makes a call without a token and gives its whole answer, which is an envelope.
    async fn whole(&self, call: Call, path: &str, form: String) -> Result<Vec<u8>, CallError> {
        let mut answer = Vec::new();
        let head = self.post(call, path, None, form, |chunk| answer.extend_from_slice(chunk)).await?;
        match envelope::open(&answer) {
            Ok(Ok(_)) => self.note_time(&head, None),
            Ok(Err(_)) => {}
            Err(error) => return Err(self.note(call, CallError::from(error).under(head.status)).await),
        }
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
    ) -> Result<ResponseHead, CallError> {
        let url = self.api_url.join(path).expect("the path of a call is a valid URL path");
        let sent = Instant::now();
        let head = self.http.post_form(url, token, form, take).await;
        let took = sent.elapsed();
        self.telemetry.request(call, took);
        tracing::debug!(%call, seconds = took.as_secs_f64(), "called Withings");
        match head {
            Ok(head) => Ok(head),
            Err(error) => Err(self.note(call, error.into()).await),
        }
    }

    /// Sets the clock by an answer with status 0, which tells the time twice: in its HTTP `Date` and in `updatetime`. The later
    /// one counts, for `updatetime` may be that of the last change.
    fn note_time(&self, head: &ResponseHead, updatetime: Option<i64>) {
        if let Some(at) = updatetime.max(head.date.map(|date| date.timestamp())) {
            self.clock.note(at);
        }
    }
}
