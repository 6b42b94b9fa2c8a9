//! Reads fields off the front of a packet's body; every read is bounded by the body.
//!
//! It knows the standard's data types (section 1.5), no packet. Used by every `decode`.

use crate::varint::{Varint, split_varint};
use crate::{DecodeError, Fault, PacketId, PacketType, Problem, QoS};

/// The unread rest of one packet, or of one packet's properties.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    packet: PacketType,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], packet: PacketType) -> Self {
        Self { rest: bytes, packet }
    }

    /// Bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The error of a field that cannot be parsed.
    pub(crate) fn malformed(&self, field: &'static str, problem: Problem) -> DecodeError {
        self.packet.malformed(field, problem)
    }

    /// Takes everything that is left.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Ends the packet: nothing may be left.
    pub(crate) fn end(&self, last_field: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.malformed(last_field, Problem::TrailingBytes))
    }

    pub(crate) fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(n) else {
            return Err(self.malformed(field, Problem::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let Some((&byte, rest)) = self.rest.split_first() else {
            return Err(self.malformed(field, Problem::Truncated));
        };
        self.rest = rest;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.malformed(field, Problem::Truncated));
        };
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.malformed(field, Problem::Truncated));
        };
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// A variable byte integer in its shortest form `[MQTT-1.5.5-1]`.
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match split_varint(self.rest) {
            Varint::Whole { value, len } if len == crate::varint_len(value) => {
                self.rest = &self.rest[len..];
                Ok(value)
            }
            Varint::Whole { .. } => Err(self.malformed(field, Problem::IntegerNotMinimal)),
            Varint::Incomplete => Err(self.malformed(field, Problem::Truncated)),
            Varint::TooLong => Err(self.malformed(field, Problem::IntegerTooLong)),
        }
    }

    /// Binary data: two bytes of length, then as many bytes.
    pub(crate) fn binary(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.u16(field)?;
        self.take(usize::from(len), field)
    }

    /// A UTF-8 string `[MQTT-1.5.4-1]` without U+0000 `[MQTT-1.5.4-2]`; U+FEFF stays where it is
    /// `[MQTT-1.5.4-3]`. 3.1.1: `[MQTT-1.5.3-1]` to `-3`.
    pub(crate) fn string(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let bytes = self.binary(field)?;
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(self.malformed(field, Problem::NotUtf8));
        };
        if bytes.contains(&0) {
            return Err(self.malformed(field, Problem::NulCharacter));
        }
        Ok(text)
    }

    /// A name and a value `[MQTT-1.5.7-1]`.
    pub(crate) fn pair(&mut self, field: &'static str) -> Result<(&'a str, &'a str), DecodeError> {
        Ok((self.string(field)?, self.string(field)?))
    }

    /// A byte that must be 0 or 1.
    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.packet.protocol_error(field, Problem::OutOfRange)),
        }
    }

    /// A byte that must be a QoS.
    pub(crate) fn qos(&mut self, field: &'static str) -> Result<QoS, DecodeError> {
        let byte = self.byte(field)?;
        QoS::try_from(byte).map_err(|_| self.packet.protocol_error(field, Problem::OutOfRange))
    }

    /// A packet identifier, never 0.
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        let field = "packet identifier";
        let id = self.u16(field)?;
        PacketId::new(id).ok_or_else(|| self.malformed(field, Problem::Zero))
    }
}

impl PacketType {
    /// The error of a field of this packet that cannot be parsed.
    pub(crate) const fn malformed(self, field: &'static str, problem: Problem) -> DecodeError {
        DecodeError::MalformedPacket(Fault { packet: Some(self), field, problem })
    }

    /// The error of a field of this packet that says what it must not.
    pub(crate) const fn protocol_error(self, field: &'static str, problem: Problem) -> DecodeError {
        DecodeError::ProtocolError(Fault { packet: Some(self), field, problem })
    }
}
