//! One connection under TLS, as plain data: bytes of the socket go in and come out, and between them is
//! what the client says. It knows neither the socket nor when anything happens.

use std::io::{self, IoSlice, Read, Write};

use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};

use crate::peer::Peer;
use crate::suites::Suite;

/// Bytes that are written and not yet taken by the socket; then writing waits.
const PENDING_MAX: usize = 64 * 1024;

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    connection: Box<ServerConnection>,
    /// The client broke the rules: what was read before still counts, and nothing after it.
    broken: bool,
    /// Of the settings by which it is or was handled, or by which its client was trusted last.
    epoch: u64,
    /// By the settings of `epoch`.
    is_verified: bool,
}

/// What [`Session::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing until more comes from the socket.
    Nothing,
    /// The client has said that nothing follows (`close_notify`).
    Closed,
    /// It broke the rules behind what was taken: nothing can follow.
    Broken,
}

impl Session {
    pub(crate) fn new(mut connection: ServerConnection, epoch: u64) -> Self {
        connection.set_buffer_limit(Some(PENDING_MAX));
        Self { connection: Box::new(connection), broken: false, epoch, is_verified: false }
    }

    /// True until client and broker know each other.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The certificate that the client has proved to be its own, if it was asked for one and has one. Also of
    /// a session that is resumed: it is in the ticket.
    pub fn peer(&self) -> Option<Peer> {
        Some(Peer::of(self.connection.peer_certificates()?.first()?))
    }

    /// The certificates of the client, its own first, if it has shown any. Also of a session that is resumed.
    pub(crate) fn chain(&self) -> Option<&[CertificateDer<'static>]> {
        self.connection.peer_certificates()
    }

    /// The epoch by whose settings its client was found to be who it says; `None` for one that has
    /// resumed, which is trusted for what it was once.
    pub(crate) fn verified_in(&self) -> Option<u64> {
        let is_full = self.connection.handshake_kind() != Some(HandshakeKind::Resumed);
        (is_full || self.is_verified).then_some(self.epoch)
    }

    pub(crate) fn set_verified_in(&mut self, epoch: u64) {
        (self.epoch, self.is_verified) = (epoch, true);
    }

    /// What was agreed on, as plugins ask for it (`client.get`): `tls.version`, `tls.cipher`, `tls.sni`.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let version = self.connection.protocol_version().and_then(|version| match version {
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            _ => None,
        });
        let suite =
            self.connection.negotiated_cipher_suite().and_then(|suite| Suite::of(suite.suite()));
        let name = self.connection.server_name();
        let facts =
            [("tls.version", version), ("tls.cipher", suite.map(|it| it.name)), ("tls.sni", name)];
        facts.into_iter().filter_map(|(fact, value)| Some((fact, value?.to_owned())))
    }

    /// Reads once from `source`, and makes of it what the client said; 0 if `source` has ended.
    ///
    /// # Errors
    /// Those of `source`; `InvalidData` where the client breaks the rules: what the session wants to
    /// send then is an alert. What was read before can still be taken.
    pub fn receive(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let heard = self.connection.read_tls(source).and_then(|count| {
            let state = self.connection.process_new_packets();
            state.map(|_| count).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        });
        // Also where a message without end has filled all its memory: then it reads nothing more.
        self.broken |=
            heard.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidData);
        heard
    }

    /// Moves what the client said into `out`, which must not be empty.
    pub fn take(&mut self, out: &mut [u8]) -> Taken {
        match self.connection.reader().read(out) {
            Ok(0) => Taken::Closed,
            Ok(count) => Taken::Bytes(count),
            Err(_) if self.broken => Taken::Broken,
            // `UnexpectedEof` cannot be: it is told of sources that end, which `receive` tells itself.
            Err(_) => Taken::Nothing,
        }
    }

    /// Takes what fits of `slices`, to be sent; how many bytes that is. To be called when nothing waits to be
    /// sent, so that there is room.
    ///
    /// # Errors
    /// `BrokenPipe`: nothing can be said under these keys any more. They have an end (RFC 8446, 5.5): in TLS 1.3
    /// new ones follow, in 1.2 the connection ends.
    pub fn put(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = self.connection.writer().write_vectored(slices)?;
        let wanted = slices.iter().any(|slice| !slice.is_empty());
        if wanted && (count == 0 || !self.connection.wants_write()) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(count)
    }

    /// True if there is something to send.
    pub fn has_more(&self) -> bool {
        self.connection.wants_write()
    }

    /// Writes once what there is to send.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn send(&mut self, sink: &mut dyn Write) -> io::Result<usize> {
        self.connection.write_tls(sink)
    }

    /// Says that nothing follows (RFC 8446, 6.1).
    pub fn close(&mut self) {
        self.connection.send_close_notify();
    }
}
