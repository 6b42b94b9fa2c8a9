//! What goes out: one binary frame around what one write carries, its header before it, and control
//! frames between two of them.

use serde::{Deserialize, Serialize};

use crate::header::{self, BINARY, CLOSE, PONG};
use crate::{CONTROL_MAX, CloseCode};

/// The sending half of a connection. The payload stays where it is: this says which bytes go before
/// it, and counts.
///
/// For each write: [`Encoder::prepare`], then as much as the socket takes of [`Encoder::lead`] and of
/// the first [`Encoder::payload_len`] bytes of the payload, then [`Encoder::advance`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// Headers and control frames that go before the payload.
    lead: Vec<u8>,
    written: usize,
    /// Payload of the frame that has begun, not yet written.
    payload_len: usize,
    /// The payload of the last Ping, to be sent back: only the last one must be (RFC 6455, 5.5.3).
    pong: Option<Vec<u8>>,
    close: Option<CloseCode>,
    closed: bool,
}

impl Encoder {
    /// Answers a Ping with the next write between two frames. A later one replaces it.
    pub fn pong(&mut self, mut payload: Vec<u8>) {
        payload.truncate(CONTROL_MAX);
        self.pong = Some(payload);
    }

    /// Closes with the next write without payload. The first code counts.
    pub fn close(&mut self, code: CloseCode) {
        self.close.get_or_insert(code);
    }

    /// True if there is something to write now even without payload.
    pub fn has_more(&self) -> bool {
        let between_frames = self.payload_len == 0;
        let waiting = self.pong.is_some() || self.close.is_some();
        self.written < self.lead.len() || between_frames && waiting && !self.closed
    }

    /// True once the Close frame is written.
    pub fn has_closed(&self) -> bool {
        self.closed && self.written == self.lead.len()
    }

    /// Begins a frame around `len` bytes of payload, unless one has begun; 0 begins none. `len` counts
    /// the payload not yet written, that of the frame that has begun first.
    pub fn prepare(&mut self, len: usize) {
        if self.payload_len > 0 || self.closed {
            return;
        }
        // Only behind what is written: who pings and never reads must not fill memory with pongs.
        if self.lead.is_empty()
            && let Some(payload) = self.pong.take()
        {
            header::put(&mut self.lead, PONG, payload.len());
            self.lead.extend_from_slice(&payload);
        }
        if len > 0 {
            header::put(&mut self.lead, BINARY, len);
            self.payload_len = len;
        } else if let Some(code) = self.close {
            header::put(&mut self.lead, CLOSE, 2);
            self.lead.extend_from_slice(&code.number().to_be_bytes());
            self.closed = true;
        }
    }

    /// The bytes that go before the payload, as far as they are not written.
    pub fn lead(&self) -> &[u8] {
        &self.lead[self.written..]
    }

    /// How much payload follows them; more belongs to a later frame.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Notes that `count` bytes are written; returns how many of them were payload.
    pub fn advance(&mut self, count: usize) -> usize {
        let of_lead = count.min(self.lead().len());
        self.written += of_lead;
        if self.written == self.lead.len() {
            self.lead.clear();
            self.written = 0;
        }
        let of_payload = (count - of_lead).min(self.payload_len);
        self.payload_len -= of_payload;
        of_payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_pings_and_never_reads_is_owed_one_pong() {
        let mut encoder = Encoder::default();
        for number in 0..1000_u16 {
            encoder.pong(number.to_be_bytes().to_vec());
            encoder.prepare(0);
            assert!(encoder.lead().len() <= 4, "{} bytes wait", encoder.lead().len());
        }
        assert_eq!(encoder.lead(), [0x8A, 2, 0, 0]);
        encoder.advance(4);
        assert!(encoder.has_more(), "the last one is still owed");
        encoder.prepare(3);
        assert_eq!(encoder.lead(), [&[0x8A, 2][..], &999_u16.to_be_bytes(), &[0x82, 3]].concat());
    }
}
