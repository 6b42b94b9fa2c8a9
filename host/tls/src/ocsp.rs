//! Whether a certificate is still good, by who signed it (OCSP, RFC 6960): what to ask about the one that a
//! listener shows, and whether an answer may be shown with it (stapled, RFC 6066, 8). An answer goes to every client,
//! so it is looked at as strictly as a client would. Not how it is fetched, which is the host's.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha1::{Digest as _, Sha1};
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use crate::der::{INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element};
use crate::ocsp_answer::{Basic, Status, basic};
use crate::ocsp_newest::{Newest, Said};
use crate::peer;
use crate::settings::Unfit;
use crate::signed::{Key, Signed};

/// Seconds that the clock of a responder may be ahead.
pub(crate) const SKEW: i64 = 5 * 60;

/// 1.3.14.3.2.26. What identifies a certificate needs no strength, and this one all responders know
/// (RFC 5019, 2.1.1).
pub(crate) const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// The question about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The certificate of who signed it, in DER.
    issuer: Vec<u8>,
    about: CertId,
    serial: String,
    responder: Option<String>,
}

/// What asking about a certificate takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ocsp {
    /// The certificate of who signed it, in PEM; `None`: the one behind it.
    pub issuer_pem: Option<String>,
}

/// What a certificate is known by here (RFC 6960, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertId {
    pub(crate) issuer_name: [u8; 20],
    pub(crate) issuer_key: [u8; 20],
    /// As it stands in the certificate.
    pub(crate) serial: Vec<u8>,
}

/// An answer that clients may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    /// As it came.
    pub der: Vec<u8>,
    /// No client takes it after this, in seconds since 1970.
    pub until: i64,
}

/// Why an answer may not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The certificate is revoked, says who may say so.
    Revoked,
    /// Who may say so does not know it.
    Unknown,
    /// No answer, but a status (RFC 6960, 4.2.1).
    Declined(u8),
    /// It is about other certificates.
    Other,
    /// It begins later, is over, does not say until when it holds, or is older than another.
    OutOfDate(&'static str),
    /// Nobody who may has signed it.
    Unsigned(&'static str),
    /// It is none, or not of this form.
    Malformed,
}

/// The rest of a sentence that begins with who answered.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "says that the certificate is revoked",
            Self::Unknown => "does not know the certificate",
            Self::Declined(1) => "does not understand the question (malformedRequest)",
            Self::Declined(2) => "has an error of its own (internalError)",
            Self::Declined(3) => "wants to be asked later (tryLater)",
            Self::Declined(5) => "wants questions to be signed (sigRequired)",
            Self::Declined(6) => "is not the one to ask about the certificate (unauthorized)",
            Self::Declined(other) => return write!(f, "answers with the status {other}"),
            Self::Other => "answers about other certificates",
            Self::OutOfDate(why) | Self::Unsigned(why) => why,
            Self::Malformed => "answers with something that is no OCSP response",
        })
    }
}

impl std::error::Error for Refused {}

impl Inquiry {
    /// The question about the first certificate of `certfile`, which was signed by the first of
    /// `issuer_pem`, or else by the second of `certfile`; all in PEM.
    ///
    /// # Errors
    /// [`Unfit`]: one of them is missing or cannot be read, or the one did not sign the other.
    pub fn about(certfile: &str, issuer_pem: Option<&str>) -> Result<Self, Unfit> {
        let first =
            nth(certfile, 0).ok_or_else(|| Unfit::new(CERTFILE, "it holds no certificate"))?;
        let (key, issuer) = match issuer_pem {
            Some(text) => (ISSUER_PEM, nth(text, 0).ok_or("it holds no certificate")),
            None => (CERTFILE, nth(certfile, 1).ok_or(ALONE)),
        };
        let issuer = issuer.map_err(|why| Unfit::new(key, why))?;
        let unreadable = |key| move || Unfit::new(key, "its certificate cannot be read");
        let certificate = certificate(&first).ok_or_else(unreadable(CERTFILE))?;
        let signed = Signed::whole(&first).ok_or_else(unreadable(CERTFILE))?;
        let by = self::certificate(&issuer).ok_or_else(unreadable(key))?;
        let by_key = Key::of(&by).ok_or_else(unreadable(key))?;
        if certificate.issuer().as_raw() != by.subject().as_raw() || !by_key.has_signed(&signed) {
            let (wanted, found) = (certificate.issuer(), by.subject());
            let why =
                format!("`{found}` in it did not sign the certificate, which names `{wanted}`");
            return Err(Unfit::new(key, why));
        }
        let about = CertId {
            issuer_name: Sha1::digest(by.subject().as_raw()).into(),
            issuer_key: Sha1::digest(by_key.bits).into(),
            serial: certificate.raw_serial().to_vec(),
        };
        let (serial, responder) = (peer::serial(&certificate), responder(&certificate));
        Ok(Self { issuer: issuer.to_vec(), about, serial, responder })
    }

    /// The serial number of the certificate, in hexadecimal.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Whom to ask, as the certificate says (RFC 5280, 4.2.2.1); the first that is reached by plain HTTP.
    pub fn responder(&self) -> Option<&str> {
        self.responder.as_deref()
    }

