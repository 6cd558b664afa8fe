//! Why a call failed, what to do about it, and how it is counted.

use super::envelope::{DecodeError, NotAnEnvelope, Refusal, Remedy};
use crate::http::HttpError;
use crate::storage::NoTurn;
use crate::telemetry::Reason;

/// A call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No whole answer came.
    #[error("no answer from Withings")]
    Http(#[from] HttpError),
    /// An HTTP status other than 200, and no envelope: something before the API answered.
    #[error("HTTP status {0} instead of an answer")]
    HttpStatus(u16),
    /// The answer is no envelope.
    #[error(transparent)]
    Envelope(#[from] NotAnEnvelope),
    /// The answer has no body, where everything was asked for: that is not the same as an empty list.
    #[error("the answer has no body")]
    NoBody,
    /// The body has another shape than the call promises.
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
    /// The answer has had so many pages, and has more.
    #[error("the pages of the answer do not end: there were {0}")]
    EndlessPages(usize),
}

impl CallError {
    /// The error of an answer that came with this HTTP status. An envelope counts whatever HTTP says; without one the status is
    /// what is known.
    #[must_use]
    pub(super) fn under(self, http_status: u16) -> Self {
        match self {
            Self::Envelope(_) if http_status != 200 => Self::HttpStatus(http_status),
            error => error,
        }
    }

    /// What to do about the error.
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
            Self::Http(HttpError::ConnectTimeout | HttpError::AnswerTimeout) => Reason::Timeout,
            Self::Http(HttpError::TooLarge) => Reason::TooLarge,
            Self::HttpStatus(_) => Reason::Http,
            Self::Http(HttpError::Decode(_))
            | Self::Envelope(_)
            | Self::NoBody
            | Self::Body(_)
            | Self::SameOffset { .. }
            | Self::EndlessPages(_) => Reason::Decode,
            Self::NoTurn(_) => Reason::RateLimited,
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}
