//! The form of an OCSP response (RFC 6960, 4.2.1). Nothing of it is believed here; who may have said it is for
//! `ocsp` to see.

use sha1::{Digest as _, Sha1};
use x509_parser::asn1_rs::{FromDer as _, GeneralizedTime};
use x509_parser::prelude::X509Certificate;

use crate::der::{
    BOOLEAN, ENUMERATED, Element, Elements, GENERALIZED_TIME, INTEGER, NULL, OBJECT_IDENTIFIER,
    OCTET_STRING, SEQUENCE, around,
};
use crate::ocsp::{CertId, Refused, SHA1};
use crate::signed::{Key, Signed};

/// Bytes of a response.
const RESPONSE_MAX: usize = 64 << 10;
/// Answers of one response, certificates with it, and extensions in one place.
const ANSWERS_MAX: usize = 16;
const CERTIFICATES_MAX: usize = 4;
const EXTENSIONS_MAX: usize = 16;

/// id-pkix-ocsp-basic: 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// A basic response, taken apart.
#[derive(Debug)]
pub(crate) struct Basic<'a> {
    pub(crate) signed: Signed<'a>,
    pub(crate) responder: Responder<'a>,
    pub(crate) singles: Vec<Single>,
    /// In DER.
    pub(crate) certificates: Vec<&'a [u8]>,
}

/// Who says that it has signed.
#[derive(Debug)]
pub(crate) enum Responder<'a> {
    /// The name, in DER.
    Name(&'a [u8]),
    /// SHA-1 of the key.
    Key(&'a [u8]),
}

impl Responder<'_> {
    /// Whether it means this certificate, with its key.
    pub(crate) fn is(&self, certificate: &X509Certificate<'_>, key: &Key<'_>) -> bool {
        match self {
            Self::Name(name) => certificate.subject().as_raw() == *name,
            Self::Key(hash) => Sha1::digest(key.bits).as_slice() == *hash,
        }
    }
}

/// What is said of one certificate.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) about: CertId,
    pub(crate) status: Status,
    /// In seconds since 1970, as the next.
    pub(crate) since: i64,
    pub(crate) until: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked,
    Unknown,
}

/// Reads a response as it comes over the wire.
pub(crate) fn basic(response: &[u8]) -> Result<Basic<'_>, Refused> {
    if response.len() > RESPONSE_MAX {
        return Err(Refused::Malformed);
    }
    let (status, behind) = status(response).ok_or(Refused::Malformed)?;
    match status {
        0 => basic_of(behind).ok_or(Refused::Malformed),
        declined => Err(Refused::Declined(declined)),
    }
}

fn status(response: &[u8]) -> Option<(u8, Elements<'_>)> {
    let mut inside = Elements(response).only(SEQUENCE)?.inside();
    match inside.take(ENUMERATED)?.content {
        [status] => Some((*status, inside)),
        _ => None,
    }
}

/// `ResponseBytes`, and the `BasicOCSPResponse` in it.
fn basic_of(elements: Elements<'_>) -> Option<Basic<'_>> {
    let mut bytes = elements.only(around(0))?.inside().only(SEQUENCE)?.inside();
    if bytes.take(OBJECT_IDENTIFIER)?.content != BASIC {
        return None;
    }
    let mut inside = bytes.only(OCTET_STRING)?.inside().only(SEQUENCE)?.inside();
    let signed = Signed::take(&mut inside)?;
    let certificates = match inside.has(around(0)) {
        true => inside.take(around(0))?.inside().only(SEQUENCE)?.inside(),
        false => Elements(&[]),
    };
    inside.end()?;
    let certificates = certificates.each(SEQUENCE, CERTIFICATES_MAX)?;
    let certificates = certificates.into_iter().map(|it| it.whole).collect();
    let (responder, singles) = data(signed.body)?;
    Some(Basic { signed, responder, singles, certificates })
}

/// `ResponseData`.
fn data(body: &[u8]) -> Option<(Responder<'_>, Vec<Single>)> {
    let mut inside = Elements(body).only(SEQUENCE)?.inside();
    if inside.has(around(0)) && inside.take(around(0))?.inside().only(INTEGER)?.content != [0] {
        return None;
    }
    let responder = match inside.any()? {
        by if by.tag == around(1) => Responder::Name(by.inside().only(SEQUENCE)?.whole),
        by if by.tag == around(2) => Responder::Key(by.inside().only(OCTET_STRING)?.content),
        _ => return None,
    };
    time(inside.take(GENERALIZED_TIME)?)?;
    let singles = inside.take(SEQUENCE)?.inside().each(SEQUENCE, ANSWERS_MAX)?;
    let singles = singles.into_iter().map(|it| single(it.inside()));
    let singles = singles.collect::<Option<Vec<_>>>()?;
    extensions(&mut inside)?;
    inside.end()?;
    Some((responder, singles.into_iter().flatten().collect()))
}

/// `SingleResponse`; `Some(None)`: about one that is not named by SHA-1, which was not asked for.
fn single(mut inside: Elements<'_>) -> Option<Option<Single>> {
    let about = cert_id(inside.take(SEQUENCE)?.inside())?;
    let status = match inside.any()? {
        good if good.tag == 0x80 && good.content.is_empty() => Status::Good,
        revoked if revoked.tag == around(1) => Status::Revoked,
        unknown if unknown.tag == 0x82 && unknown.content.is_empty() => Status::Unknown,
        _ => return None,
    };
    let since = time(inside.take(GENERALIZED_TIME)?)?;
    let until = match inside.has(around(0)) {
        true => Some(time(inside.take(around(0))?.inside().only(GENERALIZED_TIME)?)?),
        false => None,
    };
    extensions(&mut inside)?;
    inside.end()?;
    Some(about.map(|about| Single { about, status, since, until }))
}

fn cert_id(mut inside: Elements<'_>) -> Option<Option<CertId>> {
    let mut hash = inside.take(SEQUENCE)?.inside();
    let algorithm = hash.take(OBJECT_IDENTIFIER)?.content;
    let name = inside.take(OCTET_STRING)?.content;
    let key = inside.take(OCTET_STRING)?.content;
    let serial = inside.take(INTEGER)?.content.to_vec();
    inside.end()?;
    if algorithm != SHA1 {
        return Some(None);
    }
    // Without a parameter, or with one that is none.
    if hash.has(NULL) {
        hash.take(NULL)?.content.is_empty().then_some(())?;
    }
    hash.end()?;
    let (issuer_name, issuer_key) = (name.try_into().ok()?, key.try_into().ok()?);
    Some(Some(CertId { issuer_name, issuer_key, serial }))
}

/// They change nothing but where they are critical, and then nobody knows what (RFC 6960, 4.4).
fn extensions(inside: &mut Elements<'_>) -> Option<()> {
    if !inside.has(around(1)) {
        return Some(());
    }
    let all = inside.take(around(1))?.inside().only(SEQUENCE)?.inside();
    for extension in all.each(SEQUENCE, EXTENSIONS_MAX)? {
        let mut inside = extension.inside();
        inside.take(OBJECT_IDENTIFIER)?;
        if inside.has(BOOLEAN) && inside.take(BOOLEAN)?.content != [0] {
            return None;
        }
        inside.only(OCTET_STRING)?;
    }
    Some(())
}

/// In seconds since 1970. Always UTC (RFC 5280, 4.1.2.5.2).
fn time(element: Element<'_>) -> Option<i64> {
    element.content.ends_with(b"Z").then_some(())?;
    let (_, time) = GeneralizedTime::from_der(element.whole).ok()?;
    Some(time.utc_datetime().ok()?.unix_timestamp())
}
