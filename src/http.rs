//! The one HTTP client: time-outs, a body limit, no redirects, no proxy for loopback.

mod pinned;

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect};
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, Error as TlsError};
use url::{Host, Url};

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

/// What stands before the body of an answer.
#[derive(Debug)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, from the header `Date`.
    pub date: Option<DateTime<Utc>>,
    /// How long the server asks to wait before the next request.
    pub retry_after: Option<Duration>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// What stands before the body.
    pub head: Head,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// The client could not be made, for example because the system has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up; a container image needs the package ca-certificates")]
pub struct BuildError(#[source] reqwest::Error);

/// No whole answer came.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection: refused, reset, name not found, TLS.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// No whole answer within 30 seconds.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
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

    /// A client for an exporter on this host: for the one with this certificate, or one without TLS.
    pub fn reaching_exporter(certificate: Option<CertificateDer<'static>>) -> Result<Self, BuildError> {
        let builder = builder().no_proxy();
        let builder = match certificate {
            Some(certificate) => builder.tls_backend_preconfigured(pinned::trusting(certificate)),
            None => builder.tls_certs_only([]),
        };
        builder.build().map(Self).map_err(BuildError)
    }

    /// Posts a form (`application/x-www-form-urlencoded`, encoded already), with a bearer token if there is one. `take` is
    /// given the body while it comes, decompressed.
    pub async fn post_form(
        &self,
        url: Url,
        bearer: Option<&str>,
        form: String,
        take: impl FnMut(&[u8]),
    ) -> Result<Head, HttpError> {
        let mut request = self.0.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        if let Some(mut value) = bearer.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok()) {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        receive(request, take).await
    }

    /// Posts `body` with these headers. User and password of the address are sent as basic authentication.
    pub async fn post(&self, url: Url, headers: &[(&str, &str)], body: Bytes) -> Result<Answer, HttpError> {
        let request = self.0.post(url).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut body = Vec::new();
        let head = receive(request, |chunk| body.extend_from_slice(chunk)).await?;
        Ok(Answer { head, body })
    }
}

impl Http {
    /// The status of the answer to a GET.
    pub async fn status_of(&self, url: Url) -> Result<u16, HttpError> {
        let response = self.0.get(url).send().await.map_err(HttpError::from_reqwest)?;
        Ok(response.status().as_u16())
    }

    /// Where a GET of `url` is redirected to; `None` if the answer is no redirect. What the demo's browser does.
    pub async fn redirect_of(&self, url: Url) -> Result<Option<Url>, HttpError> {
        let response = self.0.get(url.clone()).send().await.map_err(HttpError::from_reqwest)?;
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        Ok(location.and_then(|it| url.join(it).ok()))
    }
}

impl HttpError {
    /// Whether the other side is there, proved who it is, and wants a certificate too.
    #[must_use]
    pub fn wants_certificate(&self) -> bool {
        let mut next: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(TlsError::AlertReceived(alert)) = error.downcast_ref() {
                return matches!(alert, AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure);
            }
            next = match error.downcast_ref::<io::Error>() {
                // Its `source` is what is behind the error that it wraps.
                Some(error) => error.get_ref().map(|it| it as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        false
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        match &error {
            it if it.is_timeout() => Self::Timeout(error),
            it if is_of_unpacking(it) => Self::Decode(error),
            _ => Self::Connect(error),
        }
    }
}

/// Whether the body came and cannot be decompressed. Reqwest calls a body that ends early a mistake of decoding too, and only
/// the decompressor's cause is an I/O error of its own.
fn is_of_unpacking(error: &reqwest::Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |cause| (**cause).source());
    error.is_decode() && causes.find(|cause| !cause.is::<reqwest::Error>()).is_some_and(<dyn Error>::is::<io::Error>)
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
async fn receive(request: RequestBuilder, mut take: impl FnMut(&[u8])) -> Result<Head, HttpError> {
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
    Ok(Head { status, date, retry_after })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn parse_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?).ok().map(|it| it.to_utc())
}

/// Seconds, or a time by the server's clock.
fn parse_retry_after(headers: &HeaderMap, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let seconds = value.to_str().ok().and_then(|it| it.parse().ok()).map(Duration::from_secs);
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
