//! From a listening socket to answers: accepting, limits, and an end that lets answers finish.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::{App, routes};

/// How long accepting rests after the operating system refused a connection (most often: too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What one listener allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take for a request's header, which is also how long a connection may idle between two
    /// requests. Default 20 s: short for the slow, and none of the usual scrape intervals, so that the end of an idle
    /// connection does not meet the next scrape.
    pub header_timeout: Duration,
    /// Bytes of a request's header with its first line; above it 431. Default 16 KiB, at least 8 KiB.
    pub header_bytes: usize,
    /// Connections at one time; further ones wait in the operating system's queue. Default 512.
    pub connections: usize,
    /// How long answers may take to finish after the shutdown began. Default 10 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(20),
            header_bytes: 16 * 1024,
            connections: 512,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `app` on `listener` until `shutdown` completes; then refuses new connections, lets the answers in work
/// finish for at most [`Limits::drain`], cuts the rest, and returns. Never fails: a connection that cannot be accepted
/// is logged.
pub async fn serve(listener: TcpListener, app: App, limits: Limits, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut conversations = JoinSet::new();
    let app = Arc::new(app);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            (stream, slot) = accept(&listener, &slots) => {
                conversations.spawn(converse(stream, slot, Arc::clone(&app), limits, graceful.watcher()));
            }
            // Without this the set would keep what has ended.
            Some(_) = conversations.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some clients did not take their answers in time; their connections are cut");
    }
}

/// The next connection, with its place among those that are allowed.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("nobody closes this semaphore");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            // The client has gone already; the next one may be there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted at the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one connection's requests until either side has enough.
async fn converse(stream: TcpStream, slot: OwnedSemaphorePermit, app: Arc<App>, limits: Limits, watcher: Watcher) {
    let service = service_fn(|request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(routes::answer(&app, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(slot);
}
