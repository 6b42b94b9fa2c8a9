//! Whose certificates clients may show.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::acceptor::{Clients, Unfit};
use crate::certificates::roots;

/// What rustls asks about the certificates of clients.
pub(crate) fn verifier(
    clients: &Clients,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Unfit> {
    let Clients { cacertfile, required, depth } = clients;
    let builder = WebPkiClientVerifier::builder_with_provider(roots(cacertfile)?.into(), provider);
    let builder = if *required { builder } else { builder.allow_unauthenticated() };
    let inner = builder.build().map_err(|error| Unfit::new("cacertfile", error.to_string()))?;
    Ok(Arc::new(NoDeeper { inner, depth: *depth }))
}

/// Refuses chains that are longer than allowed, and asks the other about the rest.
#[derive(Debug)]
struct NoDeeper {
    inner: Arc<dyn ClientCertVerifier>,
    /// Certificates behind a client's own.
    depth: usize,
}

impl ClientCertVerifier for NoDeeper {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if between.len() > self.depth {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        self.inner.verify_client_cert(certificate, between, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
