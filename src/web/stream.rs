//! The stream of a connection: it tells what its client does, and ends when the client takes nothing for too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

/// A stream that is watched. Its writes fail when its client takes nothing for too long.
pub(super) struct WatchedStream<S> {
    stream: S,
    activity: Activity,
    /// Whether bytes that come between two requests are of the next one. In HTTP/2 they may be of the connection itself.
    are_bytes_of_requests: bool,
    write_timeout: Duration,
    /// Ends the wait for the client; there while bytes wait to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(stream: S, activity: Activity, are_bytes_of_requests: bool, write_timeout: Duration) -> Self {
        Self { stream, activity, are_bytes_of_requests, write_timeout, waiting: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            if self.waiting.take().is_some() {
                self.activity.note_blocked(false);
            }
            return progress;
        }
        if self.waiting.is_none() {
            self.activity.note_blocked(true);
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let progress = Pin::new(&mut this.stream).poll_read(context, into);
        if this.are_bytes_of_requests && into.filled().len() > before {
            this.activity.note_bytes();
        }
        progress
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judge(context, progress)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.judge(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_flush(context);
        this.judge(context, progress)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = Pin::new(&mut this.stream).poll_shutdown(context);
        this.judge(context, progress)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;
    use crate::web::activity::WaitsFor;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn watched<S>(stream: S) -> (WatchedStream<S>, Activity) {
        let activity = Activity::beginning();
        (WatchedStream::new(stream, activity.clone(), true, TIMEOUT), activity)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_little_now_and_then_gets_everything() {
        let (here, mut there) = tokio::io::duplex(10);
        let (mut here, activity) = watched(here);
        let request = activity.begin_request();
        let taken = tokio::spawn(async move {
            let mut all = Vec::new();
            while there.read_buf(&mut all).await.unwrap() > 0 {
                sleep(Duration::from_secs(29)).await;
            }
            all.len()
        });
        here.write_all(&[0; 100]).await.unwrap();
        assert_eq!(activity.waits_for(), None, "everything is taken, and the request is in work");
        drop((here, request));
        assert_eq!(taken.await.unwrap(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_seen_and_then_cut() {
        let (here, _there) = tokio::io::duplex(10);
        let (mut here, activity) = watched(here);
        let begun = Instant::now();
        let writing = tokio::spawn(async move { here.write_all(&[0; 100]).await.unwrap_err().kind() });
        tokio::task::yield_now().await;
        assert_eq!(activity.waits_for(), Some((WaitsFor::TakingOfResponse, begun)));
        assert_eq!((writing.await.unwrap(), begun.elapsed()), (io::ErrorKind::TimedOut, TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_request_is_seen() {
        let (here, mut there) = tokio::io::duplex(10);
        let (mut here, activity) = watched(here);
        drop(activity.begin_request());
        let what = || activity.waits_for().map(|(what, _)| what);
        assert_eq!(what(), Some(WaitsFor::NextRequest));
        there.write_all(b"GET ").await.unwrap();
        here.read_buf(&mut Vec::with_capacity(10)).await.unwrap();
        assert_eq!(what(), Some(WaitsFor::RestOfRequest));
    }
}
