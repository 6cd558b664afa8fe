//! The HTTP skin: it turns requests into calls and replies into responses, and decides nothing.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::form_urlencoded;

use super::call::{Call, Params};
use super::cloud::Cloud;
use super::deliver::{self, deliver};
use super::reply::{Reply, Transfer};

/// The longest body: forms are short.
const BODY_LIMIT: usize = 64 * 1024;
/// Headers and body must each have arrived after so long.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Open requests may take so long after `shutdown`.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Accepting fails when the process has no descriptor left: others must finish first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// Serves the account's host and the API's host of `cloud` on one listener and delivers its notifications, until
/// `shutdown` is done.
pub async fn serve(listener: TcpListener, cloud: Cloud, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut deliveries = pin!(deliver(cloud.clone()));
    loop {
        tokio::select! {
            never = &mut deliveries => match never {},
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, cloud.clone(), graceful.watcher()))),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
}

async fn connection(stream: TcpStream, cloud: Cloud, watcher: Watcher) {
    let service = service_fn(move |request| {
        let cloud = cloud.clone();
        async move { respond(&cloud, request).await }
    });
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away in the middle is no failure of the cloud.
    let _ = watcher.watch(connection).await;
}

async fn respond(cloud: &Cloud, request: Request<Incoming>) -> io::Result<Response<ResponseBody>> {
    let reply = match read(request).await {
        Ok(call) => {
            let callback_answers = deliver::callback_answers(cloud, &call).await;
            cloud.answer(&Call { callback_answers, ..call })
        }
        Err(refused) => refused,
    };
    let response = response(&reply, cloud);
    Ok(match reply.transfer {
        Transfer::After(delay) => {
            tokio::time::sleep(delay).await;
            response.map(|()| Full::from(reply.body).boxed_unsync())
        }
        Transfer::ByteBySecond => response.map(|()| dripping(reply.body.into()).boxed_unsync()),
        Transfer::Damaged => {
            let mut response = response.map(|()| Full::from(reply.body).boxed_unsync());
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Transfer::Nowhere => return Err(io::ErrorKind::ConnectionReset.into()),
    })
}

/// A body that comes one byte a second.
fn dripping(body: Bytes) -> impl hyper::body::Body<Data = Bytes, Error = Infallible> {
    StreamBody::new(stream::unfold(body, async |mut rest| {
        let byte = (!rest.is_empty()).then(|| rest.split_to(1))?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok(Frame::data(byte)), rest))
    }))
}

/// The call with the parameters of query and form in one, or the refusal of a body that is too long or too slow.
async fn read(request: Request<Incoming>) -> Result<Call, Reply> {
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(READ_TIMEOUT, Limited::new(body, BODY_LIMIT).collect()).await;
    let body = body.map_err(|_| Reply::infrastructure(408, "Request Timeout"))?;
    let body = body.map_err(|_| Reply::infrastructure(413, "Content Too Large"))?.to_bytes();
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let params =
        [query, &body].into_iter().flat_map(form_urlencoded::parse).map(|(name, value)| (name.into(), value.into()));
    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    Ok(Call {
        method: head.method.to_string(),
        path: head.uri.path().trim_end_matches('/').to_owned(),
        params: Params(params.collect()),
        bearer: authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
        callback_answers: false,
    })
}

/// The response without its body.
fn response(reply: &Reply, cloud: &Cloud) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(reply.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = cloud.clock().now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.extend(HeaderValue::from_str(&date).ok().map(|value| (DATE, value)));
    let location = reply.location.as_deref().and_then(|location| HeaderValue::from_str(location).ok());
    headers.extend(location.map(|value| (LOCATION, value)));
    response
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::clock::Clock;

    /// A served cloud: its address, what ends it, and what tells that it has ended.
    async fn served() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let cloud = Cloud::new(Clock::system());
        let server = tokio::spawn(serve(listener, cloud, async { drop(stopped.await) }));
        (address, stop, server)
    }

    /// What the server says to a client that sends this and falls silent, until the server hangs up.
    async fn said_to(address: SocketAddr, request: &[u8]) -> String {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(request).unwrap();
        let (mut said, mut buffer) = (String::new(), [0; 1024]);
        loop {
            stream.readable().await.unwrap();
            match stream.try_read(&mut buffer) {
                Ok(0) => return said,
                Ok(length) => said.push_str(std::str::from_utf8(&buffer[..length]).unwrap()),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_finishes_is_hung_up_on() {
        let (address, _stop, _server) = served().await;
        let begin = Instant::now();
        assert_eq!(said_to(address, b"GET / HT").await, "");
        assert!(begin.elapsed() >= READ_TIMEOUT);
        let said = said_to(address, b"POST /measure HTTP/1.1\r\nHost: sim\r\nContent-Length: 9\r\n\r\nact").await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_told_with_an_idle_client_still_there() {
        let (address, stop, server) = served().await;
        let client = TcpStream::connect(address).await.unwrap();
        client.writable().await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
