//! Who signs the certificates of clients: `cacertfile`, as rustls takes it and as an operator reads it.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::certificates::certificates;
use crate::peer;
use crate::settings::Unfit;
use crate::subject::readable;

/// What a person knows a certificate in `cacertfile` by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its name, as that of the issuer stands with a list of revoked certificates.
    pub subject: String,
    /// Its serial number, in hexadecimal: while one is replaced there may be two of a name.
    pub serial: String,
    /// When it expires, in seconds since 1970. Who is trusted without being signed by others is trusted after that
    /// too (RFC 5280, 6.1).
    pub expires: i64,
}

/// Reads the certificates of those who sign, in PEM, as those who are trusted.
pub(crate) fn roots(cacertfile: &str) -> Result<RootCertStore, Unfit> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates(cacertfile).map_err(unfit)?.into_iter().enumerate() {
        let added = roots.add(certificate);
        added
            .map_err(|error| unfit(format!("certificate {} cannot be used: {error}", index + 1)))?;
    }
    Ok(roots)
}

/// Reads what there is to say of each of them, in their order; of one that only rustls can read there is nothing.
pub(crate) fn authorities(cacertfile: &str) -> Result<Vec<Authority>, Unfit> {
    let authority = |der: &CertificateDer<'_>| {
        let (_, certificate) = X509Certificate::from_der(der.as_ref()).ok()?;
        Some(Authority {
            subject: readable(certificate.subject()),
            serial: peer::serial(&certificate),
            expires: certificate.validity().not_after.timestamp(),
        })
    };
    Ok(certificates(cacertfile).map_err(unfit)?.iter().filter_map(authority).collect())
}

fn unfit(why: String) -> Unfit {
    Unfit::new("cacertfile", why)
}
