//! The server's side of TLS, as the web configuration wants it and rustls can do it.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{NamedGroup, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::client_certificate;
use super::pem::{TlsError, certificates, key};
use crate::config::web::{ClientPolicy, Curve, Tls, TlsVersion};
use crate::regular_file::ReadAt;

/// The TLS of a server.
pub(super) struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) client_policy: ClientPolicy,
}

impl ServerTls {
    /// Reads certificates and keys, which may be pipes if `at` says so. What rustls cannot do and can leave out is logged.
    pub(super) fn load(tls: &Tls, http2: bool, at: ReadAt) -> Result<Self, TlsError> {
        if tls.takes_any_signature() {
            tracing::warn!(
                "client_allowed_sans with RequireAnyClientCert keeps nobody out: any client can sign a certificate with \
                 such a name itself; RequireAndVerifyClientCert with client_ca_file checks who has signed it"
            );
        }
        let chain = certificates(&tls.certificate, "cert", at)?;
        let provider = Arc::new(provider(tls));
        let verifier = client_certificate::verifier(tls, &provider, at)?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(tls))
            .map_err(TlsError::NothingLeft)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key(&tls.key, at)?)
            .map_err(TlsError::Certificate)?;
        server.ignore_client_order = tls.prefer_server_cipher_suites;
        server.alpn_protocols =
            if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        Ok(Self { config: Arc::new(server), client_policy: tls.client_policy })
    }
}

/// The cryptography of rustls, as far as it is wanted. The suites of TLS 1.3 are all good, and stay.
fn provider(tls: &Tls) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !tls.cipher_suites.is_empty() {
        let suite = |name| provider.cipher_suites.iter().copied().find(|suite| suite.suite().as_str() == Some(name));
        // Only the names of those before TLS 1.3 say with what they are used.
        let below = tls.cipher_suites.iter().filter(|name| name.contains("_WITH_"));
        let below: Vec<_> = below.filter_map(|name| suite(name).or_else(|| left_out("cipher_suites", name))).collect();
        provider.cipher_suites.retain(|suite| matches!(suite, SupportedCipherSuite::Tls13(_)));
        provider.cipher_suites.extend(below);
    }
    if !tls.curves.is_empty() {
        let groups = std::mem::take(&mut provider.kx_groups);
        let named = |curve: &Curve| {
            group(&groups, *curve).or_else(|| left_out("curve_preferences", &format!("Curve{curve:?}")))
        };
        provider.kx_groups = tls.curves.iter().filter_map(named).collect();
    }
    provider
}

/// Names a value in the log that is wanted, and that rustls does not have.
fn left_out<T>(key: &str, value: &str) -> Option<T> {
    tracing::warn!(key, value, "rustls does not have this; it is left out");
    None
}

fn group(groups: &[&'static dyn SupportedKxGroup], curve: Curve) -> Option<&'static dyn SupportedKxGroup> {
    let name = match curve {
        Curve::P256 => NamedGroup::secp256r1,
        Curve::P384 => NamedGroup::secp384r1,
        Curve::P521 => NamedGroup::secp521r1,
        Curve::X25519 => NamedGroup::X25519,
    };
    groups.iter().copied().find(|group| group.name() == name)
}

/// The versions to speak. Those before 1.2 are safe to leave out: the oldest allowed one is a lower bound.
fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let spoken = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)];
    let wanted = |version: TlsVersion| tls.min_version <= version && version <= tls.max_version;
    spoken.into_iter().filter(|(version, _)| wanted(*version)).map(|(_, version)| version).collect()
}
