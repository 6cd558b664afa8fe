//! What stands behind the `?` of an address.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::Host;
use url::form_urlencoded;

use super::address_error::{AddressError, PARAMETERS};
use super::tls::Encryption;

/// The parameters of an address; `None`: not there.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) encryption: Option<Encryption>,
    pub(super) application_name: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    /// For an address that names no host itself, as `postgres:///database?host=/run/postgresql`.
    pub(super) host: Option<Host>,
}

impl Parameters {
    /// Reads `name=value&name=value`; an empty value counts as not there.
    pub(super) fn read(query: &str) -> Result<Self, AddressError> {
        let mut values: [Option<String>; PARAMETERS.len()] = Default::default();
        // A plus is no space here, as it is in a form.
        for (name, value) in form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
            let index = PARAMETERS.iter().position(|known| *known == name).ok_or(AddressError::Parameter)?;
            if values[index].replace(value.into_owned()).is_some() {
                return Err(AddressError::Twice(PARAMETERS[index]));
            }
        }
        let [mode, authorities, attributes, application_name, connect_timeout, host] =
            values.map(|value| value.filter(|value| !value.is_empty()));
        if attributes.is_some_and(|attributes| attributes != "read-write") {
            return Err(AddressError::TargetSessionAttrs);
        }
        Ok(Self {
            encryption: encryption(mode.as_deref(), authorities.map(PathBuf::from))?,
            application_name,
            connect_timeout: connect_timeout.as_deref().map(seconds).transpose()?,
            host: host.map(|host| if host.starts_with('/') { Host::Unix(host.into()) } else { Host::Tcp(host) }),
        })
    }
}

/// What `sslmode` and `sslrootcert` say together; `None` if they say nothing.
fn encryption(mode: Option<&str>, authorities: Option<PathBuf>) -> Result<Option<Encryption>, AddressError> {
    match (mode, authorities) {
        (None, None) => Ok(None),
        (None | Some("verify-full"), authorities) => Ok(Some(Encryption::Verified(authorities))),
        (Some("disable"), None) => Ok(Some(Encryption::Off)),
        (Some("require"), None) => Ok(Some(Encryption::Unverified)),
        (Some("disable" | "require"), Some(_)) => Err(AddressError::SslRootCert),
        (Some(_), _) => Err(AddressError::SslMode),
    }
}

fn seconds(text: &str) -> Result<Duration, AddressError> {
    let seconds = text.parse().ok().filter(|seconds| (1..=60).contains(seconds)).ok_or(AddressError::ConnectTimeout)?;
    Ok(Duration::from_secs(seconds))
}
