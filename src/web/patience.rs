//! The end of patience with a client that asks and does not take the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

/// A connection that fails when its client takes nothing for too long.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Since something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.waiting = None;
            return progress;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let it = self.get_mut();
        let progress = Pin::new(&mut it.stream).poll_write(context, bytes);
        it.judge(context, progress)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let it = self.get_mut();
        let progress = Pin::new(&mut it.stream).poll_write_vectored(context, bytes);
        it.judge(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let it = self.get_mut();
        let progress = Pin::new(&mut it.stream).poll_flush(context);
        it.judge(context, progress)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let it = self.get_mut();
        let progress = Pin::new(&mut it.stream).poll_shutdown(context);
        it.judge(context, progress)
    }
}

/// Runs the requests of a connection of HTTP/2, each for so long at most: there a client may read on and still take
/// nothing of one answer.
#[derive(Clone)]
pub(super) struct Hurried(pub(super) Duration);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Hurried {
    fn execute(&self, request: F) {
        tokio::spawn(timeout(self.0, request));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_now_and_then_gets_everything() {
        let (here, mut there) = tokio::io::duplex(10);
        let mut here = Patient::new(here, PATIENCE);
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
    async fn who_takes_nothing_is_cut() {
        let (here, _there) = tokio::io::duplex(10);
        let begun = Instant::now();
        let error = Patient::new(here, PATIENCE).write_all(&[0; 100]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_of_http_2_that_does_not_end_is_dropped() {
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        let begun = Instant::now();
        Hurried(PATIENCE).execute(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(dropped.await.is_err());
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
