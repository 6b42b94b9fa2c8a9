//! One connection under TLS, as plain data: bytes of the socket go in and come out, and between them is
//! what the client says. It knows neither the socket nor when anything happens.

use std::io::{self, IoSlice, Read, Write};

use rustls::{ProtocolVersion, ServerConnection};

use crate::peer::Peer;
use crate::suites::Suite;

/// Bytes that are written and not yet taken by the socket; then writing waits.
const PENDING_MAX: usize = 64 * 1024;

/// The state of one connection.
#[derive(Debug)]
pub struct Session(Box<ServerConnection>);

/// What [`Session::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing until more comes from the socket.
    Nothing,
    /// The client has said that nothing follows (`close_notify`).
    Closed,
}

impl Session {
    pub(crate) fn new(mut connection: ServerConnection) -> Self {
        connection.set_buffer_limit(Some(PENDING_MAX));
        Self(Box::new(connection))
    }

    /// True until client and broker know each other.
    pub fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// The certificate that the client has proved to be its own, if it was asked for one and has one. Also of
    /// a session that is resumed: it is in the ticket.
    pub fn peer(&self) -> Option<Peer> {
        Peer::of(self.0.peer_certificates()?.first()?)
    }

    /// What was agreed on, as plugins ask for it (`client.get`): `tls.version`, `tls.cipher`, `tls.sni`.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let version = self.0.protocol_version().and_then(|version| match version {
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            _ => None,
        });
        let suite = self.0.negotiated_cipher_suite().and_then(|suite| Suite::of(suite.suite()));
        let name = self.0.server_name();
        let facts =
            [("tls.version", version), ("tls.cipher", suite.map(|it| it.name)), ("tls.sni", name)];
        facts.into_iter().filter_map(|(fact, value)| Some((fact, value?.to_owned())))
    }

    /// Reads once from `source`, and makes of it what the client said; 0 if `source` has ended.
    ///
    /// # Errors
    /// Those of `source`; `InvalidData` where the client breaks the rules: what the session wants to
    /// send then is an alert, and nothing else can follow.
    pub fn receive(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let count = self.0.read_tls(source)?;
        let state = self.0.process_new_packets();
        state.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(count)
    }

    /// Moves what the client said into `out`, which must not be empty.
    pub fn take(&mut self, out: &mut [u8]) -> Taken {
        match self.0.reader().read(out) {
            Ok(0) => Taken::Closed,
            Ok(count) => Taken::Bytes(count),
            // `UnexpectedEof` cannot be: it is told of sources that end, which `receive` tells itself.
            Err(_) => Taken::Nothing,
        }
    }

    /// Takes what fits of `slices`, to be sent; how many bytes that is. Too much waits already if it is
    /// none.
    pub fn put(&mut self, slices: &[IoSlice<'_>]) -> usize {
        // Writing into memory does not fail.
        self.0.writer().write_vectored(slices).unwrap_or(0)
    }

    /// True if there is something to send.
    pub fn has_more(&self) -> bool {
        self.0.wants_write()
    }

    /// Writes once what there is to send.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn send(&mut self, sink: &mut dyn Write) -> io::Result<usize> {
        self.0.write_tls(sink)
    }

    /// Says that nothing follows (RFC 8446, 6.1).
    pub fn close(&mut self) {
        self.0.send_close_notify();
    }
}
