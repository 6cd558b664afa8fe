//! TLS to the database: who is believed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::http::unchecked::AnyServer;
use crate::regular_file::{self, ReadAt};

/// Whether connections are encrypted, and whose certificate is believed. A Unix socket needs no encryption and has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// `disable`: no TLS.
    Off,
    /// `require`: TLS with whoever answers.
    Unverified,
    /// `verify-full`: TLS with the host that the address names, by the authorities in this PEM file; `None`: by those that the
    /// system trusts.
    Verified(Option<PathBuf>),
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// Not PEM.
    #[error("it is no PEM file: {0}")]
    Pem(pem::Error),
    /// PEM without a certificate.
    #[error("it has no certificate")]
    Empty,
    /// A certificate or the whole set is of no use.
    #[error("{0}")]
    Unusable(rustls::Error),
}

/// TLS as an address asks for it; of no use for one without encryption, which gets a set that believes nobody.
pub(super) fn config(encryption: &Encryption) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks them all");
    Ok(match encryption {
        Encryption::Off => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        Encryption::Unverified => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider))).with_no_client_auth()
        }
        Encryption::Verified(None) => {
            builder.with_platform_verifier().map_err(TlsError::Unusable)?.with_no_client_auth()
        }
        Encryption::Verified(Some(file)) => builder.with_root_certificates(authorities(file)?).with_no_client_auth(),
    })
}

/// The certificates in a PEM file.
fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let bytes = regular_file::read(file, ReadAt::Start).map_err(TlsError::Read)?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        store.add(certificate.map_err(TlsError::Pem)?).map_err(TlsError::Unusable)?;
    }
    if store.is_empty() { Err(TlsError::Empty) } else { Ok(store) }
}
