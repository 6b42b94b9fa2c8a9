//! Who has connected and is not let in yet: its wire, and what it has sent that nobody has handled.

use theseus_core::{Recipient, refusal};
use theseus_mqtt::{Cut, cut};
use theseus_policy::Refusal;
use theseus_websocket::{CloseCode, Progress, read_request};

use crate::listen::WebSocket;
use crate::wire::Wire;

/// Room for the first packet, bytes.
const FIRST: usize = 256;

/// What a client may send before it is let in, beyond the packets it is asked for, bytes.
const EARLY_MAX: usize = 8 * 1024;

/// A client between its socket and CONNACK.
pub(crate) struct Stranger {
    pub(crate) wire: Wire,
    /// Bytes not handled yet.
    pub(crate) bytes: Vec<u8>,
    /// Bytes of one packet.
    pub(crate) packet_size_max: usize,
    /// So many of them came unasked that the socket is not looked at any more.
    pub(crate) is_full: bool,
}

/// Why a connection ends before it began.
pub(crate) struct Refused {
    /// `None`: nothing is said.
    said: Option<(Recipient, Refusal)>,
}

impl Stranger {
    /// Who may send packets of so many bytes.
    pub(crate) fn new(wire: Wire, packet_size_max: usize) -> Self {
        Self { wire, bytes: Vec::with_capacity(FIRST), packet_size_max, is_full: false }
    }

    /// Reads the HTTP request that WebSocket begins with, and answers it; false if it was refused.
    /// Bounded in size; the time is the caller's to bound.
    pub(crate) async fn upgrade(&mut self, websocket: &WebSocket) -> bool {
        loop {
            match read_request(&self.bytes, &websocket.rules) {
                Progress::Incomplete => {}
                Progress::Accepted { consumed, response } => {
                    self.bytes.drain(..consumed);
                    return self.wire.send(&response).await.is_ok()
                        && self.wire.frame(websocket.frame_size_max, &mut self.bytes).is_ok();
                }
                Progress::Refused { response, why } => {
                    tracing::debug!("no upgrade to WebSocket: {why}");
                    // Best effort: who does not listen is not told.
                    let _ = self.wire.send(&response).await;
                    let _ = self.wire.shut(CloseCode::Normal);
                    return false;
                }
            }
            if !matches!(self.wire.read(&mut self.bytes).await, Ok(1..)) {
                return false;
            }
        }
    }

    /// Reads until the first packet in `bytes` is whole, and returns its length. Its first byte must
    /// be one of `awaited`: nothing else is waited for. The time is the caller's to bound: this may be
    /// dropped and called again.
    pub(crate) async fn read_packet(&mut self, awaited: &[u8]) -> Result<usize, Refused> {
        loop {
            if let Some(first) = self.bytes.first() {
                if !awaited.contains(first) {
                    return Err(Refused::SILENT);
                }
                match cut(&self.bytes, self.packet_size_max) {
                    Ok(Cut::Frame { consumed, .. }) => return Ok(consumed),
                    Ok(Cut::Incomplete { .. }) => {}
                    Err(_) => return Err(Refused::SILENT),
                }
            }
            match self.wire.read(&mut self.bytes).await {
                Ok(0) | Err(_) => return Err(Refused::SILENT),
                Ok(_) => {}
            }
        }
    }

    /// Sends a packet that is an answer to what was read, and waits until the socket has taken it; the
    /// time is the caller's to bound.
    pub(crate) async fn send(&mut self, packet: &[u8]) -> Result<(), Refused> {
        self.wire.send(packet).await.map_err(|_| Refused::SILENT)
    }

    /// Returns when the client has closed its socket. It may send its first packets before CONNACK
    /// (MQTT 5.0, 3.1.4): they are kept, and once they are many the socket is not looked at any more.
    pub(crate) async fn gone(&mut self) {
        let full = self.bytes.len() + EARLY_MAX;
        while self.bytes.len() < full {
            match self.wire.read(&mut self.bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        self.is_full = true;
        std::future::pending::<()>().await;
    }

    /// Says why, if there is anything to say, and closes the socket.
    pub(crate) fn refuse(self, refused: Refused) {
        let Some((recipient, Refusal { reason, message })) = refused.said else { return };
        tracing::debug!("connection refused: {reason}");
        self.wire.refuse(&refusal(recipient, reason, message.as_deref()));
    }
}

impl Refused {
    /// Nothing is said.
    pub(crate) const SILENT: Self = Self { said: None };

    /// The answer is a CONNACK.
    pub(crate) fn with(recipient: Recipient, refusal: impl Into<Refusal>) -> Self {
        Self { said: Some((recipient, refusal.into())) }
    }
}
