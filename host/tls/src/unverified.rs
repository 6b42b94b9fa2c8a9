//! Why the certificate of a client is not trusted.

use std::fmt;

use rustls::{CertificateError, Error};

/// By consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// Whoever shows it has to go: the rest of a sentence about the certificate.
    Refused(&'static str),
    /// Whether it is revoked, nobody can say now. Nobody new comes in with it; who is inside already was not
    /// found to be.
    Unknown(&'static str),
}

impl Unverified {
    pub(crate) fn of(error: Error) -> Self {
        let error = match error {
            Error::InvalidCertificate(error) => error,
            Error::InvalidCertRevocationList(_) => {
                return Self::Unknown("may be revoked: the list of its issuer's cannot be used");
            }
            _ => return Self::Refused("is none that is trusted"),
        };
        match error {
            CertificateError::Revoked => Self::Refused("is revoked"),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::Refused("has expired")
            }
            CertificateError::UnknownIssuer => Self::Refused("is signed by nobody who is trusted"),
            CertificateError::UnknownRevocationStatus => {
                Self::Unknown("stands in no list of its issuer's, revoked or not")
            }
            CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => {
                Self::Unknown("may be revoked: the list of its issuer's is out of date")
            }
            _ => Self::Refused("is none that is trusted"),
        }
    }
}

/// A sentence.
impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::Unknown(why)) = self;
        write!(f, "the certificate {why}")
    }
}
