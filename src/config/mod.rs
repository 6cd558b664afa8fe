//! The configuration file: what was said → what is meant, or the mistake with its place.
//!
//! A `withings:` block of Home Assistant works unchanged. [`Config::load`] reads the file; everything below it is a
//! function of the text, except the secrets that the file refers to.

mod base_url;
mod block;
mod credentials;
mod diagnostic;
mod document;
mod duration;
mod mistake;
mod names;
mod nearest;
mod node;
mod redaction;
mod scalar;
mod schema;
mod secret_sources;
pub mod web;
mod webhooks;
mod yaml_errors;

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use crate::catalogue::{Measurement, Source};
use crate::paths::OwnPath;
use crate::regular_file::{self, ReadAt};
use block::Block;
use mistake::{Mistake, Place};
use secret_sources::SecretSources;

pub use diagnostic::Diagnostic;
pub use duration::{format_duration, parse_duration};

const REFRESH_INTERVAL: Duration = Duration::from_mins(5);
const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");
const API_URL: &str = "https://wbsapi.withings.net";
const ACCOUNT_URL: &str = "https://account.withings.com";

/// Everything that the configuration file decides, validated, with the defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The id of the user's Withings application; not blank. `WITHINGS_CLIENT_ID` overrides the file.
    pub client_id: String,
    /// The application's secret; not blank. `WITHINGS_CLIENT_SECRET` overrides the file.
    pub client_secret: SecretString,
    /// The people, in the file's order: at least one, all different, 1 to 200 characters of Unicode each, no control
    /// characters.
    pub profiles: Vec<Arc<str>>,
    /// Where a browser reaches the exporter: `http` or `https`, no query, no fragment, no slash at the end of a path.
    pub base_url: Url,
    /// The measurements that are exported. Default: all.
    pub measurements: Selection,
    /// The time between two refreshes of a profile: whole seconds, 15 s to a year. Default: 5 min.
    pub refresh_interval: Duration,
    /// The most requests to Withings in any 60 s, for the whole application: 1 to 120. Default: 100.
    pub requests_per_minute: NonZeroU32,
    /// Whether Withings is asked to call when it has news; then `base_url` is public and `https`. Default: no.
    pub webhooks: bool,
    /// Where Withings answers calls, shaped as `base_url`. Default: `https://wbsapi.withings.net`.
    pub api_url: Url,
    /// Where people log in, shaped as `base_url`. Default: `https://account.withings.com`.
    pub account_url: Url,
    /// What is taken and should be written otherwise, in sentences for the user. Empty: nothing.
    pub warnings: Vec<String>,
}

/// Which measurements are exported: at least one, in the catalogue's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(BTreeSet<Measurement>);

