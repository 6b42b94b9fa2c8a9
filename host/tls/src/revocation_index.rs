//! All lists of revoked certificates of a listener, by issuer, as handshakes look them up. What is in one is revoked, whatever
//! another says; what none speaks of may be.

use std::sync::Arc;

use arc_swap::ArcSwap;
use webpki::{Cert, VerifiedPath};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::der::{SEQUENCE, element};
use crate::revocation_list::RevocationList;

/// Keys that are remembered of one list: who may have signed it, and did or did not.
const KEYS_MAX: usize = 16;

/// What the lists say of a path of certificates, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RevocationStatus {
    /// One of them has no list.
    Unknown,
    /// One of them has none that is in force.
    OutOfDate,
    /// One of them is revoked.
    Revoked,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct RevocationIndex(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    list: RevocationList,
    /// Keys of those who have its issuer's name, and whether it is signed with them: looking takes as long as the
    /// list is long.
    keys: ArcSwap<Vec<(Vec<u8>, bool)>>,
}

/// Who has signed a certificate of a path.
struct Issuer<'a> {
    key: Vec<u8>,
    /// `None`: it is an anchor, of which all is known since the start.
    certificate: Option<&'a Cert<'a>>,
}

impl RevocationIndex {
    /// One of these lists; `anchors` are those who are trusted without being signed by others.
    pub(crate) fn new(lists: Vec<RevocationList>, anchors: &[X509Certificate<'_>]) -> Self {
        let entry = |list: RevocationList| {
            let namesakes = anchors.iter().filter(|anchor| list.names(anchor.subject()));
            let key =
                |it: &X509Certificate<'_>| (it.public_key().raw.to_vec(), list.is_signed_by(it));
            let keys = ArcSwap::from_pointee(namesakes.map(key).collect());
            Entry { list, keys }
        };
        Self(lists.into_iter().map(entry).collect())
    }

    /// Those lists by which it is decided until when somebody can say who is revoked: of several that speak of the
    /// same certificates that which ends last.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &RevocationList> {
        let all = self.0.iter().map(|entry| &entry.list);
        let is_outlived = |list: &RevocationList| self.0.iter().any(|it| it.list.outlives(list));
        all.filter(move |list| !is_outlived(list))
    }

    /// What they say at `now`, in seconds since 1970, of all certificates of a path but the last, which nobody else
    /// has signed.
    pub(crate) fn look_up(
        &self,
        path: &VerifiedPath<'_>,
        now: i64,
    ) -> Result<(), RevocationStatus> {
        let own: &Cert<'_> = path.end_entity();
        let mut issued: Vec<(&Cert<'_>, Issuer<'_>)> = Vec::new();
        let mut below = own;
        for certificate in path.intermediate_certificates() {
            let key = certificate.subject_public_key_info().as_ref().to_vec();
            issued.push((below, Issuer { key, certificate: Some(certificate) }));
            below = certificate;
        }
        let key = element(SEQUENCE, &[&path.anchor().subject_public_key_info]);
        issued.push((below, Issuer { key, certificate: None }));
        let is_revoked = issued.iter().any(|(certificate, issuer)| {
            self.of(certificate, issuer).any(|list| list.holds(certificate.serial()))
        });
        if is_revoked {
            return Err(RevocationStatus::Revoked);
        }
        let known = issued.iter().enumerate().map(|(index, (certificate, issuer))| {
            let der = certificate.der();
            let lists = self.of(certificate, issuer);
            let ends = lists.filter(|list| list.speaks_of(&der, index == 0)).map(|it| it.expires);
            match ends.max() {
                None => Err(RevocationStatus::Unknown),
                Some(expires) if expires <= now => Err(RevocationStatus::OutOfDate),
                Some(_) => Ok(()),
            }
        });
        known.collect()
    }

    /// The lists of who has signed a certificate.
    fn of<'a>(
        &'a self,
        certificate: &'a Cert<'_>,
        issuer: &'a Issuer<'_>,
    ) -> impl Iterator<Item = &'a RevocationList> {
        let of_name = self.0.iter().filter(|it| it.list.issuer_der() == certificate.issuer());
        of_name.filter(|entry| entry.is_signed_by(issuer)).map(|entry| &entry.list)
    }
}

impl Entry {
    fn is_signed_by(&self, issuer: &Issuer<'_>) -> bool {
        let keys = self.keys.load();
        if let Some((_, is_signed)) = keys.iter().find(|(key, _)| *key == issuer.key) {
            return *is_signed;
        }
        let Some(certificate) = issuer.certificate else { return false };
        let der = certificate.der();
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else { return false };
        let is_signed = self.list.is_signed_by(&parsed);
        if keys.len() < KEYS_MAX {
            let more = (issuer.key.clone(), is_signed);
            // Of two threads that come to this one looks again next time.
            let all = keys.iter().cloned().chain([more]).collect();
            self.keys.compare_and_swap(&keys, Arc::new(all));
        }
        is_signed
    }
}
