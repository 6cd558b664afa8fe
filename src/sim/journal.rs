//! The requests that the cloud has answered, for tests to assert, without what would let anybody in.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;

use super::UserId;
use super::call::Call;
use super::limit::Caller;
use super::reply::Reply;

/// A demo runs for weeks: so many requests are kept, the oldest go.
const KEPT: usize = 10_000;

/// The parameters that are secrets.
const SECRETS: [&str; 7] = ["access_token", "client_secret", "code", "nonce", "refresh_token", "signature", "state"];

/// The place of the access token in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// The `Authorization` header.
    Header,
    /// The `access_token` parameter, as old clients do it.
    Parameter,
    /// There is none.
    Absent,
}

/// A request that the cloud has answered, without its secrets.
#[derive(Clone, Debug)]
pub struct Request {
    /// The time of the request, by the cloud's clock.
    pub time: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path, without a trailing slash.
    pub path: String,
    /// The `action` parameter, if any.
    pub action: Option<String>,
    /// The user whose token, code or refresh token the request carried, if the cloud ever gave it out.
    pub user: Option<UserId>,
    /// Query and form, without tokens, codes and secrets.
    pub params: BTreeMap<String, String>,
    /// The place of the access token.
    pub token: TokenPlace,
    /// The answer's HTTP status.
    pub http: u16,
    /// The answer's envelope status, if it had an envelope.
    pub status: Option<i64>,
}

/// So many requests may wait for a slow listener, which misses the oldest beyond them.
const UNHEARD: usize = 1000;

/// The latest requests, oldest first.
pub(super) struct Journal {
    kept: VecDeque<Request>,
    listeners: broadcast::Sender<Request>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { kept: VecDeque::new(), listeners: broadcast::Sender::new(UNHEARD) }
    }
}

impl Journal {
    pub(super) fn enter(&mut self, time: DateTime<Utc>, call: &Call, caller: &Caller, reply: &Reply) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        let mut params = call.params.0.clone();
        params.retain(|name, _| !SECRETS.contains(&name.as_str()));
        let request = Request {
            time,
            method: call.method.clone(),
            path: call.path.clone(),
            action: call.action().map(str::to_owned),
            user: caller.user,
            params,
            token: place(call),
            http: reply.http,
            status: reply.status,
        };
        // Without a listener the request goes nowhere.
        drop(self.listeners.send(request.clone()));
        self.kept.push_back(request);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Request> {
        self.listeners.subscribe()
    }

    pub(super) fn all(&self) -> Vec<Request> {
        self.kept.iter().cloned().collect()
    }
}

fn place(call: &Call) -> TokenPlace {
    match call.access_token() {
        None => TokenPlace::Absent,
        Some(_) if call.bearer.is_some() => TokenPlace::Header,
        Some(_) => TokenPlace::Parameter,
    }
}
