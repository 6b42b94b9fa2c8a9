//! One list of revoked certificates (CRL, RFC 5280, 5), as it was read: whom it revokes, of whom it speaks, and how
//! long it counts.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use webpki::{BorrowedCertRevocationList, CertRevocationList};
use x509_parser::prelude::{
    CertificateRevocationList, DistributionPointName, FromDer as _, GeneralName, ParsedExtension,
    X509Certificate, X509Name,
};

use crate::certificates::{certificates, parsed};
use crate::signed::{Key, Signed};
use crate::subject::readable;

/// Seconds that the clock of an authority may be ahead.
const SKEW: i64 = 5 * 60;

/// Bytes of a serial number (RFC 5280, 4.1.2.2).
const SERIAL_MAX: usize = 20;

/// A serial number, with zeros in front.
type Serial = [u8; SERIAL_MAX];

/// A list, as it was read.
#[derive(Clone)]
pub struct RevocationList {
    der: Arc<[u8]>,
    contents: Arc<Contents>,
    /// Who has signed it, as a person reads it.
    pub issuer: String,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// From when on it counts for nothing, in seconds since 1970. Then nobody can say who is revoked.
    pub expires: i64,
}

struct Contents {
    /// The name of the issuer, in DER, without what says that it is a sequence.
    issuer: Vec<u8>,
    /// In order.
    serials: Vec<Serial>,
    scope: Scope,
}

/// Of which certificates of its issuer's a list speaks; of all, if nothing else is said (RFC 5280, 5.2.5).
#[derive(Default, PartialEq, Eq)]
struct Scope {
    only_clients: bool,
    only_authorities: bool,
    /// Those that say themselves that they are looked up at one of these.
    points: Option<Vec<String>>,
}

impl RevocationList {
    /// Reads one that was fetched, in DER or PEM. It must be signed by one of the certificates in `cacertfile`,
    /// be in force at `now` (seconds since 1970), and be neither older than the one before it nor of another authority.
    ///
    /// # Errors
    /// The rest of a sentence about it.
    pub fn fetched(
        bytes: &[u8],
        cacertfile: &str,
        now: i64,
        before: Option<&Self>,
    ) -> Result<Self, String> {
        let of_pem = bytes.starts_with(b"-----").then(|| {
            let read = CertificateRevocationListDer::from_pem_slice(bytes);
            read.map(|list| list.as_ref().to_vec()).map_err(|_| "is no PEM".to_owned())
        });
        let der = of_pem.transpose()?;
        let der = der.as_deref().unwrap_or(bytes);
        // Before anything else is made of it: anybody may have sent it.
        let signers = certificates(cacertfile)?;
        let signers = parsed(&signers)?;
        if !signers.iter().any(|signer| is_signed_by(der, signer)) {
            return Err("is signed by nobody in cacertfile".to_owned());
        }
        let list = Self::read(der)?;
        if list.expires <= now {
            return Err("is out of date".to_owned());
        }
        if list.made > now + SKEW {
            return Err("begins later".to_owned());
        }
        let before = before.filter(|it| signers.iter().any(|signer| it.is_signed_by(signer)));
        match before {
            Some(before) if before.contents.issuer != list.contents.issuer => {
                Err("is of another authority than the one before it".to_owned())
            }
            Some(before) if before.made > list.made && before.made <= now + SKEW => {
                Err("is older than the one before it".to_owned())
            }
            _ => Ok(list),
        }
    }

