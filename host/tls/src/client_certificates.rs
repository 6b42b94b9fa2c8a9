//! Whose certificates clients may show.

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::authorities::roots;
use crate::revocation_index::{RevocationIndex, RevocationStatus};
use crate::settings::{Clients, Unfit};

/// What rustls asks about the certificates of clients; `index` is where those are looked up that are revoked.
pub(crate) fn verifier(
    clients: &Clients,
    index: Option<Arc<RevocationIndex>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Unfit> {
    let Clients { cacertfile, required, depth, .. } = clients;
    let roots = Arc::new(roots(cacertfile)?);
    let ways = provider.signature_verification_algorithms;
    let builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider);
    let builder = if *required { builder } else { builder.allow_unauthenticated() };
    let inner = builder.build().map_err(|error| Unfit::new("cacertfile", error.to_string()))?;
    Ok(Arc::new(Strict { inner, depth: *depth, index, roots, ways }))
}

/// Refuses what the other would let through, and asks it about the rest.
#[derive(Debug)]
struct Strict {
    inner: Arc<dyn ClientCertVerifier>,
    /// Certificates behind a client's own.
    depth: usize,
    index: Option<Arc<RevocationIndex>>,
    roots: Arc<RootCertStore>,
    ways: WebPkiSupportedAlgorithms,
}

impl Strict {
    /// As the other does, along each path that would do, with a look at the index. The library's own look stops at
    /// the first list of an issuer and at the first doubt, and takes longer the longer the list is.
    fn look_up(
        &self,
        index: &RevocationIndex,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let own =
            EndEntityCert::try_from(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let worst = Cell::new(None);
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let look = |path: &VerifiedPath<'_>| {
            index.look_up(path, seconds).map_err(|status| {
                worst.set(worst.get().max(Some(status)));
                webpki::Error::CertRevoked
            })
        };
        let (ways, usage) = (self.ways.all, KeyUsage::client_auth());
        let roots = &self.roots.roots;
        let path = own.verify_for_usage(ways, roots, between, now, usage, None, Some(&look));
        match (path.is_ok(), worst.get()) {
            (true, _) => Ok(()),
            (false, Some(status)) => Err(status.into()),
            // There is no path, and the other knows how to say why.
            (false, None) => {
                let why = self.inner.verify_client_cert(certificate, between, now);
                why.and(Err(CertificateError::ApplicationVerificationFailure.into()))
            }
        }
    }
}

impl From<RevocationStatus> for Error {
    fn from(status: RevocationStatus) -> Self {
        Self::InvalidCertificate(match status {
            RevocationStatus::Revoked => CertificateError::Revoked,
            RevocationStatus::OutOfDate => CertificateError::ExpiredRevocationList,
            RevocationStatus::Unknown => CertificateError::UnknownRevocationStatus,
        })
    }
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
        match &self.index {
            None => self.inner.verify_client_cert(certificate, between, now),
            Some(index) => {
                self.look_up(index, certificate, between, now)?;
                Ok(ClientCertVerified::assertion())
            }
        }
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
