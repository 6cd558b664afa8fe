//! The command line: flags, commands and their environment variables. Types only; [`crate::commands`] acts on them.

mod backfill;
mod demo;
mod label;
mod storage;

use std::ffi::OsString;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use url::Url;

pub use backfill::{BackfillFlags, Output, Time};
pub use demo::DemoFlags;
pub use label::Label;
pub use storage::{DatabaseFlags, NOT_BUILT, Place, StorageCommand};

use crate::catalogue::DocumentFormat;
use crate::paths::OwnPath;
use crate::telemetry::Build;
use crate::telemetry::log::{Level, LogFormat};
use crate::web::AllowedHost;

/// Loopback: health data is not offered to the network unasked.
const DEFAULT_ADDRESS: &str = "127.0.0.1:10064";

/// Prometheus exporter for Withings health data: scales, blood pressure cuffs, sleep mats, thermometers and watches.
///
/// Without a command, it refreshes the measurements and serves them until a signal.
#[derive(Clone, Debug, Parser)]
#[command(name = "withings-exporter", version, propagate_version = true)]
pub struct Cli {
    /// The flags of every command.
    #[command(flatten)]
    pub flags: Flags,
    /// The command; `None` is serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands beside serve.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Show a simulated household: metrics with no account.
    Demo(DemoFlags),
    /// Write the history of profiles as OpenMetrics, or send it to a server.
    Backfill(BackfillFlags),
    /// Read the configuration and print what would be exported, or the mistake.
    CheckConfig,
    /// Log a profile in from this terminal. The exporter may be running.
    Authorize {
        /// The profile, as the configuration names it.
        profile: String,
    },
    /// Delete everything stored about a profile, and end its login at Withings.
    Forget {
        /// The profile; it need not be in the configuration any more.
        profile: String,
    },
    /// Look after a storage in PostgreSQL.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Ask the running exporter whether it is healthy; it is started with the same flags and variables.
    Healthcheck,
    /// Print the catalogue of measurements.
    Measurements {
        /// Print columns for a terminal, a table in Markdown, or an array of objects.
        #[arg(
            long,
            value_name = "FORMAT",
            default_value = DocumentFormat::Table.name(),
            value_parser = one_of(DocumentFormat::ALL, DocumentFormat::name)
        )]
        format: DocumentFormat,
    },
}

/// The flags that stand before or after any command. Each has an environment variable.
// A command's help and manual have its own flags first.
#[derive(Clone, Debug, Args)]
#[command(next_display_order = 100)]
pub struct Flags {
    /// The configuration file.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        global = true,
        default_value = "withings.yaml",
        env = "WITHINGS_EXPORTER_CONFIG_FILE"
    )]
    pub config_file: PathBuf,

    /// The directory for logins and last readings [default: `$STATE_DIRECTORY`, else `data`].
    #[arg(long = "storage.path", value_name = "DIR", global = true, env = "WITHINGS_EXPORTER_STORAGE_PATH")]
    pub storage_path: Option<PathBuf>,

    /// What names a PostgreSQL instead.
    #[command(flatten)]
    pub database: DatabaseFlags,

    /// The address to listen on, as HOST:PORT or :PORT; repeat it for several.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        global = true,
        value_delimiter = ',',
        default_value = DEFAULT_ADDRESS,
        env = "WITHINGS_EXPORTER_WEB_LISTEN_ADDRESS"
    )]
    pub listen_addresses: Vec<ListenAddress>,

    /// Listen on the sockets that systemd passes, instead of addresses.
    #[arg(
        long = "web.systemd-socket",
        global = true,
        value_parser = BoolishValueParser::new(),
        env = "WITHINGS_EXPORTER_WEB_SYSTEMD_SOCKET"
    )]
    pub systemd_socket: bool,

    /// The file with TLS, passwords, headers and a rate limit, as other Prometheus exporters have it [default: none].
    #[arg(long = "web.config.file", value_name = "FILE", global = true, env = "WITHINGS_EXPORTER_WEB_CONFIG_FILE")]
    pub web_config_file: Option<PathBuf>,

    /// A further name to answer to where no password is needed: NAME, .SUFFIX for all names below it, or * for any; repeat it
    /// for several [default: none].
    #[arg(
        long = "web.allowed-host",
        value_name = "NAME",
        global = true,
        value_delimiter = ',',
        env = "WITHINGS_EXPORTER_WEB_ALLOWED_HOST"
    )]
    pub allowed_hosts: Vec<AllowedHost>,

    /// The path of the metrics.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        global = true,
        default_value = "/metrics",
        value_parser = telemetry_path,
        env = "WITHINGS_EXPORTER_WEB_TELEMETRY_PATH"
    )]
    pub telemetry_path: String,

    /// The most scrapes that wait for their pages at the same time; 0 is no limit.
    #[arg(
        long = "web.max-requests",
        value_name = "NUMBER",
        global = true,
        default_value_t = 40,
        env = "WITHINGS_EXPORTER_WEB_MAX_REQUESTS"
    )]
    pub max_requests: usize,

    /// Leave out the metrics of the exporter itself.
    #[arg(
        long = "web.disable-exporter-metrics",
        global = true,
        value_parser = BoolishValueParser::new(),
        env = "WITHINGS_EXPORTER_WEB_DISABLE_EXPORTER_METRICS"
    )]
    pub disable_exporter_metrics: bool,

    /// The least severe messages to log.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        global = true,
        default_value = Level::default().name(),
        value_parser = one_of(Level::ALL, Level::name),
        env = "WITHINGS_EXPORTER_LOG_LEVEL"
    )]
    pub log_level: Level,

    /// The format of log messages.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        global = true,
        default_value = LogFormat::default().name(),
        value_parser = one_of(LogFormat::ALL, LogFormat::name),
        env = "WITHINGS_EXPORTER_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
}

