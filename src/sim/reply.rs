//! What the model answers: the envelope with its captured errors, pages, redirects.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// An answer, ready for HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) http: u16,
    /// The status of the envelope, where there is one.
    pub(super) status: Option<i64>,
    pub(super) content_type: &'static str,
    pub(super) location: Option<String>,
    pub(super) body: String,
    /// How the body reaches the client.
    pub(super) transfer: Transfer,
}

/// How the body of an answer reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    /// The whole body, after this time.
    After(Duration),
    /// The body byte by byte, one a second.
    ByteBySecond,
    /// The body with the header of gzip, which it is not.
    Damaged,
    /// No answer: the connection ends.
    Nowhere,
}

impl Reply {
    /// An envelope as it is. The HTTP status is 200, whatever the status of the envelope says.
    pub(super) fn envelope(envelope: &Value) -> Self {
        Self { status: envelope["status"].as_i64(), ..Self::json(200, envelope) }
    }

    /// The consent page.
    pub(super) fn page(html: String) -> Self {
        Self::of(200, "text/html; charset=utf-8", html)
    }

    /// A redirect to this address.
    pub(super) fn redirect(location: String) -> Self {
        Self { http: 302, location: Some(location), ..Self::page(String::new()) }
    }

    /// A mistake on the account's host, which has no envelope, as seen (jaroslawhartman/withings-sync#82).
    pub(super) fn problem(message: &str) -> Self {
        Self::json(400, &json!({"errors": [{"message": message}]}))
    }

    /// An HTTP status with a page of the infrastructure, which knows nothing of envelopes.
    pub(super) fn infrastructure(http: u16, title: &str) -> Self {
        Self { http, ..Self::page(format!("<html><head><title>{http} {title}</title></head></html>\n")) }
    }

    /// The text of a fault, as it is.
    pub(super) fn verbatim(text: String) -> Self {
        Self::of(200, "application/json", text)
    }

    /// JSON with escaped slashes, as PHP writes it; in JSON a slash stands in strings only.
    fn json(http: u16, body: &Value) -> Self {
        Self::of(http, "application/json", body.to_string().replace('/', "\\/"))
    }

    fn of(http: u16, content_type: &'static str, body: String) -> Self {
        Self { http, status: None, content_type, location: None, body, transfer: Transfer::After(Duration::ZERO) }
    }
}

impl From<Result<Value, Refusal>> for Reply {
    fn from(answer: Result<Value, Refusal>) -> Self {
        Self::envelope(&answer.map_or_else(Refusal::into_json, |body| json!({"status": 0, "body": body})))
    }
}

/// An envelope with a status other than 0.
#[derive(Debug)]
pub(super) struct Refusal {
    status: i64,
    body: Option<Value>,
    error: String,
}

impl Refusal {
    /// Invalid parameters; `text` says which.
    pub(super) fn invalid(text: &str) -> Self {
        Self::new(503, &format!("Invalid Params: {text}"))
    }

    /// A `lastupdate` ahead of the service's clock: as seen, the one error without a body (Zn4rK/php-withings#23).
    pub(super) fn future(lastupdate: i64) -> Self {
        let error = format!("Invalid Params lastupdate is too high:[{lastupdate}]");
        Self { status: 503, body: None, error }
    }

    /// An access token that was never given or is dead; the text as seen (PipedreamHQ/pipedream#4566).
    pub(super) fn invalid_token() -> Self {
        Self::new(401, "XRequestID: Not provided invalid_token: The access token provided is invalid")
    }

    /// The token's scopes do not open this call. The status is in no official table; status and text as seen
    /// (joostlek/python-withings#587).
    pub(super) fn insufficient_scope() -> Self {
        let reason = "The request requires higher privileges than provided by the access token";
        Self::new(403, &format!("XRequestID: [Not provided] - Insufficient_scope: {reason}"))
    }

    /// More calls in a minute than the application may make.
    pub(super) fn too_many(wait_seconds: Option<i64>) -> Self {
        Self::wait("Too Many Requests", wait_seconds)
    }

    /// The identical call again, too soon.
    pub(super) fn same_arguments(within: i64, wait_seconds: i64) -> Self {
        Self::wait(&format!("Same arguments in less than {within} seconds"), Some(wait_seconds))
    }

    /// A callback URL that is not allowed or does not answer, as seen (home-assistant/core#72614).
    pub(super) fn wrong_callback(url: &str) -> Self {
        Self::new(293, &format!("The callback URL is either absent or incorrect: {url}"))
    }

    /// No such subscription to revoke.
    pub(super) fn no_subscription(url: &str) -> Self {
        Self::new(294, &format!("No such subscription was found: {url}"))
    }

    /// A signature that was made with another secret. Older documentation has the number 342.
    pub(super) fn bad_signature() -> Self {
        Self::new(342, "The signature is incorrect")
    }

    /// An action that this path does not have.
    pub(super) fn unknown_action() -> Self {
        Self::new(2554, "Not implemented")
    }

    fn wait(error: &str, seconds: Option<i64>) -> Self {
        let body = seconds.map_or_else(|| json!({}), |seconds| json!({"wait_seconds": seconds}));
        Self { body: Some(body), ..Self::new(601, error) }
    }

    /// A refusal with this status and text, and an empty body.
    pub(super) fn new(status: i64, error: &str) -> Self {
        Self { status, body: Some(json!({})), error: error.to_owned() }
    }

    fn into_json(self) -> Value {
        let mut envelope = json!({"status": self.status, "error": self.error});
        if let Some(body) = self.body {
            envelope["body"] = body;
        }
        envelope
    }
}

/// The fields that were asked for and exist. As PHP does, and as seen in the fixtures, an empty map becomes an empty
/// list.
pub(super) fn map_or_list(data: &Map<String, Value>, fields: &[&str]) -> Value {
    let asked = fields.iter().filter_map(|&name| Some((name.to_owned(), data.get(name)?.clone())));
    let asked: Map<_, _> = asked.collect();
    if asked.is_empty() { json!([]) } else { Value::Object(asked) }
}