    /// The request in DER (RFC 6960, 4.1.1), without a nonce: so the answer may be one for everybody
    /// (RFC 5019, 2.1).
    pub fn request(&self) -> Vec<u8> {
        let CertId { issuer_name, issuer_key, serial } = &self.about;
        let oid = element(OBJECT_IDENTIFIER, &[SHA1]);
        let hash = element(SEQUENCE, &[&oid, &element(NULL, &[])]);
        let name = element(OCTET_STRING, &[issuer_name]);
        let key = element(OCTET_STRING, &[issuer_key]);
        let about = element(SEQUENCE, &[&hash, &name, &key, &element(INTEGER, &[serial])]);
        // Request, requestList, TBSRequest, OCSPRequest.
        (0..4).fold(about, |inner, _| element(SEQUENCE, &[&inner]))
    }

    /// Looks at an answer at `now`, in seconds since 1970. One that is older than the `newest` about this
    /// certificate, be that good or revoked, is refused and changes nothing.
    ///
    /// # Errors
    /// [`Refused`]: no client should be shown it. [`Refused::Revoked`] and [`Refused::Unknown`] are said
    /// by who may say so, and hold at `now`.
    pub fn read(&self, response: &[u8], now: i64, newest: &mut Newest) -> Result<Staple, Refused> {
        let answer = basic(response)?;
        self.is_signed(&answer, now)?;
        let mut of_ours = answer.singles.iter().filter(|single| single.about == self.about);
        let single = of_ours.next().ok_or(Refused::Other)?;
        // Of two statuses a client may take either.
        if of_ours.next().is_some() {
            return Err(Refused::Malformed);
        }
        if single.since > now + SKEW {
            return Err(Refused::OutOfDate("gives an answer that begins later"));
        }
        let until = single.until.ok_or(Refused::OutOfDate("does not say until when it holds"))?;
        if until <= now {
            return Err(Refused::OutOfDate("gives an answer that is over"));
        }
        let since = single.since;
        match single.status {
            Status::Good => {
                newest.take(Said { since, is_revoked: false }, now)?;
                Ok(Staple { der: response.to_vec(), until })
            }
            Status::Revoked => {
                newest.take(Said { since, is_revoked: true }, now)?;
                Err(Refused::Revoked)
            }
            Status::Unknown => Err(Refused::Unknown),
        }
    }

    /// By who signed the certificate, or by one whom that one has charged with it (RFC 6960, 4.2.2.2).
    fn is_signed(&self, answer: &Basic<'_>, now: i64) -> Result<(), Refused> {
        let issuer = certificate(&self.issuer).ok_or(Refused::Malformed)?;
        let key = Key::of(&issuer).ok_or(Refused::Malformed)?;
        if answer.responder.is(&issuer, &key) {
            let right = key.has_signed(&answer.signed);
            return right.then_some(()).ok_or(Refused::Unsigned(WRONG));
        }
        for der in &answer.certificates {
            let charged = certificate(der).ok_or(Refused::Malformed)?;
            let key_of_it = Key::of(&charged).ok_or(Refused::Malformed)?;
            if !answer.responder.is(&charged, &key_of_it) {
                continue;
            }
            let signed = Signed::whole(der).ok_or(Refused::Malformed)?;
            if charged.issuer().as_raw() != issuer.subject().as_raw() || !key.has_signed(&signed) {
                return Err(Refused::Unsigned("is not charged by who signed the certificate"));
            }
            may_answer(&charged, now)?;
            let right = key_of_it.has_signed(&answer.signed);
            return right.then_some(()).ok_or(Refused::Unsigned(WRONG));
        }
        Err(Refused::Unsigned("is neither who signed the certificate nor shows who has charged it"))
    }
}

const CERTFILE: &str = "certfile";
const ISSUER_PEM: &str = "ocsp.issuer_pem";
const ALONE: &str = "who signed its certificate stands neither behind it nor in ocsp.issuer_pem, and is \
                     needed for OCSP";
const WRONG: &str = "gives an answer with a wrong signature";

/// Whether it is revoked in turn nobody is asked: its issuer chose that risk with its dates.
fn may_answer(charged: &X509Certificate<'_>, now: i64) -> Result<(), Refused> {
    let usage = charged.extended_key_usage().ok().flatten();
    if !usage.is_some_and(|usage| usage.value.ocsp_signing) {
        return Err(Refused::Unsigned("has a certificate that is not for OCSP (OCSPSigning)"));
    }
    let dates = charged.validity();
    match (dates.not_before.timestamp()..=dates.not_after.timestamp()).contains(&now) {
        true => Ok(()),
        false => Err(Refused::Unsigned("has a certificate that is not in force")),
    }
}

/// A certificate of a text in PEM, counted from 0.
fn nth(text: &str, index: usize) -> Option<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text.as_bytes()).nth(index)?.ok()
}

/// `None`: it is none, or not alone.
fn certificate(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn responder(certificate: &X509Certificate<'_>) -> Option<String> {
    /// id-ad-ocsp: 1.3.6.1.5.5.7.48.1.
    const OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
    let access = certificate.extensions().iter().find_map(|it| match it.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    let of_ocsp = access.iter().filter(|it| it.access_method.as_bytes() == OCSP);
    let mut urls = of_ocsp.filter_map(|it| match it.access_location {
        GeneralName::URI(url) => Some(url),
        _ => None,
    });
    let scheme = |url: &&str| url.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("http://"));
    urls.find(scheme).map(str::to_owned)
}
