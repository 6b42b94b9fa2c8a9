//! The layer of WebSocket: both halves of what a connection keeps of it, and how they play together.

use theseus_websocket::{CloseCode, Decoder, Encoder, Event, Violation};

use crate::wire::Piece;

/// The framing of one connection, plain data.
#[derive(Debug)]
pub(crate) struct Framing {
    decoder: Decoder,
    encoder: Encoder,
}

impl Framing {
    /// For frames of at most `size_max` bytes.
    pub(crate) fn new(size_max: usize) -> Self {
        Self { decoder: Decoder::new(size_max), encoder: Encoder::default() }
    }

    /// The next piece of what was read. What is to be answered will be, between two frames.
    pub(crate) fn next(
        &mut self,
        bytes: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<Piece>, Violation> {
        loop {
            let event = self.decoder.next(bytes, at);
            match event.inspect_err(|violation| self.encoder.close(violation.close_code()))? {
                None => return Ok(None),
                Some(Event::Data(range)) => return Ok(Some(Piece::Mqtt(range))),
                Some(Event::Ping(payload)) => self.encoder.pong(payload),
                Some(Event::Close) => {
                    self.encoder.close(CloseCode::Normal);
                    return Ok(Some(Piece::Closed));
                }
            }
        }
    }

    /// See [`Decoder::data_ahead`].
    pub(crate) fn data_ahead(&self) -> usize {
        self.decoder.data_ahead()
    }

    /// See [`Decoder::read_elsewhere`].
    pub(crate) fn read_elsewhere(&mut self, data: &mut [u8]) {
        self.decoder.read_elsewhere(data);
    }

    /// True if there is something to write besides packets.
    pub(crate) fn owes(&self) -> bool {
        self.encoder.has_more()
    }

    /// Frames `len` bytes of packets: what goes before them, and how many of them belong there.
    pub(crate) fn prepare(&mut self, len: usize) -> (&[u8], usize) {
        self.encoder.prepare(len);
        (self.encoder.lead(), self.encoder.payload_len())
    }

    /// Notes that `count` bytes are written; returns how many of them were packets.
    pub(crate) fn advance(&mut self, count: usize) -> usize {
        self.encoder.advance(count)
    }

    /// Says goodbye once all packets are written, unless that was begun with another code.
    pub(crate) fn close(&mut self, code: CloseCode) {
        self.encoder.close(code);
    }

    /// A packet in a frame of its own; for a client that is not let in, so nothing is half written.
    pub(crate) fn whole(&mut self, packet: &[u8]) -> Vec<u8> {
        let (before, of_frame) = self.prepare(packet.len());
        let bytes = [before, &packet[..of_frame]].concat();
        self.advance(bytes.len());
        bytes
    }

    /// The last packet, if there is one, and goodbye.
    pub(crate) fn last(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut bytes = self.whole(packet);
        self.close(CloseCode::Normal);
        bytes.extend(self.whole(&[]));
        bytes
    }
}
