//! Cuts a byte stream into packets by their fixed headers, and refuses what no version allows.
//!
//! It looks at nothing behind the fixed header. Used by connections before they buffer anything.

use crate::packet_type::DUP;
use crate::varint::{Varint, split_varint};
use crate::{DecodeError, Fault, PacketType, Problem, ProtocolVersion, varint_len};

/// One whole packet: its first byte, and all that follows the remaining length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Packet type and flags.
    pub header: u8,
    /// Variable header and payload.
    pub body: &'a [u8],
    /// The remaining length took more bytes than it needs: 5.0 forbids it, 3.x does not.
    pub(crate) padded_length: bool,
}

impl<'a> Frame<'a> {
    /// A packet put together by the caller, with a remaining length of the shortest form.
    #[must_use]
    pub const fn new(header: u8, body: &'a [u8]) -> Self {
        Self { header, body, padded_length: false }
    }

    /// The size in bytes of the packet, its remaining length in the shortest form.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        1 + varint_len(self.body.len() as u32) + self.body.len()
    }

    /// `[MQTT-1.5.5-1]`; 3.x shows the shortest form, but does not forbid others.
    pub(crate) fn check_length_form(
        &self,
        packet: PacketType,
        version: ProtocolVersion,
    ) -> Result<(), DecodeError> {
        if self.padded_length && version.is_v5() {
            return Err(packet.malformed("remaining length", Problem::IntegerNotMinimal));
        }
        Ok(())
    }
}

/// What stands at the front of a byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A whole packet.
    Frame {
        /// The packet.
        frame: Frame<'a>,
        /// How many bytes of the stream it took.
        consumed: usize,
    },
    /// Less than a packet; nothing is wrong with it so far.
    Incomplete {
        /// The size in bytes of the whole packet, once its fixed header is complete.
        packet_len: Option<usize>,
    },
}

/// Cuts the first packet off `bytes`. What can be told from the fixed header is told before the
/// rest arrives: packet type, flags (as far as all versions agree) and size.
///
/// A remaining length longer than it need be is taken here and refused by
/// [`Packet::decode`](crate::Packet::decode) in 5.0 only `[MQTT-1.5.5-1]`; 3.x does not forbid it.
///
/// # Errors
/// [`DecodeError::PacketTooLarge`] if the whole packet, fixed header included, is larger than
/// `packet_size_max` bytes; [`DecodeError::MalformedPacket`] for the reserved packet type 0, wrong
/// flags, and a remaining length of more than four bytes.
pub fn cut(bytes: &[u8], packet_size_max: usize) -> Result<Cut<'_>, DecodeError> {
    let Some((&header, after_header)) = bytes.split_first() else {
        return Ok(Cut::Incomplete { packet_len: None });
    };
    let packet = check_header(header)?;
    let (body_len, field_len) = match split_varint(after_header) {
        Varint::Whole { value, len } => (value, len),
        Varint::Incomplete => return Ok(Cut::Incomplete { packet_len: None }),
        Varint::TooLong => {
            return Err(packet.malformed("remaining length", Problem::IntegerTooLong));
        }
    };
    let head_len = 1 + field_len;
    let packet_len = head_len + body_len as usize;
    if packet_len > packet_size_max {
        return Err(DecodeError::PacketTooLarge { packet_len, limit: packet_size_max });
    }
    let Some(body) = bytes.get(head_len..packet_len) else {
        return Ok(Cut::Incomplete { packet_len: Some(packet_len) });
    };
    let padded_length = field_len != varint_len(body_len);
    Ok(Cut::Frame { frame: Frame { header, body, padded_length }, consumed: packet_len })
}

/// Type and flags: `[MQTT-2.1.3-1]`, 3.1.1 `[MQTT-2.2.2-1]`, `[MQTT-2.2.2-2]`.
fn check_header(header: u8) -> Result<PacketType, DecodeError> {
    let Some(packet) = PacketType::from_header(header) else {
        let fault = Fault { packet: None, field: "packet type", problem: Problem::Reserved };
        return Err(DecodeError::MalformedPacket(fault));
    };
    if !packet.flags_possible(header) {
        return Err(packet.malformed("fixed header flags", Problem::Reserved));
    }
    if packet == PacketType::Publish {
        check_publish_flags(header)?;
    }
    Ok(packet)
}

/// `[MQTT-3.3.1-4]` and `[MQTT-3.3.1-2]`, in all versions.
pub(crate) fn check_publish_flags(header: u8) -> Result<(), DecodeError> {
    match (header >> 1) & 0b11 {
        0 if header & DUP != 0 => Err(PacketType::Publish.malformed("DUP", Problem::NotAtQoS0)),
        3 => Err(PacketType::Publish.malformed("QoS", Problem::OutOfRange)),
        _ => Ok(()),
    }
}
