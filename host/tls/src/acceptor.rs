//! What the clients of one listener meet: certificate, versions, suites, and whose certificates they may
//! show. Replaced as a whole; who is connected keeps what it was accepted with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, ServerConnection};

use crate::certificates::{Certificate, certified};
use crate::client_certificates::verifier;
use crate::session::Session;
use crate::suites::{SUITES, Suite, Version};

/// What a listener is configured with; files are given by their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its certificate, and behind it those that sign in turn, in PEM.
    pub certfile: String,
    /// The key of the first, in PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub keyfile: String,
    /// How clients are asked for certificates; `None`: they are not.
    pub clients: Option<Clients>,
    /// The versions that are spoken.
    pub versions: Vec<Version>,
    /// Names of suites, the preferred first; empty: all, see [`SUITES`].
    pub ciphers: Vec<String>,
    /// The protocols that clients may ask for by ALPN (RFC 7301), the preferred first.
    pub protocols: Vec<Vec<u8>>,
}

/// Which certificates of clients are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The certificates of those who sign them, in PEM.
    pub cacertfile: String,
    /// Who shows none is not let in.
    pub required: bool,
    /// Certificates that a client may send behind its own.
    pub depth: usize,
}

/// Why settings do not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The key of the configuration.
    pub key: &'static str,
    /// The rest of a sentence about its value or its file.
    pub why: String,
}

impl Unfit {
    pub(crate) fn new(key: &'static str, why: impl Into<String>) -> Self {
        Self { key, why: why.into() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

impl std::error::Error for Unfit {}

/// Makes a [`Session`] of each accepted connection. Shared by all threads.
pub struct Acceptor(ArcSwap<Shown>);

/// What clients are shown.
struct Shown {
    config: Arc<ServerConfig>,
    certificate: Certificate,
}

impl Acceptor {
    /// One for these settings; `now`, in seconds since 1970, is held against the dates of certificates.
    ///
    /// # Errors
    /// [`Unfit`]: nothing would work with them.
    pub fn new(settings: &Settings, now: i64) -> Result<Self, Unfit> {
        Ok(Self(ArcSwap::new(Arc::new(shown(settings, now)?))))
    }

    /// Takes other settings for all connections to come.
    ///
    /// # Errors
    /// As [`Self::new`]; then the old ones stay.
    pub fn replace(&self, settings: &Settings, now: i64) -> Result<(), Unfit> {
        self.0.store(Arc::new(shown(settings, now)?));
        Ok(())
    }

    /// The certificate that clients are shown from now on.
    pub fn certificate(&self) -> Certificate {
        self.0.load().certificate.clone()
    }

    /// The state of a connection that was just accepted.
    ///
    /// # Errors
    /// There is no memory or no randomness.
    pub fn accept(&self) -> std::io::Result<Session> {
        let connection = ServerConnection::new(self.0.load().config.clone());
        connection.map(Session::new).map_err(std::io::Error::other)
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

fn shown(settings: &Settings, now: i64) -> Result<Shown, Unfit> {
    let provider = Arc::new(provider(settings)?);
    let (certified, certificate) =
        certified(&settings.certfile, &settings.keyfile, now, &provider)?;
    let verifier = match &settings.clients {
        Some(clients) => verifier(clients, provider.clone())?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let versions: Vec<_> = settings.versions.iter().map(|version| version.of_library()).collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| Unfit::new("versions", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols.clone_from(&settings.protocols);
    config.ignore_client_order = true;
    // A session that is resumed is in the client's ticket: a million of them cost no memory here. The
    // keys are this listener's alone, and new with every change of whom it believes.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer =
        Ticketer::new().map_err(|error| Unfit::new("certfile", format!("no tickets: {error}")))?;
    Ok(Shown { config: Arc::new(config), certificate })
}

/// The chosen suites, and the groups in the order in which we like them.
fn provider(settings: &Settings) -> Result<CryptoProvider, Unfit> {
    let suites = chosen(settings)?;
    let cipher_suites = suites.into_iter().map(Suite::of_library).collect();
    Ok(CryptoProvider { cipher_suites, kx_groups: GROUPS.to_vec(), ..default_provider() })
}

/// The hybrid first: what is recorded today must not be read when there are quantum computers.
const GROUPS: &[&dyn SupportedKxGroup] =
    &[kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

fn chosen(settings: &Settings) -> Result<Vec<&'static Suite>, Unfit> {
    if settings.ciphers.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let named = |name: &String| {
        Suite::named(name).ok_or_else(|| {
            let all: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            Unfit::new(
                "ciphers",
                format!("`{name}` is no suite that is spoken: {}", all.join(", ")),
            )
        })
    };
    let chosen = settings.ciphers.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    for version in &settings.versions {
        if !chosen.iter().any(|suite| suite.version() == *version) {
            let version = if *version == Version::Tls13 { "tlsv1.3" } else { "tlsv1.2" };
            return Err(Unfit::new("ciphers", format!("none of them is of {version} (versions)")));
        }
    }
    Ok(chosen)
}
