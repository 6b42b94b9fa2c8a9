//! From bytes to packets: cuts frames out of what the socket gave, keeps what is not whole, and
//! hands each packet to its file. Nothing is decided here.

use theseus_mqtt::{Cut, DecodeError, Frame, Packet, ProtocolVersion, ReasonCode, cut};

use crate::Time;
use crate::keys::ConnectionKey;
use crate::message::{Layout, Message};
use crate::shard::Shard;

/// A packet whose whole length is at least this is read straight into a buffer of its own.
const DIRECT_READ_MIN: usize = 32 * 1024;

/// So much of a large packet must have arrived before the rest is read straight.
const DIRECT_READ_AFTER: usize = 16 * 1024;

/// A direct read grows its buffer by at most this much before the bytes have arrived.
const DIRECT_READ_STEP: usize = 64 * 1024;

impl Shard {
    /// Handles `bytes` that the socket gave. Packets may be cut anywhere.
    pub fn receive(&mut self, now: Time, key: ConnectionKey, bytes: &[u8]) {
        self.metrics().bytes_received.add(bytes.len() as u64);
        self.catch_up(now, key);
        let mut rest = bytes;
        while let Some(connection) = self.connections.get_mut(key)
            && connection.is_open()
            && !rest.is_empty()
        {
            if !connection.takes_packets() {
                connection.partial.extend_from_slice(rest);
                connection.behind = true;
                return;
            }
            if connection.partial.is_empty() {
                return self.handle_packets(now, key, rest);
            }
            rest = self.complete_partial(now, key, rest);
        }
    }

    /// The buffer to read into instead of the shared one, and how much is wanted, while a large
    /// packet is on its way. Call [`Shard::received_direct`] after the read.
    pub fn direct_read(&mut self, key: ConnectionKey) -> Option<(&mut Vec<u8>, usize)> {
        let connection = self.connections.get_mut(key)?;
        let missing = connection.partial_packet.checked_sub(connection.partial.len())?;
        let arrived = connection.partial.len();
        if missing < DIRECT_READ_MIN
            || arrived < DIRECT_READ_AFTER
            || connection.behind
            || !connection.takes_packets()
        {
            return None;
        }
        // For what was only announced no memory is taken.
        connection.partial.reserve(missing.min(DIRECT_READ_STEP).min(arrived));
        Some((&mut connection.partial, missing))
    }

    /// Handles the large packet if [`Shard::direct_read`] has completed it with `count` bytes.
    pub fn received_direct(&mut self, now: Time, key: ConnectionKey, count: usize) {
        self.metrics().bytes_received.add(count as u64);
        let Some(connection) = self.connections.get(key) else { return };
        if connection.partial.len() >= connection.partial_packet {
            self.handle_partial(now, key);
        }
    }

    /// Handles the packets that a pause, or a full output, has left behind, once it is over. The shell calls it when
    /// it reads again; never from within another client's doing, or a chain of clients that wait
    /// for each other would be a chain of calls.
    pub fn catch_up(&mut self, now: Time, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.behind
            && connection.takes_packets()
        {
            connection.behind = false;
            self.handle_partial(now, key);
        }
    }

