//! Where it stands which certificates are revoked (RFC 5280, 5): lists of a file, which the operator answers for, and
//! fetched ones, which came by a road on which anybody can change them.

use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::X509Certificate;

use crate::certificates::{certificates, parsed};
use crate::revocation_index::RevocationIndex;
use crate::revocation_list::RevocationList;
use crate::settings::{Clients, Unfit};

/// Lists of one listener.
const LISTS_MAX: usize = 64;

/// Where it stands which certificates of clients are revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Lists in PEM.
    pub crlfile: Option<Arc<str>>,
    /// Those that were fetched, by where from.
    pub fetched: Vec<(String, RevocationList)>,
}

impl Revocation {
    /// All lists as handshakes look them up.
    pub(crate) fn index(&self, clients: &Clients) -> Result<RevocationIndex, Unfit> {
        let unfit = |why: String| Unfit::new("crlfile", why);
        let signers = certificates(&clients.cacertfile).map_err(unfit)?;
        let signers = parsed(&signers).map_err(unfit)?;
        let of_file = self.crlfile.as_ref().map(|crlfile| of_file(crlfile, &signers));
        let mut lists = of_file.transpose().map_err(unfit)?.unwrap_or_default();
        lists.extend(self.fetched.iter().map(|(_, list)| list.clone()));
        if lists.len() > LISTS_MAX {
            return Err(unfit(format!("there are more than {LISTS_MAX} lists")));
        }
        Ok(RevocationIndex::new(lists, &signers))
    }
}

fn of_file(crlfile: &str, signers: &[X509Certificate<'_>]) -> Result<Vec<RevocationList>, String> {
    let mut lists = Vec::new();
    let blocks = CertificateRevocationListDer::pem_slice_iter(crlfile.as_bytes());
    for (block, number) in blocks.zip(1..) {
        let der = block.map_err(|_| "it is no PEM, or is cut off".to_owned())?;
        let list = from_elsewhere_or_signed(der.as_ref(), signers);
        lists.push(list.map_err(|why| format!("list {number} {why}"))?);
        if lists.len() > LISTS_MAX {
            return Err(format!("there are more than {LISTS_MAX} lists"));
        }
    }
    match lists.is_empty() {
        true => Err("it holds no list of revoked certificates".to_owned()),
        false => Ok(lists),
    }
}

/// One whose issuer is not in `cacertfile`, but sent by clients, is looked at when they come.
fn from_elsewhere_or_signed(
    der: &[u8],
    signers: &[X509Certificate<'_>],
) -> Result<RevocationList, String> {
    let list = RevocationList::read(der)?;
    // There may be several of one name, with other keys.
    let mut namesakes = signers.iter().filter(|it| list.names(it.subject())).peekable();
    let is_from_elsewhere = namesakes.peek().is_none();
    match is_from_elsewhere || namesakes.any(|signer| list.is_signed_by(signer)) {
        true => Ok(list),
        false => Err(format!("is not signed by the `{}` in cacertfile", list.issuer)),
    }
}
