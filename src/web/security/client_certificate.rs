//! Which certificates of clients are accepted.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::pem::{TlsError, certificates};
use crate::config::web::{ClientPolicy, Tls};
use crate::regular_file::ReadAt;

/// The verifier of clients' certificates that `tls` asks for.
pub(super) fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
    at: ReadAt,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let any = |mandatory| {
        let any = AnyCertificate { mandatory, algorithms: provider.signature_verification_algorithms };
        Ok(Arc::new(any) as Arc<dyn ClientCertVerifier>)
    };
    let verifier = match (tls.client_policy, &tls.client_authorities) {
        (ClientPolicy::None, _) => Ok(WebPkiClientVerifier::no_client_auth()),
        (ClientPolicy::Request, _) => any(false),
        (ClientPolicy::RequireAny, _) => any(true),
        (ClientPolicy::VerifyIfGiven | ClientPolicy::RequireAndVerify, authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in
                authorities.iter().map(|pem| certificates(pem, "client_ca", at)).collect::<Result<Vec<_>, _>>()?
            {
                authority
                    .into_iter()
                    .try_for_each(|certificate| roots.add(certificate))
                    .map_err(TlsError::Authority)?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            let builder = if tls.client_policy.is_required() { builder } else { builder.allow_unauthenticated() };
            builder.build().map_err(TlsError::Authorities)
        }
    }?;
    Ok(match &tls.client_allowed_names {
        Some(allowed) => Arc::new(NamedCertificate { allowed: allowed.clone(), verifier }),
        None => verifier,
    })
}

/// Accepts any certificate of which the client has the key: there is no authority to ask.
#[derive(Debug)]
struct AnyCertificate {
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Accepts a certificate that has one of the allowed names, and that the other verifier accepts.
#[derive(Debug)]
struct NamedCertificate {
    allowed: Vec<String>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for NamedCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        if subject_names(end_entity).iter().any(|name| self.allowed.contains(name)) {
            return Ok(verified);
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// DNS names, e-mail addresses, URIs and IP addresses of a certificate in DER, as text; rustls does not tell them. None if
/// the certificate cannot be read.
fn subject_names(certificate: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(text).collect()
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::RFC822Name(text) | GeneralName::DNSName(text) | GeneralName::URI(text) => Some((*text).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