    /// Ends a pause: the shell reads again.
    pub(crate) fn resume(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.paused_until = None;
            self.mark_dirty(key);
        }
    }

    /// Handles all whole packets in `bytes`; keeps the beginning of the next one.
    fn handle_packets(&mut self, now: Time, key: ConnectionKey, bytes: &[u8]) {
        let consumed = self.handle_whole(now, key, bytes);
        if let Some(connection) = self.connections.get_mut(key)
            && connection.is_open()
        {
            connection.heard(now, consumed);
            connection.partial.extend_from_slice(&bytes[consumed..]);
            connection.behind = !connection.takes_packets();
        }
    }

    /// Handles whole packets until one is cut, the connection closes, reading is paused or too many
    /// answers wait.
    /// Returns how many bytes they took.
    fn handle_whole(&mut self, now: Time, key: ConnectionKey, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        while self.may_handle(key) {
            match cut(&bytes[consumed..], self.client_limits(key).packet_size_max) {
                Ok(Cut::Frame { frame, consumed: len }) => {
                    if !self.handle_frame(now, key, frame, len) {
                        break;
                    }
                    consumed += len;
                }
                Ok(Cut::Incomplete { packet_len }) => {
                    self.expect_packet(key, packet_len.unwrap_or(0));
                    break;
                }
                Err(error) => self.reject(now, key, error),
            }
        }
        self.end_run(key);
        consumed
    }

    /// Adds to `partial` only what completes its first packet; returns the rest.
    fn complete_partial<'b>(&mut self, now: Time, key: ConnectionKey, bytes: &'b [u8]) -> &'b [u8] {
        let Some(connection) = self.connections.get_mut(key) else { return &[] };
        // A header that is not whole yet grows byte by byte: it has at most five.
        let missing = connection.partial_packet.saturating_sub(connection.partial.len()).max(1);
        let (now_whole, rest) = bytes.split_at(missing.min(bytes.len()));
        connection.partial.extend_from_slice(now_whole);
        if connection.partial.len() >= connection.partial_packet {
            self.handle_partial(now, key);
        }
        rest
    }

    /// Handles the packets in `partial` and keeps what is left of it.
    fn handle_partial(&mut self, now: Time, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let mut bytes = std::mem::take(&mut connection.partial);
        let whole = bytes.len() == std::mem::take(&mut connection.partial_packet);
        if whole && bytes.len() >= DIRECT_READ_MIN {
            connection.heard(now, bytes.len());
            self.handle_large(now, key, bytes);
            return self.end_run(key);
        }
        let consumed = self.handle_whole(now, key, &bytes);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.heard(now, consumed);
        if connection.is_open() && consumed < bytes.len() {
            bytes.drain(..consumed);
            connection.partial = bytes;
            connection.behind = !connection.takes_packets();
        }
    }

    /// Handles one large packet that has a buffer of its own; a PUBLISH keeps the buffer as its
    /// message instead of copying it.
    fn handle_large(&mut self, now: Time, key: ConnectionKey, bytes: Vec<u8>) {
        let frame = match cut(&bytes, self.client_limits(key).packet_size_max) {
            Ok(Cut::Frame { frame, .. }) => frame,
            Ok(Cut::Incomplete { .. }) => return,
            Err(error) => return self.reject(now, key, error),
        };
        let header = frame.header;
        if header >> 4 != PUBLISH {
            if !self.handle_frame(now, key, frame, bytes.len()) {
                self.keep_large(key, bytes);
            }
            return;
        }
        let body_at = bytes.len() - frame.body.len();
        let packet = Packet::decode(frame, self.version(key));
        if let Ok(Packet::Publish(publish)) = &packet
            && !self.count_publish(now, key, publish, bytes.len())
        {
            return self.keep_large(key, bytes);
        }
        self.metrics().packets_received.count(header);
        let (packet_id, way, layout) = match packet {
            Ok(Packet::Publish(publish)) if publish.properties.topic_alias().is_some() => {
                return self.handle_aliased_publish(now, key, &publish);
            }
            Ok(Packet::Publish(publish)) => {
                let Some(way) = self.accept_publish(now, key, &publish) else { return };
                (publish.packet_id, way, Layout::of_frame(&publish, body_at, bytes.len(), now))
            }
            Ok(_) => return,
            Err(error) => return self.reject(now, key, error),
        };
        self.publish_accepted(now, key, packet_id, way, Message::from_large(layout, bytes));
    }

    fn may_handle(&self, key: ConnectionKey) -> bool {
        self.connections
            .get(key)
            .is_some_and(|connection| connection.is_open() && connection.takes_packets())
    }

    fn expect_packet(&mut self, key: ConnectionKey, packet_len: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.partial_packet = packet_len;
        }
    }

    fn version(&self, key: ConnectionKey) -> ProtocolVersion {
        self.connections.get(key).map_or(ProtocolVersion::V5, |c| c.protocol.version)
    }

    /// Puts back a large packet that has to wait.
    fn keep_large(&mut self, key: ConnectionKey, bytes: Vec<u8>) {
        if let Some(connection) = self.connections.get_mut(key).filter(|it| it.is_open()) {
            connection.partial_packet = bytes.len();
            connection.partial = bytes;
            connection.behind = true;
        }
    }

    /// Dispatches one packet of `len` bytes; false if it has to wait.
    fn handle_frame(
        &mut self,
        now: Time,
        key: ConnectionKey,
        frame: Frame<'_>,
        len: usize,
    ) -> bool {
        let (header, body) = (frame.header, frame.body);
        let packet = Packet::decode(frame, self.version(key));
        if let Ok(packet) = &packet
            && !self.count_packet(now, key, packet, len)
        {
            return false;
        }
        self.metrics().packets_received.count(header);
        match packet {
            Ok(packet) => self.handle_packet(now, key, packet, body),
            Err(error) => self.reject(now, key, error),
        }
        true
    }

    fn handle_packet(&mut self, now: Time, key: ConnectionKey, packet: Packet<'_>, body: &[u8]) {
        match packet {
            Packet::Publish(publish) => self.handle_publish(now, key, &publish, body),
            Packet::PubAck(ack) => self.handle_puback(now, key, &ack),
            Packet::PubRec(ack) => self.handle_pubrec(now, key, &ack),
            Packet::PubRel(ack) => self.handle_pubrel(key, &ack),
            Packet::PubComp(ack) => self.handle_pubcomp(now, key, &ack),
            Packet::Subscribe(subscribe) => self.handle_subscribe(now, key, &subscribe, body),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(now, key, &unsubscribe),
            Packet::PingReq => self.handle_pingreq(key),
            Packet::Disconnect(disconnect) => self.handle_disconnect(now, key, &disconnect),
            Packet::Auth(auth) => self.handle_auth(now, key, &auth),
            // A second CONNECT [MQTT-3.1.0-2], and packets that only a server sends.
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => self.fail(now, key, ReasonCode::ProtocolError),
        }
    }

    /// Ends a connection that broke the form of the protocol.
    fn reject(&mut self, now: Time, key: ConnectionKey, error: DecodeError) {
        if matches!(error, DecodeError::PacketTooLarge { .. }) {
            self.metrics().packets_too_large.add(1);
        }
        self.fail_saying(now, key, error.reason(), &error.to_string());
    }
}

/// The packet type of PUBLISH (MQTT 5.0, 2.1.2).
const PUBLISH: u8 = 3;
