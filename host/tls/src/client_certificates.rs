//! Whose certificates clients may show.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::acceptor::{Clients, Unfit};
use crate::certificates::roots;
use crate::revocation::RevocationList;

/// What rustls asks about the certificates of clients.
pub(crate) fn verifier(
    clients: &Clients,
    lists: &[RevocationList],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Unfit> {
    let Clients { cacertfile, required, depth, revocation } = clients;
    let roots = Arc::new(roots(cacertfile)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let builder = if *required { builder } else { builder.allow_unauthenticated() };
    // By itself it would take a list that is out of date, and whatever no list is about it refuses.
    let builder =
        builder.with_crls(lists.iter().map(RevocationList::der)).enforce_revocation_expiration();
    let inner = builder.build().map_err(|error| match error {
        VerifierBuilderError::InvalidCrl(error) => {
            Unfit::new("crlfile", format!("a list cannot be used: {error:?}"))
        }
        error => Unfit::new("cacertfile", error.to_string()),
    })?;
    let is_blind = revocation.is_some() && lists.is_empty();
    Ok(Arc::new(Strict { inner, depth: *depth, is_blind }))
}

/// Refuses what the other would let through, and asks it about the rest.
#[derive(Debug)]
struct Strict {
    inner: Arc<dyn ClientCertVerifier>,
    /// Certificates behind a client's own.
    depth: usize,
    /// It should know who is revoked, and has no list yet.
    is_blind: bool,
}

impl ClientCertVerifier for Strict {
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
        if self.is_blind {
            return Err(CertificateError::UnknownRevocationStatus.into());
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
