//! Which clients may talk to the server, and how: the web configuration in force. It is read again whenever its files
//! change, so that certificates are renewed and passwords are changed without a restart.

mod client_certificate;
mod passwords;
mod pem;
mod tls;
mod token_bucket;

use std::convert::Infallible;
use std::fs::{self, Metadata};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Request, StatusCode};
use rustls::ServerConfig;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::response::{self, Response};
use crate::config::ConfigError;
use crate::config::web::WebConfig;
use crate::regular_file::ReadAt;
use crate::telemetry::log::with_causes;
use passwords::{Admission, Checks, Passwords};
pub use pem::TlsError;
use tls::ServerTls;
use token_bucket::TokenBucket;

/// How often the files are looked at. A change counts when it is the same twice: a file may still be written to, and a
/// key follows its certificate.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The security of all listeners. Cheap to clone; clones share what is in force.
#[derive(Clone)]
pub struct Security {
    in_force: Arc<watch::Sender<Arc<InForce>>>,
    files: Option<WatchedFiles>,
}

/// Why a web configuration cannot be used. The text holds no secret.
#[derive(Debug, Error)]
pub enum SecurityError {
    /// The web configuration file cannot be read, or says something that is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its certificates cannot be used.
    #[error("the TLS of {} cannot be used", path.display())]
    Tls {
        /// The web configuration file.
        path: PathBuf,
        /// What is wrong.
        source: TlsError,
    },
    /// A running server cannot begin or cease to speak TLS.
    #[error("TLS is switched on or off at the next start only")]
    Switched,
}

/// What the web configuration says, ready for use.
pub(super) struct InForce {
    tls: Option<ServerTls>,
    headers: HeaderMap,
    passwords: Passwords,
    rate_limit: Option<TokenBucket>,
}

impl Security {
    /// Plain HTTP for everybody.
    #[must_use]
    pub fn none() -> Self {
        let in_force = InForce::of(&WebConfig::default(), Path::new(""), ReadAt::Start, Arc::default())
            .expect("without TLS nothing can fail");
        Self { in_force: Arc::new(watch::Sender::new(Arc::new(in_force))), files: None }
    }

    /// What the web configuration file at `path` says. Blocks.
    pub fn load(path: &Path) -> Result<Self, SecurityError> {
        let mut files = WatchedFiles::of(path);
        let in_force = files.load(ReadAt::Start)?;
        Ok(Self { in_force: Arc::new(watch::Sender::new(Arc::new(in_force))), files: Some(files) })
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.in_force().tls.is_some()
    }

    /// Puts changes of the files in force until `end`. A change that cannot be used is logged once, and what was in force
    /// stays.
    pub async fn keep_current(self, end: impl Future<Output = ()>) {
        let Some(files) = self.files else { return };
        let mut end = pin!(end);
        let mut watched = pin!(follow(files, &self.in_force));
        tokio::select! {
            never = &mut watched => match never {},
            () = &mut end => {}
        }
    }

    pub(super) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.borrow())
    }
}

async fn follow(mut files: WatchedFiles, in_force: &watch::Sender<Arc<InForce>>) -> Infallible {
    let mut seen = files.loaded.clone();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now;
        (now, files) = on_disk(files, |files| files.stamps()).await;
        if now == files.loaded || now != seen {
            seen = now;
            continue;
        }
        let loaded;
        (loaded, files) = on_disk(files, |files| files.load(ReadAt::Reload)).await;
        seen.clone_from(&files.loaded);
        let is_switch = |new: &InForce| new.tls.is_some() != in_force.borrow().tls.is_some();
        match loaded.and_then(|new| if is_switch(&new) { Err(SecurityError::Switched) } else { Ok(new) }) {
            Ok(new) => {
                in_force.send_replace(Arc::new(new));
                tracing::info!(path = %files.path.display(), "the web configuration has changed and is in force");
            }
            Err(error) => {
                tracing::warn!(
                    error = with_causes(&error),
                    "the web configuration has changed and cannot be used; the former one stays in force"
                );
            }
        }
    }
}

