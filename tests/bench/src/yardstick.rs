//! What an HTTP server costs that does nothing: hyper with the settings of the exporter and
//! on such a runtime, and pages that are in memory.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use withings_exporter::web::ServerLimits;

use crate::client::Encoding;
use crate::program::{Program, free_address};

/// The command of this program that serves the yardstick in a process of its own.
pub(crate) const COMMAND: &str = "yardstick";

const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8";

/// A server of these pages.
pub(crate) struct Yardstick {
    pub(crate) program: Program,
    _pages: TempDir,
}

impl Yardstick {
    /// Starts one that serves what `exporter` serves now.
    pub(crate) fn of(exporter: &Program) -> Result<Self> {
        let pages = TempDir::new()?;
        for encoding in Encoding::BOTH {
            fs::write(pages.path().join(encoding.name()), exporter.page(encoding)?)?;
        }
        let address = free_address()?;
        fs::write(pages.path().join("address"), address.to_string())?;
        let mut command = Command::new(std::env::current_exe()?);
        let program = Program::start(command.arg(COMMAND).arg(pages.path()), address)?;
        Ok(Self { program, _pages: pages })
    }
}

/// Serves the pages in `folder` until it is killed.
pub(crate) fn serve(folder: &Path) -> Result<()> {
    let page = |encoding: Encoding| Ok::<_, std::io::Error>(Bytes::from(fs::read(folder.join(encoding.name()))?));
    let (plain, gzip) = (page(Encoding::Plain)?, page(Encoding::Gzip)?);
    let address: SocketAddr = fs::read_to_string(folder.join("address"))?.parse().context("no address")?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(converse(stream, plain.clone(), gzip.clone()));
        }
    })
}

async fn converse(stream: TcpStream, plain: Bytes, gzip: Bytes) {
    let service = service_fn(move |request: Request<Incoming>| {
        let is_gzip = request.headers().get(ACCEPT_ENCODING).is_some_and(|value| value == "gzip");
        let page = if is_gzip { gzip.clone() } else { plain.clone() };
        async move { Ok::<_, Infallible>(answer(page, is_gzip)) }
    });
    let ServerLimits { header_timeout, header_bytes, .. } = ServerLimits::default();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_header_size(header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away is no news.
    drop(tokio::time::timeout(Duration::from_hours(1), connection).await);
}

fn answer(page: Bytes, is_gzip: bool) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(page));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
