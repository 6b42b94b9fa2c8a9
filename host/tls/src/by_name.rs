//! Which certificate a client is shown: that of the name it asks for (SNI, RFC 6066), or else the first.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificates::names;

/// The certificates of a listener.
#[derive(Debug)]
pub(crate) struct ByName {
    first: Arc<CertifiedKey>,
    /// By each of their names, in lower case, `*.` in front where it stands for one label.
    others: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// Of two with the same name the one that stands before counts.
    pub(crate) fn new(first: Arc<CertifiedKey>, others: &[Arc<CertifiedKey>]) -> Self {
        let mut by_name = HashMap::new();
        for certified in std::iter::once(&first).chain(others) {
            for name in names(certified) {
                by_name.entry(name).or_insert_with(|| certified.clone());
            }
        }
        Self { first, others: by_name }
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.others.get(&name).or_else(|| {
            let (_, above) = name.split_once('.')?;
            self.others.get(&format!("*.{above}"))
        })
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(name));
        Some(found.unwrap_or(&self.first).clone())
    }
}
