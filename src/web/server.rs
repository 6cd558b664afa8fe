//! From a listening socket to responses: accepting, limits, and an end that lets responses finish.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connections::Place;
use super::response::Response;
use super::stream::WatchedStream;
use super::{App, routes};
use crate::telemetry::OutsideEvent;

/// How long accepting rests after the operating system refused a connection (most often: too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How long a request of HTTP/2 may take, from its header to the response's last byte: more than the end of a login takes.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Bytes of a response of HTTP/2 that wait for their client at one time.
const SEND_BUFFER: usize = 64 * 1024;

/// What every connection with TLS begins with: the type of its first record.
const TLS_HANDSHAKE: u8 = 22;

/// The response to a request without TLS where TLS is needed.
const UNENCRYPTED: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
    This address speaks HTTPS: it begins with https://\n";

/// What one listener allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// How long a TLS handshake may take. Default 10 s.
    pub handshake: Duration,
    /// How long a client may take for a request's header, which is also how long a connection may idle between two
    /// requests. Default 20 s: short for the slow, and none of the usual scrape intervals, so that the end of an idle
    /// connection does not meet the next scrape.
    pub header_timeout: Duration,
    /// Bytes of a request's header, in HTTP/1 with its first line; above it 431. Default 16 KiB, at least 8 KiB.
    pub header_bytes: usize,
    /// How long a client may take nothing of what it is sent. Default 30 s.
    pub write_timeout: Duration,
    /// Requests at one time on one connection of HTTP/2. Default 8: a scraper has one.
    pub streams: u32,
    /// How long responses may take to finish after the shutdown began. Default 10 s.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header_timeout: Duration::from_secs(20),
            header_bytes: 16 * 1024,
            write_timeout: Duration::from_secs(30),
            streams: 8,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `app` on `listener` until `shutdown` completes; then refuses new connections, lets the requests in flight
/// finish for at most [`ServerLimits::drain`], cuts the rest, and returns. Never fails: a connection that cannot be accepted
/// is logged.
pub async fn serve(listener: TcpListener, app: App, limits: ServerLimits, shutdown: impl Future<Output = ()>) {
    let (open, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    // Accepted before there is room for it, so that the limit can make room: a client that waits in the operating system's
    // queue is not seen.
    let mut newcomer = None;
    loop {
        tokio::select! {
            accepted = accept(&listener, &app), if newcomer.is_none() => newcomer = Some(accepted),
            place = app.connections.place(), if newcomer.is_some() => {
                let (stream, client) = newcomer.take().expect("the branch waits for one");
                let connection = Connection { app: app.clone(), limits, client, place, closing: closing.clone() };
                connections.spawn(connection.serve(stream));
            }
            // Without this the set would keep what has ended.
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop((listener, open));
    let rest = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain, rest).await.is_err() {
        tracing::warn!("some clients did not take their answers in time; their connections are cut");
    }
}

/// The next connection, and the address of its client.
async fn accept(listener: &TcpListener, app: &App) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => return (stream, client.ip()),
            // The client has gone already; the next one may be there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                app.logins.telemetry().outside_event(OutsideEvent::NotAccepted, &error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection.
struct Connection {
    app: App,
    limits: ServerLimits,
    client: IpAddr,
    place: Place,
    /// Closed when no more requests are taken.
    closing: watch::Receiver<()>,
}

impl Connection {
    /// Answers requests until either side has enough.
    async fn serve(self, stream: TcpStream) {
        tokio::select! {
            () = self.speak(stream) => {}
            () = self.place.activity.is_cut() => tracing::debug!("a client that only waited made room for another one"),
        }
    }

    async fn speak(&self, stream: TcpStream) {
        match self.app.security.in_force().tls() {
            None => self.speak_http1(stream).await,
            Some(config) => match self.shake_hands(stream, config).await {
                Some(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => self.speak_http2(stream).await,
                Some(stream) => self.speak_http1(stream).await,
                None => {}
            },
        }
    }

    async fn shake_hands(&self, stream: TcpStream, config: Arc<ServerConfig>) -> Option<TlsStream<TcpStream>> {
        let mut closing = self.closing.clone();
        tokio::select! {
            shaken = timeout(self.limits.handshake, encrypt(stream, config)) => {
                let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                shaken.inspect_err(|error| tracing::debug!(%error, "no TLS was agreed on")).ok()
            }
            _ = closing.changed() => None,
        }
    }

    async fn speak_http1(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let service = service_fn(|request| self.respond(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_header_size(self.limits.header_bytes)
            .serve_connection(self.watched(stream, true), service);
        let mut closing = self.closing.clone();
        let closed = async { drop(closing.changed().await) };
        conclude(connection, http1::Connection::graceful_shutdown, closed, self.limits.drain).await;
    }

    async fn speak_http2(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let service = service_fn(|request| self.respond(request));
        let connection = http2::Builder::new(RequestTimeout(REQUEST_TIMEOUT))
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(SEND_BUFFER)
            .serve_connection(self.watched(stream, false), service);
        let mut closing = self.closing.clone();
        let closed = async {
            tokio::select! {
                _ = closing.changed() => {}
                () = self.place.activity.rested(self.limits.header_timeout) => {}
            }
        };
        conclude(connection, http2::Connection::graceful_shutdown, closed, self.limits.drain).await;
    }

    /// Answers a request, which is in work until its response is with the connection. The future outlives the borrow of
    /// the connection, since HTTP/2 runs requests in tasks of their own.
    fn respond(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + 'static {
        let (app, client, in_work) = (self.app.clone(), self.client, self.place.activity.begin_request());
        request.extensions_mut().insert(self.place.activity.clone());
        async move {
            let response = routes::respond(&app, client, request).await;
            Ok(response.map(|body| body.answering(in_work)))
        }
    }

    fn watched<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, is_http1: bool) -> TokioIo<WatchedStream<S>> {
        let activity = self.place.activity.clone();
        TokioIo::new(WatchedStream::new(stream, activity, is_http1, self.limits.write_timeout))
    }
}

/// Runs each request of a connection of HTTP/2 for this long at most: there a client may read on and still take nothing of
/// one response, which no time-out of the stream notices.
#[derive(Clone)]
struct RequestTimeout(Duration);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for RequestTimeout {
    fn execute(&self, request: F) {
        tokio::spawn(timeout(self.0, request));
    }
}

/// The connection with TLS. A client that speaks without it is told, as browsers do that are given `http://`.
async fn encrypt(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? > 0 && first[0] != TLS_HANDSHAKE {
        // What is left unread would make the system reset the connection, and the response be lost.
        let _ = stream.read(&mut [0; 4096]).await?;
        stream.write_all(UNENCRYPTED).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS"));
    }
    TlsAcceptor::from(config).accept(stream).await
}

/// Lets a connection go on until `closed`; then `shut` has it take no more requests, and the requests in flight get time
/// to end.
async fn conclude<C>(connection: C, shut: fn(Pin<&mut C>), closed: impl Future<Output = ()>, drain: Duration)
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = closed => {
            shut(connection.as_mut());
            timeout(drain, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

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
