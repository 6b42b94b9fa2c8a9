//! What is signed, and whose key has signed it: the form that certificates and answers about them share
//! (RFC 5280, 4.1.1). Algorithms are those of rustls, so that nothing is believed here that would not be in
//! a handshake.

use rustls::crypto::aws_lc_rs::default_provider;
use x509_parser::prelude::X509Certificate;

use crate::der::{BIT_STRING, Elements, SEQUENCE};

/// Something signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// What the signature is about.
    pub(crate) body: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes what is signed, how, and the signature; `None`: they are not there.
    pub(crate) fn take(elements: &mut Elements<'a>) -> Option<Self> {
        let body = elements.take(SEQUENCE)?.whole;
        let algorithm = elements.take(SEQUENCE)?.content;
        let signature = bits(elements)?;
        Some(Self { body, algorithm, signature })
    }

    /// Reads a certificate, or a list of revoked ones.
    pub(crate) fn whole(der: &'a [u8]) -> Option<Self> {
        let mut inside = Elements(der).only(SEQUENCE)?.inside();
        let signed = Self::take(&mut inside)?;
        inside.end()?;
        Some(signed)
    }
}

/// The key of a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    algorithm: &'a [u8],
    /// The key itself, without what says how to read it.
    pub(crate) bits: &'a [u8],
}

impl<'a> Key<'a> {
    /// `None`: it cannot be read.
    pub(crate) fn of(certificate: &'a X509Certificate<'_>) -> Option<Self> {
        let mut inside = Elements(certificate.public_key().raw).only(SEQUENCE)?.inside();
        let algorithm = inside.take(SEQUENCE)?.content;
        let bits = bits(&mut inside)?;
        inside.end()?;
        Some(Self { algorithm, bits })
    }

    /// Whether the signature was made with the other half of this key.
    pub(crate) fn has_signed(&self, signed: &Signed<'_>) -> bool {
        let algorithms = default_provider().signature_verification_algorithms.all.iter();
        let mut fitting = algorithms.filter(|it| {
            it.signature_alg_id().as_ref() == signed.algorithm
                && it.public_key_alg_id().as_ref() == self.algorithm
        });
        fitting.any(|it| it.verify_signature(self.bits, signed.body, signed.signature).is_ok())
    }
}

/// Whole bytes of bits.
fn bits<'a>(elements: &mut Elements<'a>) -> Option<&'a [u8]> {
    elements.take(BIT_STRING)?.content.strip_prefix(&[0])
}