/// Has `work` done on a thread of its own: a disk may hang, and nothing else waits for it.
async fn on_disk<T: Send + 'static>(mut files: WatchedFiles, work: fn(&mut WatchedFiles) -> T) -> (T, WatchedFiles) {
    spawn_blocking(move || (work(&mut files), files)).await.expect("reading files does not panic")
}

impl InForce {
    fn of(config: &WebConfig, path: &Path, at: ReadAt, checks: Arc<Checks>) -> Result<Self, SecurityError> {
        let tls = config.tls.as_ref().map(|tls| ServerTls::load(tls, config.http2, at)).transpose();
        let header = |(name, value): &(&str, String)| {
            let name: HeaderName = name.parse().expect("the list of names is fixed");
            (name, HeaderValue::from_str(value).expect("the value was checked when it was read"))
        };
        Ok(Self {
            tls: tls.map_err(|source| SecurityError::Tls { path: path.to_owned(), source })?,
            headers: config.headers.iter().map(header).collect(),
            passwords: Passwords::new(&config.users, checks),
            rate_limit: config.rate_limit.map(TokenBucket::new),
        })
    }

    /// How a connection is encrypted.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.config))
    }

    /// Whether every client must show a password or a certificate.
    pub(super) fn knows_clients(&self) -> bool {
        self.passwords.are_needed() || self.tls.as_ref().is_some_and(|tls| tls.client_policy.is_required())
    }

    /// The response to a request that is not let in.
    pub(super) async fn refuse<B>(&self, request: &Request<B>, client: IpAddr) -> Option<Response> {
        if self.rate_limit.as_ref().is_some_and(|bucket| !bucket.take()) {
            return Some(try_later("Too many requests. Try again later."));
        }
        match self.passwords.check(request.headers(), client).await {
            Admission::Granted => None,
            Admission::TryLater => Some(try_later("Too many passwords are being checked. Try again later.")),
            Admission::Denied => {
                let sentence = "A user name and a password are needed here.";
                let mut response = response::text(StatusCode::UNAUTHORIZED, sentence);
                let scheme = "Basic realm=\"withings-exporter\", charset=\"UTF-8\"";
                response::set(&mut response, WWW_AUTHENTICATE, scheme);
                Some(response)
            }
        }
    }

    /// Adds the configured headers. Those of a page stay: they are stricter.
    pub(super) fn add_headers(&self, response: &mut Response) {
        for (name, value) in &self.headers {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
}

fn try_later(sentence: &str) -> Response {
    let mut response = response::text(StatusCode::TOO_MANY_REQUESTS, sentence);
    response::set(&mut response, RETRY_AFTER, "1");
    response
}

/// The web configuration file and those that it names.
#[derive(Clone)]
struct WatchedFiles {
    path: PathBuf,
    others: Vec<PathBuf>,
    /// How the files were when they were last read.
    loaded: Vec<Option<ConfigFileStamp>>,
    /// What was found of passwords, for the next configuration.
    checks: Arc<Checks>,
}

/// What changes when a file changes: device and number, time of the last change of content or rights in nanoseconds, length.
#[derive(Clone, Copy, PartialEq)]
struct ConfigFileStamp(u64, u64, i64, i64, u64);

impl WatchedFiles {
    fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), others: Vec::new(), loaded: Vec::new(), checks: Arc::default() }
    }

    fn load(&mut self, at: ReadAt) -> Result<InForce, SecurityError> {
        // Taken before the files are read: what changes meanwhile is read again.
        self.loaded = self.stamps();
        let config = WebConfig::load(&self.path, at)?;
        let others = config.files().cloned().collect();
        if self.others != others {
            self.others = others;
            self.loaded = self.stamps();
        }
        InForce::of(&config, &self.path, at, Arc::clone(&self.checks))
    }

    fn stamps(&self) -> Vec<Option<ConfigFileStamp>> {
        let files = std::iter::once(&self.path).chain(&self.others);
        // What came through a pipe is in force until the end, whatever becomes of the pipe.
        files.map(|path| fs::metadata(path).ok().filter(Metadata::is_file).as_ref().map(ConfigFileStamp::of)).collect()
    }
}

impl ConfigFileStamp {
    fn of(file: &Metadata) -> Self {
        Self(file.dev(), file.ino(), file.ctime(), file.ctime_nsec(), file.len())
    }
}
