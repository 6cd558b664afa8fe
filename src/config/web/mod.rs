//! The web configuration file: TLS, passwords, headers and a rate limit, in the format that Prometheus exporters share.
//!
//! The same files are understood as by Prometheus' exporter-toolkit, so `promtool check web-config` checks them too.
//! [`WebConfig::parse`] is a function of the text; certificates and keys are read by who serves with them.

mod section;
mod tls;
mod value;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::diagnostic::Diagnostic;
use super::document;
use super::mistake::Mistake;
use super::scalar::switch;
use super::schema::{Key, KeyKind};
use super::{ConfigError, decode};
use crate::regular_file::{self, ReadAt};
use section::Section;

pub use tls::{ClientPolicy, Curve, Pem, Tls, TlsVersion};

const TLS: &str = "tls_server_config";
const HTTP: &str = "http_server_config";
const USERS: &str = "basic_auth_users";
const RATE_LIMIT: &str = "rate_limit";
const HEADERS: &str = "headers";

/// The keys of the file.
const FILE: &[Key] = &[
    (TLS, KeyKind::Section(tls::KEYS)),
    (HTTP, KeyKind::Section(HTTP_KEYS)),
    // The keys are names of users, the values hashes of their passwords.
    (USERS, KeyKind::Section(&[])),
    (RATE_LIMIT, KeyKind::Section(value::RATE_LIMIT_KEYS)),
];

const HTTP_KEYS: &[Key] = &[("http2", KeyKind::Plain), (HEADERS, KeyKind::Section(value::HEADERS))];

/// Everything that the web configuration file decides. The default, an empty file, is plain HTTP for everybody.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// TLS; without it plain HTTP.
    pub tls: Option<Tls>,
    /// Whether HTTP/2 is offered, which takes TLS. Default: yes.
    pub http2: bool,
    /// Headers of every answer: names of a fixed list, and values that HTTP allows.
    pub headers: Vec<(&'static str, String)>,
    /// The users that may come in, in the file's order; if there are none, everybody may.
    pub users: Vec<User>,
    /// How many requests are answered. Default: all.
    pub rate_limit: Option<RateLimit>,
}

/// A user with a password.
#[derive(Clone, Debug)]
pub struct User {
    /// The name of the user; not empty, different from all others.
    pub name: String,
    /// The password's bcrypt hash, well-formed.
    pub hash: SecretString,
}

/// A token bucket for the requests of all clients together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The time that one request earns; more than 0.
    pub interval: Duration,
    /// How many requests may come at once; at least 1.
    pub burst: u32,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self { tls: None, http2: true, headers: Vec::new(), users: Vec::new(), rate_limit: None }
    }
}

impl WebConfig {
    /// Reads the file at `path`, which may be a pipe if `at` says so. Fails with the first mistake.
    pub fn load(path: &Path, at: ReadAt) -> Result<Self, ConfigError> {
        let bytes = regular_file::read(path, at).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => ConfigError::denied(path, source),
            _ => ConfigError::ReadWeb { path: path.to_owned(), source },
        })?;
        let in_file = |mistake: Mistake, text: &str| ConfigError::Mistake(mistake.in_file(path, text, FILE));
        let text = decode(&bytes).map_err(|mistake| in_file(mistake, &String::from_utf8_lossy(&bytes)))?;
        Self::parse(text, path).map_err(ConfigError::Mistake)
    }

    /// Reads the text of the file at `path`: relative paths in it start in its folder. Touches no file.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Diagnostic> {
        let folder = path.parent().unwrap_or(Path::new(""));
        read(text, folder).map_err(|mistake| mistake.in_file(path, text, FILE))
    }

    /// The files that the configuration refers to.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.tls.iter().flat_map(Tls::files)
    }
}

fn read(text: &str, folder: &Path) -> Result<WebConfig, Mistake> {
    let file = Section::of(document::read(text)?, "this file", FILE)?;
    let http = file.read(HTTP, |key, node| Section::of(node.clone(), key, HTTP_KEYS))?.unwrap_or_default();
    Ok(WebConfig {
        tls: file.read(TLS, |key, node| tls::read(key, node, folder))?.flatten(),
        http2: http.read("http2", switch)?.unwrap_or(true),
        headers: http.read(HEADERS, value::headers)?.unwrap_or_default(),
        users: file.read(USERS, value::users)?.unwrap_or_default(),
        rate_limit: file.read(RATE_LIMIT, value::rate_limit)?.flatten(),
    })
}

#[cfg(test)]
mod tests;
