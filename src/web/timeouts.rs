//! Time-outs for a client that asks and does not take the response.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

/// A stream whose writes fail when its client takes nothing for too long.
pub(super) struct WriteTimeout<S> {
    stream: S,
    timeout: Duration,
    /// Ends the wait for the client; there while bytes wait to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    pub(super) fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, waiting: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.waiting = None;
            return progress;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
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

/// Runs each request of a connection of HTTP/2 for this long at most: there a client may read on and still take nothing of
/// one response, which no time-out of the stream notices.
#[derive(Clone)]
pub(super) struct RequestTimeout(pub(super) Duration);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for RequestTimeout {
    fn execute(&self, request: F) {
        tokio::spawn(timeout(self.0, request));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_little_now_and_then_gets_everything() {
        let (here, mut there) = tokio::io::duplex(10);
        let mut here = WriteTimeout::new(here, TIMEOUT);
        let taken = tokio::spawn(async move {
            let mut all = Vec::new();
            while there.read_buf(&mut all).await.unwrap() > 0 {
                sleep(Duration::from_secs(29)).await;
            }
            all.len()
        });
        here.write_all(&[0; 100]).await.unwrap();
        drop(here);
        assert_eq!(taken.await.unwrap(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut() {
        let (here, _there) = tokio::io::duplex(10);
        let begun = Instant::now();
        let error = WriteTimeout::new(here, TIMEOUT).write_all(&[0; 100]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_of_http_2_that_does_not_end_is_dropped() {
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        let begun = Instant::now();
        RequestTimeout(TIMEOUT).execute(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(dropped.await.is_err());
        assert_eq!(begun.elapsed(), TIMEOUT);
    }
}
