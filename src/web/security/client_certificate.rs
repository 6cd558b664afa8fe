//! Which certificates of clients are accepted.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::pem::{TlsError, certificates};
use super::subject_names::subject_names;
use crate::config::web::{ClientPolicy, Tls};

/// What checks the certificates as `tls` says.
pub(super) fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
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
                authorities.iter().map(|it| certificates(it, "client_ca")).collect::<Result<Vec<_>, _>>()?
            {
                authority.into_iter().try_for_each(|it| roots.add(it)).map_err(TlsError::Authority)?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            let builder = if tls.client_policy.is_required() { builder } else { builder.allow_unauthenticated() };
            builder.build().map_err(TlsError::Authorities)
        }
    }?;
    Ok(match &tls.client_allowed_names {
        Some(allowed) => Arc::new(Named { allowed: allowed.clone(), verifier }),
        None => verifier,
    })
}

/// Takes any certificate of which the client has the key, as it is without an authority.
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

/// Takes what another one takes if it has one of the allowed names.
#[derive(Debug)]
struct Named {
    allowed: Vec<String>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Named {
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
