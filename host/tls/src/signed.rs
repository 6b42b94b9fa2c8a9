//! Whether one certificate's key has signed something.

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// True if the key of `signer` has signed `message`, by any way of signing that we believe. Which way that is,
/// a key of one kind leaves little choice of.
pub(crate) fn is_signed_by(signer: &CertificateDer<'_>, message: &[u8], signature: &[u8]) -> bool {
    let Ok(signer) = EndEntityCert::try_from(signer) else { return false };
    let ways = default_provider().signature_verification_algorithms.all;
    ways.iter().any(|way| signer.verify_signature(*way, message, signature).is_ok())
}
