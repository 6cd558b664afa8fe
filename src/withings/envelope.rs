//! The envelope of every answer, `{"status":…,"body":…,"error":…}`, and what to do about each status.
//!
//! Withings answers HTTP 200 to everything: success is status 0 and nothing else
//! (<https://developer.withings.com/api-reference/#section/Response-status>). What a status asks for is known from that table,
//! which promises the families only, and from captured answers.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire;
use crate::telemetry::Reason;
use crate::visible::cleaned;

/// How long a limit without `wait_seconds` is waited out: many answers have none.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);

/// The longest wait that is believed: an answer that asks for more is taken for a mistake.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// A run of letters and digits of this length may be a token or an id, and is not repeated.
const SECRET_LENGTH: usize = 16;

/// A status other than 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Withings answered status {status}{text}")]
pub struct Refusal {
    /// The status.
    pub status: i64,
    /// Withings' words, shortened and without anything that may be a secret.
    pub text: ErrorText,
    /// `wait_seconds` of the body.
    pub wait: Option<Duration>,
}

/// Withings' own words about an error; shown in brackets, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorText(Option<String>);

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Refresh the token once and repeat once.
    RefreshToken,
    /// The login lacks a permission: do not call again until the login changes.
    SwitchOff,
    /// Let this call of this profile wait so long.
    WaitThisCall(Duration),
    /// Let the whole application pause so long.
    PauseAll(Duration),
    /// Drop the cursor and read everything: the request was wrong.
    FullRead,
    /// Nothing to do before the next interval.
    NextInterval,
    /// Try again after a growing pause.
    Retry,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "wire::int")]
    status: Option<i64>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "wire::text")]
    error: Option<String>,
}

/// The body of status 601.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RateLimitBody {
    #[serde(deserialize_with = "wire::int")]
    wait_seconds: Option<i64>,
}

/// An answer that is no envelope: HTML, cut off, or something else.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not what the call promises")]
pub struct NotAnEnvelope(#[source] pub DecodeError);

/// Where an answer is not what was expected. The answer itself is not repeated: it holds health data.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Another kind of value stands there.
    #[error("unexpected {what} at `{path}`, line {line} column {column}")]
    Unexpected {
        /// The kind of what stands there.
        what: &'static str,
        /// The path in the document.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 before the first character.
        column: usize,
    },
    /// A field that must be there is missing.
    #[error("no {what} at `{path}`")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The path in the document.
        path: String,
    },
}

impl DecodeError {
    pub(super) fn missing(what: &'static str, path: &str) -> Self {
        Self::Missing { what, path: path.to_owned() }
    }
}

/// An opened answer: the body of a success, or the refusal.
pub type Opened<'a> = Result<&'a str, Refusal>;

/// Opens an envelope: status first. The body of a success is `null` if it is absent.
pub fn open(answer: &[u8]) -> Result<Opened<'_>, NotAnEnvelope> {
    let envelope: Envelope<'_> = parse(answer).map_err(NotAnEnvelope)?;
    let body = envelope.body.map_or("null", RawValue::get);
    let Some(status) = envelope.status else {
        return Err(NotAnEnvelope(DecodeError::missing("status", "status")));
    };
    if status == 0 {
        return Ok(Ok(body));
    }
    let limits: RateLimitBody = serde_json::from_str(body).unwrap_or_default();
    let wait = limits.wait_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    Ok(Err(Refusal { status, text: ErrorText::new(envelope.error), wait }))
}

/// Parses JSON and says where it is wrong, never what it says.
pub fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // The path may end in an unknown field, whose name is a text from outside.
        let path = without_secrets(&error.path().to_string());
        let source = error.into_inner();
        let what = match source.classify() {
            serde_json::error::Category::Data => "type of value",
            serde_json::error::Category::Eof => "end",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "character",
        };
        DecodeError::Unexpected { what, path, line: source.line(), column: source.column() }
    })
}

impl Refusal {
    /// What to do about a refused call for data.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self.status {
            100..=102 | 200 | 283 | 401 => Remedy::RefreshToken,
            // 403 is in no table of Withings', but it is what a missing scope is answered with
            // (joostlek/python-withings#587).
            214 | 277 | 403 | 2553 => Remedy::SwitchOff,
            // Not "service unavailable": a parameter is wrong, such as a `lastupdate` in the future.
            503 => Remedy::FullRead,
            524 | 2554 => Remedy::NextInterval,
            // A repetition within 10 s concerns this call only; any other 601 is the limit of the whole application. Neither
            // is about the tokens, which must not be dropped (jaroslawhartman/withings-sync#237).
            601 if self.text.says("same arguments") => Remedy::WaitThisCall(self.wait()),
            601 => Remedy::PauseAll(self.wait()),
            _ => Remedy::Retry,
        }
    }

    /// The label `reason` of the metric.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self.status {
            100..=102 | 200 | 283 | 401 => Reason::Auth,
            214 | 277 | 403 | 2553 => Reason::Scope,
            503 => Reason::InvalidRequest,
            601 => Reason::RateLimited,
            522 => Reason::Timeout,
            _ => Reason::Other,
        }
    }

    /// Whether Withings refused the refresh token. A wrong client secret is answered in the same way
    /// (`vangorra/python_withings_api#83`).
    #[must_use]
    pub fn is_about_the_refresh_token(&self) -> bool {
        self.status == 503 && self.text.says("refresh_token")
    }

    fn wait(&self) -> Duration {
        self.wait.unwrap_or(DEFAULT_WAIT).min(LONGEST_WAIT)
    }
}

