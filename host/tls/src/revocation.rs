//! Lists of revoked certificates (RFC 5280, 5): of a file, which the operator answers for, or fetched by a road on which
//! anybody can change them.

use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use webpki::BorrowedCertRevocationList;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use crate::acceptor::{Clients, Unfit};
use crate::certificates::{certificates, parsed};
use crate::signed::{Key, Signed};

/// Lists of one file.
const LISTS_MAX: usize = 64;

/// Where it stands which certificates of clients are revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Lists in PEM.
    pub crlfile: Option<Arc<str>>,
    /// Those that were fetched, by where from.
    pub fetched: Vec<(String, RevocationList)>,
}

/// A list, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    der: Arc<[u8]>,
    /// Who has signed it, as a person reads it.
    pub issuer: String,
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// From when on it counts for nothing, in seconds since 1970. Then nobody can say who is revoked.
    pub expires: i64,
}

impl RevocationList {
    /// Reads one that was fetched, in DER or PEM. It must be signed by one of the certificates in `cacertfile`,
    /// be in force at `now` (seconds since 1970), and not be older than the one before it.
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
        let list = read(der)?;
        let signers = certificates(cacertfile)?;
        if !parsed(&signers)?.iter().any(|signer| has_signed(signer, &list)) {
            return Err(format!("is signed by none in cacertfile, but by `{}`", list.issuer));
        }
        if list.expires <= now {
            return Err("is out of date".to_owned());
        }
        if before.is_some_and(|before| before.made > list.made) {
            return Err("is older than the one before it".to_owned());
        }
        Ok(list)
    }
}

/// All lists, and for rustls.
pub(crate) fn lists(clients: &Clients) -> Result<Vec<RevocationList>, Unfit> {
    let Some(revocation) = &clients.revocation else { return Ok(Vec::new()) };
    let unfit = |why: String| Unfit::new("crlfile", why);
    let mut lists = Vec::new();
    if let Some(crlfile) = &revocation.crlfile {
        for (index, list) in
            CertificateRevocationListDer::pem_slice_iter(crlfile.as_bytes()).enumerate()
        {
            let list = list.map_err(|_| unfit("it is no PEM, or is cut off".to_owned()))?;
            let list = of_file(list.as_ref(), &clients.cacertfile);
            lists.push(list.map_err(|why| unfit(format!("list {} {why}", index + 1)))?);
        }
        if lists.is_empty() {
            return Err(unfit("it holds no list of revoked certificates".to_owned()));
        }
    }
    lists.extend(revocation.fetched.iter().map(|(_, list)| list.clone()));
    if lists.len() > LISTS_MAX {
        return Err(unfit(format!("there are more than {LISTS_MAX} lists")));
    }
    Ok(lists)
}

impl RevocationList {
    pub(crate) fn der(&self) -> CertificateRevocationListDer<'static> {
        self.der.to_vec().into()
    }
}

/// One whose issuer is not in `cacertfile`, but sent by clients, is looked at when they come.
fn of_file(der: &[u8], cacertfile: &str) -> Result<RevocationList, String> {
    let list = read(der)?;
    let signers = certificates(cacertfile)?;
    let signers = parsed(&signers)?;
    // There may be several of one name, with other keys.
    let mut namesakes =
        signers.iter().filter(|it| it.subject().to_string() == list.issuer).peekable();
    let is_from_elsewhere = namesakes.peek().is_none();
    match is_from_elsewhere || namesakes.any(|signer| has_signed(signer, &list)) {
        true => Ok(list),
        false => Err(format!("is not signed by the `{}` in cacertfile", list.issuer)),
    }
}

fn has_signed(signer: &X509Certificate<'_>, list: &RevocationList) -> bool {
    let key = Key::of(signer);
    key.zip(Signed::whole(&list.der)).is_some_and(|(key, list)| key.has_signed(&list))
}

/// Without an end it would count for ever, whatever was revoked since.
fn read(der: &[u8]) -> Result<RevocationList, String> {
    let (_, parsed) = CertificateRevocationList::from_der(der)
        .map_err(|_| "cannot be read: it is no list of revoked certificates".to_owned())?;
    // That one looks closer, and a list that it does not take would be refused with all others.
    BorrowedCertRevocationList::from_der(der)
        .map_err(|error| format!("cannot be used: {error:?}"))?;
    let list = &parsed.tbs_cert_list;
    let expires = list.next_update.ok_or("does not say until when it counts (nextUpdate)")?;
    Ok(RevocationList {
        der: der.into(),
        issuer: list.issuer.to_string(),
        made: list.this_update.timestamp(),
        expires: expires.timestamp(),
    })
}
