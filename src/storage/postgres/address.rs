//! The address of a PostgreSQL, as `--storage.url` writes it: `postgres://user@host1:5432,host2/database?sslmode=verify-full`.

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::address_error::AddressError;
use super::parameters::Parameters;
use super::tls::Encryption;

/// The port where none is written.
const PORT: u16 = 5432;

/// How long TCP may take to one address of a host, unless `connect_timeout` says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// After so long without a sign of the other machine a connection is cut: nothing came, or what was sent has no answer.
const SILENCE: Duration = Duration::from_secs(10);

/// The time of silence after which the other machine is asked for a sign, and the time between two such questions.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// How many such questions without an answer cut the connection.
const UNANSWERED: u32 = 2;

/// What `application_name` is unless the address says otherwise.
const APPLICATION_NAME: &str = "withings-exporter";

/// Where the database is, and how it is reached. Neither `Display` nor `Debug` shows the password.
#[derive(Clone)]
pub struct Address {
    /// Each with its port, in the order in which they are tried; at least one.
    hosts: Vec<(Host, u16)>,
    /// `None`: that of the process.
    user: Option<String>,
    password: Option<SecretSlice<u8>>,
    database: String,
    has_password: bool,
    encryption: Encryption,
    application_name: String,
    connect_timeout: Duration,
}

impl Address {
    /// Reads `url`. `password`, which is that of `PGPASSWORD`, counts where the URL has none; an empty one is none.
    pub fn parse(url: &str, password: Option<&str>) -> Result<Self, AddressError> {
        let (start, query) = url.split_once('?').unwrap_or((url, ""));
        check_delimiters(start, query)?;
        let parameters = Parameters::read(query)?;
        let config: Config = start.parse().map_err(|error| unreadable(&error))?;
        if config.get_ports().contains(&0) {
            return Err(AddressError::Port);
        }
        let hosts: Vec<_> = config.get_hosts().iter().cloned().zip(config.get_ports().iter().copied()).collect();
        let hosts =
            if hosts.is_empty() { parameters.host.map(|host| (host, PORT)).into_iter().collect() } else { hosts };
        if hosts.is_empty() || hosts.iter().any(|(host, _)| *host == Host::Tcp(String::new())) {
            return Err(AddressError::NoHost);
        }
        let of_url = config.get_password().filter(|password| !password.is_empty());
        let of_environment = password.map(str::as_bytes).filter(|password| !password.is_empty());
        let is_local = hosts.iter().all(|(host, _)| is_local(host));
        Ok(Self {
            hosts,
            user: config.get_user().filter(|user| !user.is_empty()).map(str::to_owned),
            password: of_url.or(of_environment).map(|password| password.to_vec().into()),
            database: config.get_dbname().ok_or(AddressError::NoDatabase)?.to_owned(),
            has_password: of_url.is_some(),
            encryption: parameters.encryption.unwrap_or(if is_local {
                Encryption::Off
            } else {
                Encryption::Verified(None)
            }),
            application_name: parameters.application_name.unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            connect_timeout: parameters.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        })
    }

    /// Whether the URL itself has a password. In a flag, every user of the machine can see it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Whether connections are encrypted, and whose certificate is believed.
    #[must_use]
    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// What the driver needs for each host, in the order in which they are tried; at least one.
    pub(super) fn configs(&self) -> Vec<Config> {
        self.hosts.iter().map(|(host, port)| self.config(host, *port)).collect()
    }

    fn config(&self, host: &Host, port: u16) -> Config {
        let mut config = Config::new();
        match host {
            Host::Tcp(name) => config.host(name).ssl_mode(match self.encryption {
                Encryption::Off => SslMode::Disable,
                Encryption::Unverified | Encryption::Verified(_) => SslMode::Require,
            }),
            Host::Unix(path) => config.host_path(path).ssl_mode(SslMode::Disable),
        };
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password.expose_secret());
        }
        config
            .port(port)
            .dbname(&self.database)
            .application_name(&self.application_name)
            .connect_timeout(self.connect_timeout)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(ASK_EVERY)
            .keepalives_interval(ASK_EVERY)
            .keepalives_retries(UNANSWERED);
        config
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) if name.contains(':') => write!(f, "{comma}[{name}]:{port}")?,
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Whether a host is this machine: then nobody is between the two.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
    }
}

/// Refuses delimiters that stand where the driver would read another host or database than was meant: a part of the password
/// would become the name of a host, and be shown.
fn check_delimiters(start: &str, query: &str) -> Result<(), AddressError> {
    let rest = start.strip_prefix("postgres://").or_else(|| start.strip_prefix("postgresql://"));
    let (authority, database) =
        rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))).ok_or(AddressError::Scheme)?;
    let is_misplaced = |text: &str| text.contains(['@', '#']);
    let hosts = authority.split_once('@').map_or(authority, |(_, hosts)| hosts);
    if is_misplaced(hosts)
        || authority.contains('#')
        || database.contains('/')
        || is_misplaced(database)
        || is_misplaced(query)
    {
        return Err(AddressError::Unescaped);
    }
    Ok(())
}

/// What the driver says of an address that it cannot read. It tells no cause but in words.
fn unreadable(error: &tokio_postgres::Error) -> AddressError {
    match error.source() {
        Some(cause) if cause.to_string().contains("`port`") => AddressError::Port,
        _ => AddressError::Unreadable,
    }
}
