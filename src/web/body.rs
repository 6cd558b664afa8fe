//! The body of a response: finished bytes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::in_flight::RequestInFlight;
use super::scrapes::Scrape;

/// The most bytes handed to a connection at one time, so that a body is not done long before its client has it.
const PIECE: usize = 256 * 1024;

/// Chunks of known total length, sent without being copied together.
pub(super) struct ResponseBody {
    chunks: VecDeque<Bytes>,
    remaining: u64,
    _scrape: Option<Scrape>,
    _request: Option<RequestInFlight>,
}

impl ResponseBody {
    /// These chunks, one after the other. `scrape` ends when the last piece is with the connection.
    pub(super) fn of(chunks: impl IntoIterator<Item = Bytes>, scrape: Option<Scrape>) -> Self {
        let chunks: VecDeque<_> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let remaining = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks, remaining, _scrape: scrape, _request: None }
    }

    /// The same, with `request` in flight until the last piece is with the connection.
    pub(super) fn answering(self, request: RequestInFlight) -> Self {
        Self { _request: Some(request), ..self }
    }

    /// Bytes that are still to be sent.
    pub(super) fn len(&self) -> u64 {
        self.remaining
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.front_mut()?;
        let piece = chunk.split_to(chunk.len().min(PIECE));
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.remaining -= piece.len() as u64;
        Some(piece)
    }
}

impl From<String> for ResponseBody {
    fn from(text: String) -> Self {
        Self::of([text.into()], None)
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
