//! Appends fields and whole packets to a buffer.
//!
//! It knows the standard's data types, no packet. Used by every `encode` and by the broker's own heads.

use crate::varint::{VARINT_MAX, put_varint};
use crate::{EncodeError, PacketType, Problem, QoS};

/// Appends a fixed header: the first byte and the remaining length, at most [`VARINT_MAX`] bytes
/// (of more, the lower 32 bits are written, which no receiver accepts above [`VARINT_MAX`]).
pub fn put_fixed_header(out: &mut Vec<u8>, first_byte: u8, remaining_len: usize) {
    out.push(first_byte);
    put_varint(out, remaining_len as u32);
}

/// Appends a string with its two bytes of length.
///
/// # Errors
/// [`EncodeError::TooLong`] above 65535 bytes; nothing is written then.
pub fn put_string(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    put_binary(out, text.as_bytes(), "string")
}

/// Appends a whole packet: `put_body` writes what follows the fixed header. On an error `out` is
/// left as it was.
pub(crate) fn put_packet(
    out: &mut Vec<u8>,
    header: u8,
    put_body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    // Most packets are shorter than 128 bytes: one byte of length is right, and nothing moves.
    out.extend([header, 0]);
    let length_at = start + 1;
    let result = put_body(out).and_then(|()| fill_length(out, length_at));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Writes the length of all that follows `length_at` over the one byte that stands there.
fn fill_length(out: &mut Vec<u8>, length_at: usize) -> Result<(), EncodeError> {
    let body_len = packet_len_field(out.len() - length_at - 1)?;
    if body_len < 0x80 {
        out[length_at] = body_len as u8;
        return Ok(());
    }
    let mut field = Vec::with_capacity(4);
    put_varint(&mut field, body_len);
    out.splice(length_at..=length_at, field);
    Ok(())
}

/// `len` as a remaining or property length, if it can be one.
pub(crate) fn packet_len_field(len: usize) -> Result<u32, EncodeError> {
    match u32::try_from(len) {
        Ok(len) if len <= VARINT_MAX => Ok(len),
        _ => Err(EncodeError::TooLong { field: "packet" }),
    }
}

pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_binary(
    out: &mut Vec<u8>,
    bytes: &[u8],
    field: &'static str,
) -> Result<(), EncodeError> {
    let Ok(len) = u16::try_from(bytes.len()) else {
        return Err(EncodeError::TooLong { field });
    };
    put_u16(out, len);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a string of `packet` that may come from outside, so U+0000 is looked for
/// `[MQTT-1.5.4-2]`.
pub(crate) fn put_text(
    out: &mut Vec<u8>,
    text: &str,
    packet: PacketType,
    field: &'static str,
) -> Result<(), EncodeError> {
    if text.as_bytes().contains(&0) {
        return Err(packet.malformed(field, Problem::NulCharacter).into());
    }
    put_binary(out, text.as_bytes(), field)
}

/// How a flag byte carries a QoS: in the two bits from `shift` on.
pub(crate) const fn qos_bits(qos: QoS, shift: u8) -> u8 {
    (qos as u8) << shift
}
