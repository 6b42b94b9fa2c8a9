//! What a listener under TLS is made of, and why it cannot be made of it.

use std::fmt;
use std::sync::Arc;

use crate::certificates::Pair;
use crate::ocsp::Ocsp;
use crate::revocation::Revocation;
use crate::suites::Version;

/// What a listener is configured with; files are given by their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its certificate. It is shown to who asks for none by name, and for a name that none is for.
    pub certificate: Pair,
    /// Further ones, shown to who asks for one of their names (SNI).
    pub others: Vec<Pair>,
    /// How the first is shown with an OCSP answer; `None`: it is not.
    pub ocsp: Option<Ocsp>,
    /// How clients are asked for certificates; `None`: they are not.
    pub clients: Option<Clients>,
    /// The versions that are spoken.
    pub versions: Vec<Version>,
    /// Names of suites, the preferred first; empty: all, see [`SUITES`](crate::SUITES).
    pub ciphers: Vec<String>,
    /// The protocols that clients may ask for by ALPN (RFC 7301), the preferred first.
    pub protocols: Vec<Vec<u8>>,
}

/// Which certificates of clients are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The certificates of those who sign them, in PEM.
    pub cacertfile: Arc<str>,
    /// Who shows none is not let in.
    pub required: bool,
    /// Certificates that a client may send behind its own.
    pub depth: usize,
    /// Where it stands which are revoked; `None`: nobody asks. With it each certificate of a chain, but for the
    /// last, must be found not to be, in a list of its issuer's that is in force.
    pub revocation: Option<Revocation>,
}

/// Why settings do not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The key of the configuration.
    pub key: String,
    /// The rest of a sentence about its value or its file.
    pub why: String,
}

impl Unfit {
    pub(crate) fn new(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { key: key.into(), why: why.into() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

impl std::error::Error for Unfit {}
