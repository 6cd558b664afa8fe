//! A call: what the model takes of an HTTP request.

use std::collections::BTreeMap;

use super::reply::Refusal;

/// A request, read but not judged.
pub(super) struct Call {
    pub(super) method: String,
    /// The path without a trailing slash.
    pub(super) path: String,
    pub(super) params: Params,
    /// The token of the `Authorization` header.
    pub(super) bearer: Option<String>,
    /// Whether the callback URL that the call subscribes was tested and answered.
    pub(super) callback_answers: bool,
}

impl Call {
    /// The access token, from the header or, as old clients do it, from a parameter.
    pub(super) fn access_token(&self) -> Option<&str> {
        self.bearer.as_deref().or_else(|| self.params.get("access_token"))
    }

    /// The parameter `action`.
    pub(super) fn action(&self) -> Option<&str> {
        self.params.get("action")
    }
}

/// The parameters of query and form together; the form wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(pub(super) BTreeMap<String, String>);

impl Params {
    /// A parameter, unless it is absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A whole number; anything else is refused by name.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name).map(|text| text.parse().map_err(|_| Refusal::invalid(&format!("invalid {name}")))).transpose()
    }

    /// A list separated by commas.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|text| text.split(',').collect())
    }

    /// A parameter that must not be missing.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::invalid(&format!("missing {name}")))
    }
}

/// A data call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Getmeas,
    Getactivity,
    Getintradayactivity,
    Getworkouts,
    SleepGet,
    Getsummary,
    Getdevice,
    Getgoals,
    HeartList,
}
