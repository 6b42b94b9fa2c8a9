//! The clients' side of TLS: one version, one suite and one key exchange, so that both brokers do the
//! same work, and each handshake checked to be of the kind that its case is about.
//! Not the sockets (`client`). The broker uses the same library for its side: what clients cost is not
//! counted, and what they send is what the standard says.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore};

use crate::fault::Fault;
use crate::identity::{Identity, NAME};

/// Sessions that one client keeps the tickets of: it only ever speaks with one broker.
const SESSIONS: usize = 1;

/// How clients do their handshakes. All are TLS 1.3 with TLS_AES_256_GCM_SHA384, the first choice of both brokers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) exchange: KeyExchange,
    /// Every client resumes its last session but for its first; one that cannot is a fault. Otherwise all
    /// handshakes are full.
    pub(crate) resumes: bool,
}

/// The only key exchange that clients offer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyExchange {
    /// What mosquitto's library has too.
    X25519,
    /// X25519 and ML-KEM-768.
    Hybrid,
}

/// All that clients need to know to speak TLS.
#[derive(Clone, Debug)]
pub(crate) struct Secrecy {
    pub(crate) manner: Manner,
    pub(crate) identity: Arc<Identity>,
}

/// Begins the sessions of a pool's clients.
pub(crate) struct Dialer {
    resumes: bool,
    /// Keeps no tickets.
    config: ClientConfig,
    shared: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Of each client one with its own tickets, where they are kept: which one is used is never chance.
    own: Vec<Option<Arc<ClientConfig>>>,
}

/// One connection.
pub(crate) struct Secure {
    connection: Box<ClientConnection>,
    expected: HandshakeKind,
    checked: bool,
}

/// What [`Secure::take`] found.
pub(crate) enum Taken {
    Bytes(usize),
    Nothing,
    Closed,
}

impl Dialer {
    /// For clients like that.
    pub(crate) fn new(secrecy: &Secrecy) -> Result<Self, Fault> {
        let mut provider = default_provider();
        provider.cipher_suites = vec![TLS13_AES_256_GCM_SHA384];
        provider.kx_groups = vec![match secrecy.manner.exchange {
            KeyExchange::X25519 => kx_group::X25519,
            KeyExchange::Hybrid => kx_group::X25519MLKEM768,
        }];
        let mut roots = RootCertStore::empty();
        roots.add(secrecy.identity.authority.clone()).map_err(broken)?;
        let mut config = ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&TLS13])
            .map_err(broken)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from(NAME).map_err(|error| Fault::Usage(error.to_string()))?;
        let (resumes, shared) = (secrecy.manner.resumes, Arc::new(config.clone()));
        Ok(Self { resumes, config, shared, name, own: Vec::new() })
    }

    /// The next session of client `who`.
    pub(crate) fn begin(&mut self, who: usize) -> Result<Secure, Fault> {
        let (config, expected) = self.config(who);
        let mut connection = ClientConnection::new(config, self.name.clone()).map_err(broken)?;
        // A case has a window of its own.
        connection.set_buffer_limit(None);
        Ok(Secure { connection: Box::new(connection), expected, checked: false })
    }

    fn config(&mut self, who: usize) -> (Arc<ClientConfig>, HandshakeKind) {
        if !self.resumes {
            return (Arc::clone(&self.shared), HandshakeKind::Full);
        }
        if self.own.len() <= who {
            self.own.resize_with(who + 1, || None);
        }
        if let Some(known) = &self.own[who] {
            return (Arc::clone(known), HandshakeKind::Resumed);
        }
        let mut own = self.config.clone();
        own.resumption = Resumption::in_memory_sessions(SESSIONS);
        let own = Arc::new(own);
        self.own[who] = Some(Arc::clone(&own));
        (own, HandshakeKind::Full)
    }
}

impl Secure {
    /// Takes in some of `bytes` of the socket, which are then gone from it. All there is to
    /// [`Secure::take`] has to be taken before the next call.
    pub(crate) fn hear(&mut self, bytes: &mut &[u8]) -> Result<(), Fault> {
        self.connection.read_tls(bytes)?;
        self.connection.process_new_packets().map_err(broken)?;
        if self.checked || self.connection.is_handshaking() {
            return Ok(());
        }
        self.checked = true;
        match self.connection.handshake_kind() {
            Some(kind) if kind == self.expected => Ok(()),
            other => Err(Fault::Protocol(format!(
                "a handshake was {other:?} and should be {:?}",
                self.expected
            ))),
        }
    }

    /// Moves what the broker said into `out`, which must not be empty.
    pub(crate) fn take(&mut self, out: &mut [u8]) -> Result<Taken, Fault> {
        match self.connection.reader().read(out) {
            Ok(0) => Ok(Taken::Closed),
            Ok(count) => Ok(Taken::Bytes(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Taken::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes all of `bytes`, to be sent once the handshake is done.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.connection.writer().write_all(bytes)?)
    }

    /// True if there is something to send.
    pub(crate) fn has_more(&self) -> bool {
        self.connection.wants_write()
    }

    /// Writes once what there is to send.
    pub(crate) fn send(&mut self, sink: &mut dyn Write) -> io::Result<usize> {
        self.connection.write_tls(sink)
    }
}

fn broken(error: rustls::Error) -> Fault {
    Fault::Protocol(format!("TLS: {error}"))
}
