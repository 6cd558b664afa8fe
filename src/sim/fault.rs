//! Faults on demand.

use std::time::Duration;

use serde_json::json;

use super::UserId;
use super::call::Call;
use super::limit::Caller;
use super::reply::{Refusal, Reply, Transfer};

/// What goes wrong instead of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This HTTP status, with an HTML page, as the infrastructure in front of the service answers.
    Http(u16),
    /// HTTP 200 with this text as the body.
    Verbatim(&'static str),
    /// HTTP 200 with so many bytes of JSON as the body.
    Large(usize),
    /// The connection ends where the answer should begin.
    HangUp,
    /// An envelope with this status and nothing else.
    Status(i64),
    /// Envelope 401: the access token is invalid.
    InvalidToken,
    /// Envelope 403: the token's scopes do not suffice.
    InsufficientScope,
    /// Envelope 503: an invalid parameter.
    InvalidParams,
    /// Envelope 601: too many calls, with or without `wait_seconds`.
    TooManyRequests {
        /// How long to wait, if the service says it.
        wait_seconds: Option<i64>,
    },
    /// Envelope 601: the identical call was made a moment ago.
    SameArguments {
        /// How long to wait.
        wait_seconds: i64,
    },
    /// An empty page that promises another one, always at the same offset.
    EndlessPages,
    /// An empty page that promises another one, each time at a later offset.
    GrowingPages,
}

/// What a fault does to a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// The call fails, under this HTTP status or the failure's own.
    Fail(Failure, Option<u16>),
    /// The call does what it should, and its answer reaches the client like this.
    Transfer(Transfer),
}

/// A failure, the calls that it strikes (default: all), and how many times (default: once).
#[derive(Clone, Debug)]
pub struct Fault {
    effect: Effect,
    action: Option<String>,
    user: Option<UserId>,
    further_pages: bool,
    whole_reads: bool,
    left: u32,
}

impl Fault {
    /// A failure of the next call, whatever it is.
    #[must_use]
    pub fn new(failure: Failure) -> Self {
        Self::of_effect(Effect::Fail(failure, None))
    }

    /// The same failure of the next call, with this HTTP status around its envelope. Withings answers 200; what stands before it
    /// may not.
    #[must_use]
    pub fn under(failure: Failure, http: u16) -> Self {
        Self::of_effect(Effect::Fail(failure, Some(http)))
    }

    /// A slow network: the next call does what it should, and its answer arrives so much later.
    #[must_use]
    pub fn delay(by: Duration) -> Self {
        Self::of_effect(Effect::Transfer(Transfer::After(by)))
    }

    /// A network that hardly works: the next call does what it should, and its answer arrives byte by byte, one a
    /// second.
    #[must_use]
    pub fn drip() -> Self {
        Self::of_effect(Effect::Transfer(Transfer::ByteBySecond))
    }

    /// A broken compressor: the next call does what it should, and its answer cannot be unpacked.
    #[must_use]
    pub fn damaged() -> Self {
        Self::of_effect(Effect::Transfer(Transfer::Damaged))
    }

    /// The same, striking only calls with this `action`, e.g. `getmeas` or `requesttoken`.
    #[must_use]
    pub fn on(self, action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..self }
    }

    /// The same, striking only this user's calls.
    #[must_use]
    pub fn of(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same, striking only calls for a second or later page.
    #[must_use]
    pub fn on_further_pages(self) -> Self {
        Self { further_pages: true, ..self }
    }

    /// The same, striking only calls that do not ask for changes by `lastupdate`.
    #[must_use]
    pub fn on_whole_reads(self) -> Self {
        Self { whole_reads: true, ..self }
    }

    /// The same, striking so many calls; `u32::MAX` does not end in practice.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { left: times, ..self }
    }

    fn of_effect(effect: Effect) -> Self {
        Self { effect, action: None, user: None, further_pages: false, whole_reads: false, left: 1 }
    }

    fn strikes(&self, call: &Call, caller: &Caller) -> bool {
        let action = self.action.is_none() || self.action.as_deref() == call.action();
        let user = self.user.is_none() || self.user == caller.user;
        let page = !self.further_pages || call.params.get("offset").is_some();
        let is_of_changes = !matches!(call.params.get("lastupdate"), None | Some("0"));
        self.left > 0 && action && user && page && !(self.whole_reads && is_of_changes)
    }
}

/// The faults that have not struck yet, oldest first.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The effect of the oldest fault that strikes this call; the fault has one call less to strike.
    pub(super) fn strike(&mut self, call: &Call, caller: &Caller) -> Option<Effect> {
        let fault = self.0.iter_mut().find(|fault| fault.strikes(call, caller))?;
        fault.left -= 1;
        let effect = fault.effect;
        self.0.retain(|fault| fault.left > 0);
        Some(effect)
    }
}

impl Failure {
    /// The reply to `call`.
    pub(super) fn reply(self, call: &Call) -> Reply {
        let page = |offset: i64| Ok(json!({"more": true, "offset": offset}));
        let answer = match self {
            Self::Http(status) => return Reply::infrastructure(status, "Simulated"),
            Self::Verbatim(text) => return Reply::verbatim(text.to_owned()),
            Self::Large(bytes) => return Reply::verbatim(format!("\"{}\"", "x".repeat(bytes))),
            Self::HangUp => return Reply { transfer: Transfer::Nowhere, ..Reply::verbatim(String::new()) },
            Self::EndlessPages => page(100),
            Self::GrowingPages => page(call.params.integer("offset").ok().flatten().unwrap_or(0) + 100),
            Self::InvalidToken => Err(Refusal::invalid_token()),
            Self::InsufficientScope => Err(Refusal::insufficient_scope()),
            Self::InvalidParams => Err(Refusal::invalid("simulated")),
            Self::Status(status) => Err(Refusal::new(status, "simulated")),
            Self::TooManyRequests { wait_seconds } => Err(Refusal::too_many(wait_seconds)),
            Self::SameArguments { wait_seconds } => Err(Refusal::same_arguments(10, wait_seconds)),
        };
        answer.into()
    }
}