impl ErrorText {
    pub(super) fn new(text: Option<String>) -> Self {
        Self(text.map(|text| without_secrets(&text)).filter(|text| !text.is_empty()))
    }

    /// Withings' words, if there are any.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        self.0
    }

    /// Whether the text has these words, in any case.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.0.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains(words))
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |text| write!(f, " ({text})"))
    }
}

/// A text from outside as it may be shown: one short line, without long runs of letters and digits.
fn without_secrets(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut shown = String::new();
    for run in cleaned(text.trim()).chars().collect::<Vec<_>>().chunk_by(|a, b| is_word(*a) == is_word(*b)) {
        let has_digit = run.iter().any(char::is_ascii_digit);
        if has_digit && run.len() >= SECRET_LENGTH {
            shown.push('…');
        } else {
            shown.extend(run);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> Refusal {
        open(json.as_bytes()).unwrap().unwrap_err()
    }

    #[test]
    fn the_captured_errors_have_their_remedies() {
        let secs = Duration::from_secs;
        let captured = [
            (
                r#"{"status":401,"body":{},"error":"XRequestID: Not provided invalid_token: The access token provided is invalid"}"#,
                Remedy::RefreshToken,
                Reason::Auth,
            ),
            (
                r#"{"status":403,"error":"XRequestID: [Not provided] - Insufficient_scope: The request requires higher privileges than provided by the access token"}"#,
                Remedy::SwitchOff,
                Reason::Scope,
            ),
            (
                r#"{"status":503,"error":"Invalid Params lastupdate is too high:[1900000000]"}"#,
                Remedy::FullRead,
                Reason::InvalidRequest,
            ),
            (
                r#"{"status":601,"body":{"wait_seconds":68},"error":"Too Many Requests"}"#,
                Remedy::PauseAll(secs(68)),
                Reason::RateLimited,
            ),
            (
                r#"{"status":601,"body":{"wait_seconds":188},"error":"Same arguments in less than 10 seconds"}"#,
                Remedy::WaitThisCall(secs(188)),
                Reason::RateLimited,
            ),
            (r#"{"status":601,"body":[]}"#, Remedy::PauseAll(secs(60)), Reason::RateLimited),
            (r#"{"status":601,"body":{"wait_seconds":99999999}}"#, Remedy::PauseAll(secs(3600)), Reason::RateLimited),
            (r#"{"status":522,"body":{}}"#, Remedy::Retry, Reason::Timeout),
            (r#"{"status":524,"body":{}}"#, Remedy::NextInterval, Reason::Other),
            (r#"{"status":2554,"body":{}}"#, Remedy::NextInterval, Reason::Other),
            (r#"{"status":2555}"#, Remedy::Retry, Reason::Other),
            (r#"{"status":31337,"body":null}"#, Remedy::Retry, Reason::Other),
        ];
        for (json, remedy, reason) in captured {
            let refusal = refusal(json);
            assert_eq!((refusal.remedy(), refusal.reason()), (remedy, reason), "{json}");
        }
        assert!(
            refusal(r#"{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}"#)
                .is_about_the_refresh_token()
        );
        assert!(
            !refusal(r#"{"status":503,"body":{},"error":"Invalid Params: invalid code"}"#).is_about_the_refresh_token()
        );
    }

    #[test]
    fn the_status_is_read_whatever_the_body_is() {
        for body in ["", r#","body":null"#, r#","body":[]"#, r#","body":"text""#, r#","body":{"x":[1,{}]}"#] {
            assert_eq!(refusal(&format!(r#"{{"status":401{body}}}"#)).status, 401);
            assert!(open(format!(r#"{{"status":0{body}}}"#).as_bytes()).unwrap().is_ok());
        }
    }

    #[test]
    fn what_is_no_envelope_says_where_not_what() {
        let check = |answer: &str, expected: &str| {
            let NotAnEnvelope(error) = open(answer.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("<html>502 Bad Gateway</html>", "unexpected character at `.`, line 1 column 1");
        check("", "unexpected end at `.`, line 1 column 0");
        check(r#"{"status":0,"body":{"measuregrps":[{"grp"#, "unexpected end at `body`, line 1 column 40");
        check("[]", "no status at `status`");
        check(r#"{"body":{}}"#, "no status at `status`");
    }

    #[test]
    fn a_field_that_nobody_knows_is_said_in_one_short_line() {
        let field = format!("a\\u001b\\n {} {}", "x1".repeat(20), "long ".repeat(100_000));
        let NotAnEnvelope(error) = open(format!(r#"{{"status":0,"{field}":}}"#).as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("unexpected character at `a\u{fffd}\u{fffd} … long long "), "{text}");
        assert!(text.len() < 300, "{text}");
    }

    #[test]
    fn an_error_text_never_repeats_a_token() {
        let token = "a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1";
        let shown = refusal(&format!(r#"{{"status":401,"error":"invalid_token: {token}\nnot valid"}}"#)).to_string();
        assert_eq!(shown, "Withings answered status 401 (invalid_token: …\u{fffd}not valid)");
    }
}