    /// Reads one in DER, whoever has signed it. Without an end it would count for ever, whatever was revoked since.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) = CertificateRevocationList::from_der(der)
            .map_err(|_| "cannot be read: it is no list of revoked certificates".to_owned())?;
        // That one looks closer: deltas, indirect lists, and what is critical and unknown.
        let strict = BorrowedCertRevocationList::from_der(der)
            .map_err(|error| format!("cannot be used: {error:?}"))?;
        let expires = parsed.tbs_cert_list.next_update;
        let expires = expires.ok_or("does not say until when it counts (nextUpdate)")?;
        let contents = Contents {
            issuer: CertRevocationList::from(strict).issuer().to_vec(),
            serials: serials(&parsed)?,
            scope: Scope::of(&parsed)?,
        };
        Ok(Self {
            der: der.into(),
            contents: Arc::new(contents),
            issuer: readable(&parsed.tbs_cert_list.issuer),
            made: parsed.tbs_cert_list.this_update.timestamp(),
            expires: expires.timestamp(),
        })
    }

    /// The name of its issuer, in DER, without what says that it is a sequence.
    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.contents.issuer
    }

    /// True if it speaks of the same certificates as another, and counts for longer.
    pub(crate) fn outlives(&self, other: &Self) -> bool {
        let (own, others) = (&self.contents, &other.contents);
        let is_about_the_same = own.issuer == others.issuer && own.scope == others.scope;
        is_about_the_same && self.expires > other.expires
    }

    /// True if its issuer has this name.
    pub(crate) fn names(&self, name: &X509Name<'_>) -> bool {
        name.as_raw().ends_with(self.issuer_der())
    }

    /// True if the key of this certificate has signed it, and may.
    pub(crate) fn is_signed_by(&self, signer: &X509Certificate<'_>) -> bool {
        is_signed_by(&self.der, signer)
    }

    /// True if a certificate of its issuer's with this serial number stands in it.
    pub(crate) fn holds(&self, serial: &[u8]) -> bool {
        padded(serial).is_some_and(|it| self.contents.serials.binary_search(&it).is_ok())
    }

    /// True if a certificate of its issuer's that does not stand in it is not revoked. It is of a client, or of one who
    /// signs in turn.
    pub(crate) fn speaks_of(&self, certificate: &[u8], is_of_client: bool) -> bool {
        let Scope { only_clients, only_authorities, points } = &self.contents.scope;
        let is_meant = if is_of_client { !only_authorities } else { !only_clients };
        is_meant && points.as_ref().is_none_or(|points| is_looked_up_at(certificate, points))
    }
}

/// Lists are the same if they are byte for byte.
impl PartialEq for RevocationList {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.der, &other.der) || self.der == other.der
    }
}

impl Eq for RevocationList {}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList of {}, made {}", self.issuer, self.made)
    }
}

fn is_signed_by(list: &[u8], signer: &X509Certificate<'_>) -> bool {
    let usage = signer.key_usage().ok().flatten();
    let may = usage.is_none_or(|usage| usage.value.crl_sign());
    let key = Key::of(signer);
    may && key.zip(Signed::whole(list)).is_some_and(|(key, list)| key.has_signed(&list))
}

fn serials(list: &CertificateRevocationList<'_>) -> Result<Vec<Serial>, String> {
    let serial = |raw: &[u8]| {
        padded(raw).ok_or_else(|| format!("has a serial number of more than {SERIAL_MAX} bytes"))
    };
    let revoked = list.iter_revoked_certificates();
    let mut serials: Vec<_> =
        revoked.map(|it| serial(it.raw_serial())).collect::<Result<_, _>>()?;
    serials.sort_unstable();
    Ok(serials)
}

fn padded(serial: &[u8]) -> Option<Serial> {
    let first = serial.iter().position(|byte| *byte != 0).unwrap_or(serial.len());
    let serial = &serial[first..];
    let mut padded = [0; SERIAL_MAX];
    padded.get_mut(SERIAL_MAX.checked_sub(serial.len())?..)?.copy_from_slice(serial);
    Some(padded)
}

impl Scope {
    fn of(list: &CertificateRevocationList<'_>) -> Result<Self, String> {
        let said = list.extensions().iter().find_map(|it| match it.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => Some(point),
            _ => None,
        });
        let Some(said) = said else { return Ok(Self::default()) };
        let points = match &said.distribution_point {
            None => None,
            Some(DistributionPointName::FullName(names)) => Some(addresses(names)),
            Some(_) => return Err("says by half a name of whom it speaks".to_owned()),
        };
        Ok(Self {
            only_clients: said.only_contains_user_certs,
            only_authorities: said.only_contains_ca_certs,
            points,
        })
    }
}

fn is_looked_up_at(certificate: &[u8], points: &[String]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let said = certificate.extensions().iter().filter_map(|it| match it.parsed_extension() {
        ParsedExtension::CRLDistributionPoints(points) => Some(&points.points),
        _ => None,
    });
    said.flatten().any(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => {
            addresses(names).iter().any(|name| points.contains(name))
        }
        _ => false,
    })
}

fn addresses(names: &[GeneralName<'_>]) -> Vec<String> {
    let address = |name: &GeneralName<'_>| match name {
        GeneralName::URI(address) => Some((*address).to_owned()),
        _ => None,
    };
    names.iter().filter_map(address).collect()
}
