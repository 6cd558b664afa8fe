//! Certificates and keys in PEM, from a file or from the web configuration itself.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;
use thiserror::Error;

use crate::config::web::Pem;
use crate::regular_file::{self, ReadAt};

/// Why certificates, keys or settings cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What should be a certificate is none.
    #[error("there is no certificate in {place}")]
    NoCertificate {
        /// The file, or the key of the web configuration.
        place: String,
        /// What the reader says.
        source: pem::Error,
    },
    /// What should be a private key is none.
    #[error("there is no private key in {place}")]
    NoKey {
        /// The file, or the key of the web configuration.
        place: String,
        /// What the reader says.
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificate cannot be used with its key")]
    Certificate(#[source] rustls::Error),
    /// An authority of clients cannot be used.
    #[error("the authority of the clients cannot be used")]
    Authority(#[source] rustls::Error),
    /// The authorities of clients cannot be used together.
    #[error("the authorities of the clients cannot be used")]
    Authorities(#[source] rustls::server::VerifierBuilderError),
    /// No cipher suite is left for the versions, or no group for the key exchange.
    #[error("none of the cipher suites or curves can be used")]
    NothingLeft(#[source] rustls::Error),
}

/// The certificates in PEM, at least one.
pub(super) fn certificates(pem: &Pem, name: &str, at: ReadAt) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (place, text) = read(pem, name, at)?;
    let no_certificate = |source| TlsError::NoCertificate { place: place.clone(), source };
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(no_certificate)?;
    if found.is_empty() { Err(no_certificate(pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// The private key in PEM.
pub(super) fn key(pem: &Pem, at: ReadAt) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (place, text) = read(pem, "key", at)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| TlsError::NoKey { place, source })
}

/// What is in PEM, and where it stands, for messages.
fn read(pem: &Pem, name: &str, at: ReadAt) -> Result<(String, Vec<u8>), TlsError> {
    match pem {
        Pem::Inline(text) => Ok((format!("`{name}`"), text.expose_secret().into())),
        Pem::File(path) => {
            let text = regular_file::read(path, at).map_err(|source| TlsError::Read { path: path.clone(), source })?;
            Ok((path.display().to_string(), text))
        }
    }
}