/// Why there is no configuration. The text is for the user and holds no secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// There is no such file. The text shows the smallest one.
    #[error(
        "there is no configuration file {}\n = write one, or name another with --config.file; {}",
        .0.display(),
        block::example()
    )]
    Missing(PathBuf),
    /// The path is a directory.
    #[error("{} is a directory, not a configuration file", .0.display())]
    Directory(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The web configuration file cannot be read.
    #[error("cannot read the web configuration file {}", path.display())]
    ReadWeb {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The user of this process may not read the file.
    #[error("cannot read {}: {}", path.display(), secret_sources::unreadable())]
    Denied {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says something that is not understood.
    #[error("{0}")]
    Mistake(Diagnostic),
}

impl Config {
    /// Reads the file at `path`, and the secrets that it refers to.
    ///
    /// `at` says whether they may be pipes; `env` gives the variables of the environment; `default_base_url` stands in for a
    /// `base_url` that is not given, and without it one must be given. Fails with the first mistake.
    pub fn load(
        path: &Path,
        at: ReadAt,
        env: &dyn Fn(&str) -> Option<String>,
        default_base_url: Option<&Url>,
    ) -> Result<Self, ConfigError> {
        let bytes = regular_file::read(path, at).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
            io::ErrorKind::IsADirectory => ConfigError::Directory(path.to_owned()),
            io::ErrorKind::PermissionDenied => ConfigError::denied(path, source),
            _ => ConfigError::Read { path: path.to_owned(), source },
        })?;
        Self::from_bytes(&bytes, path, at, env, default_base_url)
    }

    /// As [`Config::load`], with the file's content at hand: `path` is where it stands, and beside it are the secrets that
    /// it refers to.
    pub fn from_bytes(
        bytes: &[u8],
        path: &Path,
        at: ReadAt,
        env: &dyn Fn(&str) -> Option<String>,
        default_base_url: Option<&Url>,
    ) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let sources = SecretSources { folder, at, env };
        let in_file = |mistake: Mistake, text: &str| ConfigError::Mistake(mistake.in_file(path, text, schema::FILE));
        let text = decode(bytes).map_err(|mistake| in_file(mistake, &String::from_utf8_lossy(bytes)))?;
        Self::parse(text, &sources, default_base_url).map_err(|mistake| in_file(mistake, text))
    }

    /// The redirect URI to register with Withings: `<base_url>/callback`.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.own_url(OwnPath::Callback)
    }

    fn own_url(&self, path: OwnPath) -> String {
        format!("{}{}", self.base_url.as_str().trim_end_matches('/'), path.as_str())
    }

    /// The address that Withings calls when it has news, with its secret part.
    #[must_use]
    pub fn webhook_url(&self, secret: &str) -> String {
        self.own_url(OwnPath::Webhook) + secret
    }

    /// The measurements that are exported: all that are selected, but without webhooks none that only notifications tell.
    #[must_use]
    pub fn measured(&self) -> Selection {
        self.measurements.iter().filter(|measurement| self.webhooks || measurement.source != Source::BedEvent).collect()
    }

    fn parse(text: &str, sources: &SecretSources<'_>, default_base_url: Option<&Url>) -> Result<Self, Mistake> {
        let block = Block::of(document::read(text)?, sources)?;
        let mut warnings = Vec::new();
        let mut config = Self {
            client_id: credentials::client_id(&block)?,
            client_secret: credentials::client_secret(&block)?,
            profiles: block
                .read("profiles", |key, node| names::profiles(key, node, &mut warnings))?
                .ok_or_else(|| block.missing("profiles", names::PROFILES_HELP))?,
            base_url: match (block.read("base_url", base_url::base_url)?, default_base_url) {
                (Some(url), _) => url,
                (None, Some(url)) => url.clone(),
                (None, None) => return Err(block.missing("base_url", base_url::HELP)),
            },
            measurements: block
                .read("measurements", |key, node| names::measurements(key, node, &mut warnings))?
                .unwrap_or_else(Selection::all),
            refresh_interval: block.read("refresh_interval", scalar::interval)?.unwrap_or(REFRESH_INTERVAL),
            requests_per_minute: block
                .read("requests_per_minute", scalar::requests_per_minute)?
                .unwrap_or(REQUESTS_PER_MINUTE),
            webhooks: false,
            api_url: block.read("api_url", scalar::origin)?.unwrap_or_else(|| known_url(API_URL)),
            account_url: block.read("account_url", scalar::origin)?.unwrap_or_else(|| known_url(ACCOUNT_URL)),
            warnings,
        };
        config.webhooks = webhooks::are_wanted(&block, &config.base_url, &mut config.warnings)?;
        webhooks::check(&config, &block)?;
        config.warnings.extend(credentials::warnings(&config.client_id, &config.client_secret));
        config.warnings.extend(base_url::warning(&config.base_url));
        Ok(config)
    }
}

impl ConfigError {
    fn denied(path: &Path, source: io::Error) -> Self {
        Self::Denied { path: path.to_owned(), source }
    }
}

impl FromIterator<Measurement> for Selection {
    fn from_iter<I: IntoIterator<Item = Measurement>>(measurements: I) -> Self {
        Self(measurements.into_iter().collect())
    }
}

impl Selection {
    /// Every measurement of the catalogue.
    #[must_use]
    pub fn all() -> Self {
        Measurement::all().collect()
    }

    /// Whether this measurement is exported.
    #[must_use]
    pub fn contains(&self, measurement: Measurement) -> bool {
        self.0.contains(&measurement)
    }

    /// The exported measurements, in the catalogue's order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Measurement> {
        self.0.iter().copied()
    }
}

/// The text of a file, without a UTF-8 byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, Mistake> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Mistake::at_place(None, "the file is UTF-16, as its byte order mark says")
            .help("save it as UTF-8, which editors offer under \"Save as\""));
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|err| {
        let place = Place::after(&String::from_utf8_lossy(&bytes[..err.valid_up_to()]));
        Mistake::at_place(Some(place), "the file is not UTF-8 text").help("save it as UTF-8")
    })
}

fn known_url(url: &str) -> Url {
    Url::parse(url).expect("the default URLs are written in this file and a test reads them")
}

#[cfg(test)]
mod tests;
