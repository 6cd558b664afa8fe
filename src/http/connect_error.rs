//! Why there is no connection, in plain words, and what to do about it. The libraries' own words follow: the system's error, or
//! what is wrong with a certificate, with the names of the server and of the certificate.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, Error as TlsError};

use super::causes;

/// What the libraries say of every connection that fails, which tells nothing.
const SAYS_NOTHING: [&str; 7] = [
    "client error (",
    "error sending request",
    "request or response body error",
    "error reading a body from connection",
    "error decoding response body",
    "tcp connect error",
    "dns error",
];

/// What the libraries' words for a failure of the proxy begin with.
const OF_PROXY: [&str; 4] =
    ["tunnel error", "SOCKS error", "error connecting to socks proxy", "error resolving for socks proxy"];

/// There is no connection, or it ended early.
#[derive(Debug)]
pub struct ConnectError {
    problem: ConnectProblem,
    /// What the libraries say, the outermost first.
    causes: Vec<String>,
}

/// Which problem a person has to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectProblem {
    /// The proxy of the environment does not lead there.
    Proxy,
    /// The server's name is not found.
    Name,
    /// Nothing listens at the server's address, or a firewall refuses.
    Refused,
    /// No way leads to the server's address.
    NoRoute,
    /// The server's certificate is not accepted.
    Certificate,
    /// The server wants a certificate of its client.
    ClientCertificate,
    /// The connection ended before the answer was whole.
    Cut,
    /// Something else.
    Other,
}

impl ConnectError {
    /// What an error of the HTTP library is about.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let said: Vec<_> = causes(error).map(ToString::to_string).collect();
        let is_said = |words: &[&str]| said.iter().any(|said| begins_with_one(said, words));
        let problem = if is_said(&OF_PROXY) {
            ConnectProblem::Proxy
        } else if error.is_dns() || is_said(&["dns error"]) {
            ConnectProblem::Name
        } else if is_said(&["connection closed before message completed"]) {
            ConnectProblem::Cut
        } else {
            causes(error).find_map(ConnectProblem::of_cause).unwrap_or(ConnectProblem::Other)
        };
        let mut causes: Vec<_> = said.into_iter().filter(|said| !begins_with_one(said, &SAYS_NOTHING)).collect();
        causes.dedup();
        Self { problem, causes }
    }

    /// Which problem it is.
    #[must_use]
    pub fn problem(&self) -> ConnectProblem {
        self.problem
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.problem.words())?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Error for ConnectError {}

impl ConnectProblem {
    fn of_cause(cause: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<TlsError>() {
            return match error {
                TlsError::InvalidCertificate(_) => Some(Self::Certificate),
                TlsError::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure) => {
                    Some(Self::ClientCertificate)
                }
                _ => None,
            };
        }
        match cause.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Self::NoRoute),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                Some(Self::Cut)
            }
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Proxy => "the proxy that the environment names does not lead there",
            Self::Name => "the name of the server is not found",
            Self::Refused => "the connection is refused",
            Self::NoRoute => "no way leads to the address of the server",
            Self::Certificate => "the certificate of the server is not accepted",
            Self::ClientCertificate => "the server wants a certificate of its client, or agrees on no encryption",
            Self::Cut => "the connection ended too early",
            Self::Other => "it cannot be made, or ended too early",
        }
    }

    /// What a person can do about it, in sentences.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Proxy => {
                "Look at HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment of the exporter, and whether that proxy works."
            }
            Self::Name => "Make sure that this machine reaches the internet and that its name server answers.",
            Self::Certificate => {
                "Make sure that the clock of this machine is right and that it has CA certificates. Where a proxy or a virus \
                 scanner opens what is encrypted, name the file with its certificate in SSL_CERT_FILE."
            }
            Self::Refused | Self::NoRoute | Self::ClientCertificate | Self::Cut | Self::Other => {
                "Make sure that this machine reaches the internet and that no firewall is in the way."
            }
        }
    }
}

fn begins_with_one(said: &str, words: &[&str]) -> bool {
    words.iter().any(|words| said.starts_with(words))
}
