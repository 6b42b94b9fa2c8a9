//! What a listener shows: a certificate, those it is signed by, and its key. All of it is checked before
//! it is used: a pair that does not belong together would fail with the first client.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::peer;
use crate::settings::Unfit;

/// Certificates of one file.
const CERTIFICATES_MAX: usize = 64;

/// A certificate and its key, by the content of their files.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// What the keys of the configuration that name the files begin with; empty, or with a dot at its end.
    pub prefix: String,
    /// The certificate, and behind it those that sign in turn, in PEM.
    pub certfile: Arc<str>,
    /// The key of the first, in PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub keyfile: Arc<str>,
}

/// What a person knows a certificate by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// When the first of it and of those behind it expires, in seconds since 1970.
    pub expires: i64,
}

/// Of its key nothing is shown.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair {:?} {}", self.prefix, self.certfile)
    }
}

/// Reads a pair; `now` is in seconds since 1970.
pub(crate) fn certified(
    pair: &Pair,
    now: i64,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Certificate), Unfit> {
    let unfit = |key: &str, why: String| Unfit::new(format!("{}{key}", pair.prefix), why);
    let of_certfile = |why| unfit("certfile", why);
    let chain = certificates(&pair.certfile).map_err(of_certfile)?;
    let certificate = in_force(&chain, now).map_err(of_certfile)?;
    named_in_turn(&chain).map_err(of_certfile)?;
    let key = private_key(&pair.keyfile).map_err(|why| unfit("keyfile", why))?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            unfit("keyfile", "its key is not that of the certificate in certfile".to_owned())
        }
        Error::InvalidCertificate(CertificateError::BadEncoding) => {
            of_certfile("its first certificate cannot be read".to_owned())
        }
        error => unfit("keyfile", format!("its key cannot be used: {error}")),
    })?;
    Ok((certified, certificate))
}

/// The names that clients may ask for and be shown this certificate, in lower case; one may begin with `*.`.
pub(crate) fn names(certified: &CertifiedKey) -> Vec<String> {
    let Some(first) = certified.cert.first() else { return Vec::new() };
    let Ok((_, certificate)) = X509Certificate::from_der(first.as_ref()) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let of_dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(of_dns).collect()
}

fn private_key(keyfile: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(keyfile.as_bytes()).map_err(|error| match error {
        pem::Error::NoItemsFound if keyfile.contains("ENCRYPTED PRIVATE KEY") => {
            "its key is encrypted; `openssl pkey` writes it without a password".to_owned()
        }
        pem::Error::NoItemsFound => "it holds no private key".to_owned(),
        error => format!("it {}", shown(&error)),
    })
}

/// The certificates of a file in PEM, at least one.
pub(crate) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        certificates.push(certificate.map_err(|error| format!("it {}", shown(&error)))?);
        if certificates.len() > CERTIFICATES_MAX {
            return Err(format!("it holds more than {CERTIFICATES_MAX} certificates"));
        }
    }
    if certificates.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(certificates)
}

/// A certificate that is over, or not yet begun, is refused by every client that looks.
fn in_force(chain: &[CertificateDer<'_>], now: i64) -> Result<Certificate, String> {
    let parsed = parsed(chain)?;
    for (index, certificate) in parsed.iter().enumerate() {
        let validity = certificate.validity();
        let which = which(index);
        if now < validity.not_before.timestamp() {
            return Err(format!("{which} is not valid before {}", validity.not_before));
        }
        if now > validity.not_after.timestamp() {
            return Err(format!("{which} expired on {}", validity.not_after));
        }
    }
    let expires = parsed.iter().map(|it| it.validity().not_after.timestamp()).min();
    let serial = parsed.first().map(peer::serial);
    Ok(Certificate { serial: serial.unwrap_or_default(), expires: expires.unwrap_or_default() })
}

/// Each names the one behind it as who signed it; whether that is so, clients see.
fn named_in_turn(chain: &[CertificateDer<'_>]) -> Result<(), String> {
    let parsed = parsed(chain)?;
    for (index, pair) in parsed.windows(2).enumerate() {
        if pair[0].issuer() != pair[1].subject() {
            let (which, behind) = (which(index), pair[1].subject());
            let issuer = pair[0].issuer();
            return Err(format!(
                "{which} is signed by `{issuer}`, and behind it comes `{behind}`: the server's \
                 certificate comes first, then the one that signed it"
            ));
        }
    }
    Ok(())
}

/// What stands in them.
pub(crate) fn parsed<'a>(
    chain: &'a [CertificateDer<'_>],
) -> Result<Vec<X509Certificate<'a>>, String> {
    let parse = |(index, der): (usize, &'a CertificateDer<'_>)| {
        let (_, certificate) = X509Certificate::from_der(der.as_ref())
            .map_err(|_| format!("{} cannot be read", which(index)))?;
        Ok(certificate)
    };
    chain.iter().enumerate().map(parse).collect()
}

fn which(index: usize) -> String {
    match index {
        0 => "its certificate".to_owned(),
        more => format!("certificate {} of it", more + 1),
    }
}

fn shown(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "ends in the middle of a block: it is cut off".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => "has a line `-----BEGIN` that is none".to_owned(),
        pem::Error::Base64Decode(_) => "holds a block that is no base64".to_owned(),
        error => format!("is no PEM: {error}"),
    }
}