/// Where the server listens: a host, which is a name, an IP address or every interface, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// Empty for every interface. An IPv6 address has no brackets here.
    host: String,
    port: u16,
}

/// Flags that do not go together, or not with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// The build as `--version` prints it and other exporters do, without the last newline.
#[must_use]
pub fn version() -> String {
    let Build { version, revision, branch, os, arch, rustc } = Build::this();
    format!(
        "withings-exporter, version {version} (branch: {branch}, revision: {revision})\n  \
         rustc version:    {rustc}\n  \
         platform:         {os}/{arch}"
    )
}

impl Flags {
    /// The storage directory: the flag's, else systemd's `$STATE_DIRECTORY` (the first of them), else `data`.
    #[must_use]
    pub fn storage_path(&self, state_directory: Option<OsString>) -> PathBuf {
        let from_systemd = || {
            let directories = state_directory.filter(|directories| !directories.is_empty())?;
            directories
                .to_str()
                .and_then(|paths| paths.split(':').next())
                .map(PathBuf::from)
                .or(Some(directories.into()))
        };
        self.storage_path.clone().or_else(from_systemd).unwrap_or_else(|| Path::new("data").to_owned())
    }

    /// The `base_url` of a configuration that has none: `http://localhost:PORT` with the first address's port, `https`
    /// with TLS. `None` with sockets of systemd, of which nothing is known yet.
    #[must_use]
    pub fn default_base_url(&self, has_tls: bool) -> Option<Url> {
        let address = self.listen_addresses.first().filter(|_| !self.systemd_socket)?;
        Some(local_url("localhost", address.port, has_tls))
    }

    /// The exporter that runs with these flags, as this host reaches it. `None` if the port is not known beforehand.
    #[must_use]
    pub fn own_url(&self, has_tls: bool) -> Option<Url> {
        let address = self.listen_addresses.first().filter(|address| address.port != 0)?;
        let host = match address.host.as_str() {
            "" | "0.0.0.0" => "127.0.0.1".to_owned(),
            "::" => "[::1]".to_owned(),
            host if host.contains(':') => format!("[{host}]"),
            host => host.to_owned(),
        };
        Some(local_url(&host, address.port, has_tls))
    }
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or("it has no port; write HOST:PORT or :PORT")?;
        let port = port.parse().map_err(|_| "the port must be a number from 0 to 65535")?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if bare.is_none() && host.contains([':', '[', ']']) {
            return Err("an IPv6 address stands in brackets, as in [::1]:10064");
        }
        if host.contains(['/', ' ']) {
            return Err("it must be HOST:PORT, without http:// and without a path");
        }
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            host if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl ToSocketAddrs for ListenAddress {
    type Iter = std::vec::IntoIter<SocketAddr>;

    /// The socket addresses to try, in this order, until one can be bound. A name is looked up, which blocks.
    fn to_socket_addrs(&self) -> std::io::Result<Self::Iter> {
        // The IPv6 wildcard takes IPv4 too; the IPv4 one is for hosts without IPv6.
        let hosts = if self.host.is_empty() { vec!["::", "0.0.0.0"] } else { vec![self.host.as_str()] };
        let found: Vec<Vec<SocketAddr>> = hosts
            .into_iter()
            .map(|host| Ok((host, self.port).to_socket_addrs()?.collect()))
            .collect::<std::io::Result<_>>()?;
        Ok(found.concat().into_iter())
    }
}

impl ListenAddress {
    /// The port; 0 for any that is free.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The exporter at this host, which is one to listen on, and port.
#[must_use]
pub fn local_url(host: &str, port: u16, has_tls: bool) -> Url {
    let scheme = if has_tls { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}:{port}"));
    url.unwrap_or_else(|_| Url::parse(&format!("{scheme}://localhost:{port}")).expect("every port makes a URL"))
}

/// Reads the name of one of `all`.
fn one_of<T, const N: usize>(all: [T; N], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(name)).map(move |word| {
        all.into_iter().find(|one| name(*one) == word).expect("the parser before lets only these names through")
    })
}

fn telemetry_path(text: &str) -> Result<String, &'static str> {
    if !text.starts_with('/') || text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#%".contains(c)) {
        return Err("it must begin with / and have no spaces, ?, # or %");
    }
    if OwnPath::is_taken(text) {
        return Err("this path is taken by the exporter's own pages");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
