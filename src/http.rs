//! The one HTTP client: time-outs, a body limit, no redirects, no proxy for loopback.

mod connect_error;
pub(crate) mod unchecked;

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect};
use url::{Host, Url};

pub use connect_error::{ConnectError, ConnectProblem};

/// How long an idle connection is kept. A server ends one after a time that it does not tell, and a request that meets that
/// end has failed.
const IDLE_FOR: Duration = Duration::from_secs(10);

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole request may take, from the first byte sent to the last byte read.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that is read, in bytes after decompression: 32 MiB, some 30,000 measure groups in one page.
const BODY_LIMIT: usize = 32 << 20;

/// A client for one remote service. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Http(Client);

/// The head of a response.
#[derive(Debug)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, from the header `Date`.
    pub date: Option<DateTime<Utc>>,
    /// How long the server asks to wait before the next request.
    pub retry_after: Option<Duration>,
}

/// A whole response.
#[derive(Debug)]
pub struct HttpResponse {
    /// Its head.
    pub head: ResponseHead,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// The client could not be made, for example because the system has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up; a container image needs the package ca-certificates")]
pub struct BuildError(#[source] reqwest::Error);

/// Why no whole response came.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection: refused, reset, name not found, TLS, the proxy.
    #[error("no connection")]
    Connect(#[source] ConnectError),
    /// No connection in time.
    #[error("no answer in time: no connection within {} seconds", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// The server was reached, and its answer was not whole in time.
    #[error("no answer in time: no whole answer within {} seconds", TIMEOUT.as_secs())]
    AnswerTimeout,
    /// The body could not be decompressed.
    #[error("the answer is not compressed as it says")]
    Decode(#[source] reqwest::Error),
    /// The body was larger than 32 MiB.
    #[error("the answer is larger than {BODY_LIMIT} bytes")]
    TooLarge,
}

impl Http {
    /// A client for the servers at `urls`.
    pub fn reaching(urls: &[&Url]) -> Result<Self, BuildError> {
        let mut builder = builder();
        if urls.iter().all(|url| is_loopback(url)) {
            // A simulator on this host: a proxy of the environment must not get it, and no CA certificate is needed.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        builder.build().map(Self).map_err(BuildError)
    }

    /// A client for an exporter on this host, whatever its certificate: it must not be told a secret.
    pub fn reaching_exporter() -> Result<Self, BuildError> {
        builder().no_proxy().tls_backend_preconfigured(unchecked::tls()).build().map(Self).map_err(BuildError)
    }

    /// Posts a form (`application/x-www-form-urlencoded`, encoded already), with a bearer token if there is one. `take` is
    /// given the body while it comes, decompressed.
    pub async fn post_form(
        &self,
        url: Url,
        bearer: Option<&str>,
        form: String,
        take: impl FnMut(&[u8]),
    ) -> Result<ResponseHead, HttpError> {
        let mut request = self.0.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        if let Some(mut value) = bearer.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        receive(request, take).await
    }

    /// Posts `body` with these headers. The user and password of the URL are sent as basic authentication.
    pub async fn post(&self, url: Url, headers: &[(&str, &str)], body: Bytes) -> Result<HttpResponse, HttpError> {
        let request = self.0.post(url).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut body = Vec::new();
        let head = receive(request, |chunk| body.extend_from_slice(chunk)).await?;
        Ok(HttpResponse { head, body })
    }

    /// The status of the answer to a GET.
    pub async fn status_of(&self, url: Url) -> Result<u16, HttpError> {
        let response = self.0.get(url).send().await.map_err(HttpError::from_reqwest)?;
        Ok(response.status().as_u16())
    }

    /// Where a GET of `url` is redirected to; `None` if the response is no redirect. The demo uses it as its browser.
    pub async fn redirect_of(&self, url: Url) -> Result<Option<Url>, HttpError> {
        let response = self.0.get(url.clone()).send().await.map_err(HttpError::from_reqwest)?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Ok(location.and_then(|location| url.join(location).ok()))
    }
}

impl HttpError {
    /// Whether the server is there, has shown its certificate, and wants one of this client too.
    #[must_use]
    pub fn wants_certificate(&self) -> bool {
        matches!(self, Self::Connect(error) if error.problem() == ConnectProblem::ClientCertificate)
    }

    /// What a person can do so that the server is reached, in sentences; `None` if it was.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Connect(error) => Some(error.problem().advice()),
            Self::ConnectTimeout => Some(ConnectProblem::Other.advice()),
            Self::AnswerTimeout | Self::Decode(_) | Self::TooLarge => None,
        }
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        match &error {
            reason if reason.is_timeout() && reason.is_connect() => Self::ConnectTimeout,
            reason if reason.is_timeout() => Self::AnswerTimeout,
            reason if is_of_unpacking(reason) => Self::Decode(error),
            reason => Self::Connect(ConnectError::of(reason)),
        }
    }
}

/// Whether the body came and cannot be decompressed. Reqwest calls a body that ends early a mistake of decoding too, and only
/// the decompressor's cause is an I/O error of its own.
fn is_of_unpacking(error: &reqwest::Error) -> bool {
    let cause = causes(error).find(|cause| !cause.is::<reqwest::Error>());
    error.is_decode() && cause.is_some_and(<dyn Error>::is::<io::Error>)
}

/// An error and everything behind it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            // Its `source` is what is behind the error that it wraps.
            Some(error) => error.get_ref().map(|wrapped| wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("withings-exporter/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .pool_idle_timeout(IDLE_FOR)
        .redirect(redirect::Policy::none())
}

/// Sends a request and gives the body of the answer to `take` while it comes.
async fn receive(request: RequestBuilder, mut take: impl FnMut(&[u8])) -> Result<ResponseHead, HttpError> {
    let mut response = request.send().await.map_err(HttpError::from_reqwest)?;
    let status = response.status().as_u16();
    let date = response.headers().get(DATE).and_then(parse_date);
    let retry_after = parse_retry_after(response.headers(), date);
    let mut read = 0;
    while let Some(chunk) = response.chunk().await.map_err(HttpError::from_reqwest)? {
        read += chunk.len();
        if read > BODY_LIMIT {
            return Err(HttpError::TooLarge);
        }
        take(&chunk);
    }
    Ok(ResponseHead { status, date, retry_after })
}

/// Whether a URL leads to this host alone.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn parse_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?).ok().map(|date| date.to_utc())
}

/// Seconds, or a time by the server's clock.
fn parse_retry_after(headers: &HeaderMap, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let seconds = value.to_str().ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    seconds.or_else(|| (parse_date(value)? - date?).to_std().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_loopback() {
        let check = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(["http://localhost:1/", "http://127.0.0.2/", "http://[::1]:80/"].into_iter().all(check));
        assert!(!["https://wbsapi.withings.net/", "http://192.168.1.2/"].into_iter().any(check));
    }

    /// What a client says of a server that answers with these bytes and hangs up.
    async fn said_of(answer: &'static [u8]) -> HttpError {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            stream
        };
        let http = Http::reaching(&[&url]).unwrap();
        let (error, _stream) = tokio::join!(http.post_form(url, None, String::new(), |_| ()), server);
        error.unwrap_err()
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_is_told_from_an_answer_that_cannot_be_unpacked() {
        let cut = said_of(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc").await;
        assert!(matches!(cut, HttpError::Connect(_)), "{cut:?}");
        let cut =
            said_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f\x8b\x08").await;
        assert!(matches!(cut, HttpError::Connect(_)), "{cut:?}");
        let broken = said_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc").await;
        assert!(matches!(broken, HttpError::Decode(_)), "{broken:?}");
        let short =
            said_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08").await;
        assert!(matches!(short, HttpError::Decode(_)), "{short:?}");
    }

    #[test]
    fn a_date_header_is_read() {
        let date = parse_date(&HeaderValue::from_static("Sun, 22 Nov 2026 17:05:09 GMT")).unwrap();
        assert_eq!(date.timestamp(), 1_795_367_109);
    }

    #[test]
    fn a_server_asks_for_a_pause_in_seconds_or_until_a_time() {
        let check = |value: &'static str, seconds: Option<u64>| {
            let headers = [(RETRY_AFTER, HeaderValue::from_static(value))].into_iter().collect();
            let date = DateTime::from_timestamp(1_795_367_100, 0);
            assert_eq!(parse_retry_after(&headers, date), seconds.map(Duration::from_secs), "{value}");
        };
        check("120", Some(120));
        check("Sun, 22 Nov 2026 17:05:09 GMT", Some(9));
        check("Sun, 22 Nov 2026 17:04:00 GMT", None);
        check("soon", None);
        assert_eq!(parse_retry_after(&HeaderMap::new(), None), None);
    }
}
