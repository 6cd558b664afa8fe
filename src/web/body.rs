//! The body of a response: finished bytes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::activity::RequestInWork;

/// The most bytes handed to a connection at one time, so that a body is not done long before its client has it.
const PIECE: usize = 256 * 1024;

/// Bytes, sent a piece at a time without being copied.
pub(super) struct ResponseBody {
    rest: Bytes,
    _request: Option<RequestInWork>,
}

impl ResponseBody {
    /// The same, with `request` in work until the last piece is with the connection.
    pub(super) fn answering(self, request: RequestInWork) -> Self {
        Self { _request: Some(request), ..self }
    }

    /// Bytes that are still to be sent.
    pub(super) fn len(&self) -> u64 {
        self.rest.len() as u64
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let length = self.rest.len().min(PIECE);
        (length > 0).then(|| self.rest.split_to(length))
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self { rest: bytes, _request: None }
    }
}

impl From<String> for ResponseBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
