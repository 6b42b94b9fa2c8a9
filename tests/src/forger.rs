//! Records of TLS that no library would send, under the right keys.

use crate::Secured;
use crate::tls::{SUITES, is_tls13};
use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

/// A client that has the keys of a connection and obeys no rule.
pub struct Forger {
    socket: TcpStream,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Forger {
    /// Types of records (RFC 8446, 5.1).
    pub const ALERT: u8 = 21;
    /// The same.
    pub const HANDSHAKE: u8 = 22;
    /// The same.
    pub const DATA: u8 = 23;

    /// Goes on with a connection, in which all has been read that the test wants to read.
    #[must_use]
    pub fn new(secured: Secured) -> Self {
        let (connection, socket) = secured.into_parts();
        let suite = SUITES[usize::from(!is_tls13(&connection))];
        let (sequence, secrets) = connection.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
            panic!("another suite than those of `Hello`")
        };
        let encrypter = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
            SupportedCipherSuite::Tls12(suite) => suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
        };
        Self { socket, encrypter, sequence }
    }

    /// The next record.
    pub fn record(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let plain = OutboundPlainMessage {
            typ: ContentType::from(kind),
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(payload),
        };
        let record = self.encrypter.encrypt(plain, self.sequence).unwrap();
        self.sequence += 1;
        record.encode()
    }

    /// Sends records, or anything else; false if the broker has hung up.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    /// Waits until the broker closes.
    pub fn ends(&mut self) {
        let _ = self.read_to_end();
    }

    /// The same; how many bytes it has sent before.
    #[must_use]
    pub fn read_to_end(&mut self) -> usize {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("it does not close"),
            // Reset: it did not read all that it was sent.
            _ => rest.len(),
        }
    }
}
